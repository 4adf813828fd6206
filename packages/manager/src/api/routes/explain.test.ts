import type { Node, Service } from '@swarm/shared/domain/objects';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../testing/cluster.ts';

const node = (api: TestApi, name: string): Promise<Node> =>
  api.store.update((tx) =>
    tx.nodes.create({
      ID: asID(name),
      Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
      Description: {
        Hostname: `host-${name}`,
        Platform: { Architecture: 'x86_64', OS: 'linux' },
        Resources: { NanoCPUs: 4e9, MemoryBytes: 2 ** 32 },
        Engine: { EngineVersion: '29.0.0', Labels: {}, Plugins: [] },
      },
      Status: { State: 'ready', Addr: '10.0.0.2' },
      role: 'worker',
      keyFingerprint: name,
    }),
  );

/** A service of three tasks, all on the node `full`. */
async function start(Labels: Record<string, string> = {}, TaskTemplate: object = { ContainerSpec: { Image: 'nginx' } }): Promise<TestApi> {
  const api = await startTestApi();
  await node(api, 'full');
  await node(api, 'free');
  await api.app.inject({
    method: 'POST',
    url: '/services/create',
    payload: {
      Name: 'web',
      Labels,
      TaskTemplate: { ...TaskTemplate, Placement: { Constraints: ['node.role==worker'] } },
      Mode: { Replicated: { Replicas: 3 } },
    },
  });
  await api.store.update((tx) => {
    const { ID: ServiceID, templateID, specVersion } = tx.services.all()[0] as Service;
    for (const Slot of [1, 2, 3]) {
      const Status = { State: 'running', Timestamp: '2030-01-01T00:00:00Z' } as const;
      tx.tasks.create({
        ID: asID(`t${Slot}`),
        ServiceID,
        templateID,
        specVersion,
        Slot,
        NodeID: asID('full'),
        DesiredState: 'running',
        Status,
      });
    }
  });
  return api;
}

test('explain answers for a task and a service by the names that lists show, and 404 for what is not there', async () => {
  const { app } = await start();
  const task = (await app.inject('/x/explain/tasks/web.2.t2')).json();
  expect(task.Task).toMatchObject({ Name: 'web.2.t2', State: 'running', Node: { Name: 'host-full' } });
  expect(
    task.Nodes.map(({ Name, Fits, ServiceTasks }: { Name: string; Fits: boolean; ServiceTasks: number }) => [Name, Fits, ServiceTasks]),
  ).toEqual([
    ['host-free', true, 0],
    ['host-full', true, 2],
    ['boss', false, 0],
  ]);
  expect((await app.inject('/x/explain/services/web')).json().Why).toEqual(['3 of 3 tasks run']);
  expect((await app.inject('/x/explain/services/nobody')).statusCode).toBe(404);
  expect((await app.inject('/x/explain/tasks/nobody')).statusCode).toBe(404);
});

const rebalance = async ({ app }: TestApi, payload: object) => (await app.inject({ method: 'POST', url: '/x/rebalance', payload })).json();
const isAsked = ({ store }: TestApi) => store.view((tx) => tx.services.all()[0]?.rebalanceSince !== undefined);

test('a task that has a node would look for another as its service is now, also when only the constraints have changed', async () => {
  const { app, store } = await start();
  const { ID, Version, Spec } = store.view((tx) => tx.services.all()[0] as Service);
  const TaskTemplate = { ...Spec.TaskTemplate, Placement: { Constraints: ['node.hostname==host-free'] } };
  await app.inject({ method: 'POST', url: `/services/${ID}/update?version=${Version.Index}`, payload: { ...Spec, TaskTemplate } });
  const { Nodes } = (await app.inject('/x/explain/tasks/t1')).json();
  expect(Nodes.map(({ Name, Fits }: { Name: string; Fits: boolean }) => [Name, Fits])).toEqual([
    ['host-free', true],
    ['boss', false],
    ['host-full', false],
  ]);
});

test('a dry run says what would be moved and asks for nothing; without it the same is asked for', async () => {
  const api = await start();
  const moves = [{ Service: 'web', Task: 'web.3.t3', TaskID: 't3', From: 'host-full', To: 'host-free' }];
  expect(await rebalance(api, { DryRun: true })).toEqual({ Moves: moves, Skipped: [] });
  expect(isAsked(api)).toBe(false);
  expect(await rebalance(api, { Services: ['web'] })).toEqual({ Moves: moves, Skipped: [] });
  expect(isAsked(api)).toBe(true);
});

test('tasks with local volumes are not moved, and the answer says why', async () => {
  const Mounts = [{ Type: 'volume', Source: 'data', Target: '/data' }];
  const api = await start({}, { ContainerSpec: { Image: 'db', Mounts } });
  expect(await rebalance(api, {})).toEqual({
    Moves: [],
    Skipped: [{ Service: 'web', Reason: 'its tasks have local volumes, whose data would stay behind' }],
  });
  expect(isAsked(api)).toBe(false);
});
