import type { ServiceSpec } from '@swarm/shared/engine-api/service-spec';
import { timestamp } from '@swarm/shared/runtime/clock';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestCluster } from '../testing/test-cluster.ts';
import { decideWaiting } from './decide/dependencies.ts';
import { down, facts, node, serviceSpec, T0, task, world } from './testing/build.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start();
});
afterEach(async () => {
  await cluster.stop();
  expect(cluster.forbidden).toEqual([]);
});

const named = (Name: string, waitsFor: string | undefined, more: Partial<ServiceSpec> & { image?: string } = {}) => {
  const { image = `${Name}:1`, ...spec } = more;
  return serviceSpec(
    { ContainerSpec: { Image: image } },
    { Name, Labels: waitsFor === undefined ? {} : { 'swarm.depends_on': waitsFor }, ...spec },
  );
};
const holds = (name = 'web') => cluster.live(name).map((task) => task.hold);
const serves = (name: string) => cluster.until(() => cluster.serving(name).length > 0, `${name} runs`);
const stays = async (condition: () => boolean, ms = 30_000) => {
  const until = cluster.clock.now() + ms;
  while (cluster.clock.now() < until) {
    expect(condition()).toBe(true);
    await cluster.clock.advance(500);
  }
};

test('a task is held until its dependency is healthy, and says so', async () => {
  cluster.behaviours.set('db:1', { startMs: 20_000 });
  await cluster.deploy(named('web', 'db:service_healthy', { Mode: { Replicated: { Replicas: 2 } } }));
  await cluster.until(() => cluster.tasks().length === 2, 'two tasks');
  expect(holds()).toEqual(Array(2).fill('waiting for service db, which does not exist'));
  await cluster.deploy(named('db', undefined));
  await cluster.until(() => holds().every((reason) => reason === 'waiting for service db to be healthy (0 of 1)'), 'the new reason');
  expect(cluster.tasks().map((task) => [task.Status.State, task.NodeID])).toEqual(Array(2).fill(['pending', undefined]));
  await serves('db');
  await cluster.until(() => cluster.serving().length === 2, 'both run');
  expect(holds()).toEqual([undefined, undefined]);
});

test('a chain starts in its order', async () => {
  await cluster.deploy(named('web', 'api:service_healthy'));
  await cluster.deploy(named('api', 'db:service_healthy'));
  await cluster.deploy(named('db', undefined));
  await serves('web');
  const [db, api, web] = ['db', 'api', 'web'].map((name) => Date.parse(cluster.serving(name)[0]?.runningSince ?? ''));
  expect([db! < api!, api! < web!]).toEqual([true, true]);
});

test('a job that completed lets its dependents go; one that failed for good keeps them, with the reason', async () => {
  const once = { TaskTemplate: { ContainerSpec: { Image: 'migrate:1' }, RestartPolicy: { Condition: 'none' as const } } };
  cluster.behaviours.set('migrate:1', { livesMs: 1_000, endsAs: 'failed' });
  await cluster.deploy(named('web', 'migrate:service_completed_successfully'));
  await cluster.deploy({ ...named('migrate', undefined), ...once });
  await cluster.until(
    () => holds()[0]?.startsWith('waiting for service migrate to complete successfully (0 of 1; its last task failed:') === true,
    'the reason',
  );
  await stays(() => cluster.serving().length === 0);
  cluster.behaviours.set('migrate:2', { livesMs: 1_000, endsAs: 'complete' });
  await cluster.deploy({
    ...named('migrate', undefined),
    ...once,
    TaskTemplate: { ...once.TaskTemplate, ContainerSpec: { Image: 'migrate:2' } },
  });
  await stays(() => cluster.serving().length === 0, 2_000);
});

test('a replicated job that completes lets its dependents go', async () => {
  cluster.behaviours.set('migrate:1', { livesMs: 1_000, endsAs: 'complete' });
  await cluster.deploy(named('web', 'migrate:service_completed_successfully'));
  await cluster.deploy(named('migrate', undefined, { Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 2 } } }));
  await serves('web');
  expect(cluster.tasks('migrate').filter((task) => task.Status.State === 'complete')).toHaveLength(2);
});

test('an optional dependency that fails for good is not waited for', async () => {
  cluster.behaviours.set('migrate:1', { livesMs: 1_000, endsAs: 'failed' });
  await cluster.deploy(named('web', 'migrate:service_completed_successfully:optional'));
  await serves('web');
  await cluster.removeService('web');
  await cluster.until(() => cluster.tasks().length === 0, 'web gone');
  const policy = { RestartPolicy: { Condition: 'none' as const } };
  await cluster.deploy({ ...named('migrate', undefined), TaskTemplate: { ContainerSpec: { Image: 'migrate:1' }, ...policy } });
  await cluster.deploy(named('web', 'migrate:service_completed_successfully:optional'));
  await serves('web');
});

test('an optional dependency that could not start is still waited for while its next attempt is to come', () => {
  const db = facts();
  const rule = { service: 'db', condition: 'service_healthy', restart: false, required: false } as const;
  const waits = (desired: 'ready' | 'shutdown') =>
    decideWaiting([{ rule, facts: db, tasks: [task('db', { state: 'rejected', desired })], nodes: () => [] }], world([], db)).waits;
  expect(waits('ready')).toBe('waiting for service db to be healthy (0 of 1)');
  expect(waits('shutdown')).toBeUndefined();
});

test('when a dependency is removed, who waits for it is looked at again at once', async () => {
  cluster.behaviours.set('db:1', { startMs: 1e12 });
  await cluster.deploy(named('db', undefined));
  await cluster.deploy(named('web', 'db:service_healthy'));
  await cluster.deploy(named('api', 'db:service_healthy:optional'));
  await cluster.until(() => holds('api')[0] === 'waiting for service db to be healthy (0 of 1)', 'api waits');
  await cluster.removeService('db');
  await cluster.until(() => cluster.serving('api').length === 1, 'api runs', 5_000);
  expect(holds('web')).toEqual(['waiting for service db, which does not exist']);
});

test('in a re-deploy of both, what runs stays until the new dependency is healthy', async () => {
  await cluster.deploy(named('db', undefined));
  await cluster.deploy(named('web', 'db:service_healthy'));
  await serves('web');
  cluster.behaviours.set('db:2', { startMs: 20_000 });
  await cluster.deploy(named('db', undefined, { image: 'db:2' }));
  await cluster.deploy(named('web', 'db:service_healthy', { image: 'web:2' }));
  await cluster.until(
    () => cluster.service().UpdateStatus?.Message === 'update in progress, waiting for service db to be healthy (0 of 1)',
    'the update waits',
  );
  await stays(() => cluster.images()[0] === 'web:1' && cluster.images('db')[0] !== 'db:2', 10_000);
  await cluster.until(() => cluster.images()[0] === 'web:2', 'the new web');
  expect(cluster.images('db')).toEqual(['db:2']);
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'completed', 'the update ends');
});

test('a crash is answered at once, whatever the dependency does', async () => {
  await cluster.deploy(named('db', undefined));
  await cluster.deploy(named('web', 'db:service_healthy'));
  await serves('web');
  await cluster.removeService('db');
  await cluster.until(() => cluster.tasks('db').length === 0, 'db gone');
  await cluster.kill(cluster.serving()[0]!);
  await serves('web');
});

test.each([
  ['restart', 2],
  ['', 1],
] as const)('an update of the dependency renews those that ask for it (%j: %i generations of tasks)', async (word, generations) => {
  await cluster.deploy(named('db', undefined));
  await cluster.deploy(named('web', `db:service_healthy${word && `:${word}`}`));
  await serves('web');
  const seen = new Set(cluster.serving().map((task) => task.ID));
  cluster.onCommit = () => {
    for (const task of cluster.live()) seen.add(task.ID);
  };
  await cluster.deploy(named('db', undefined, { image: 'db:2' }));
  await cluster.until(() => cluster.service('db').UpdateStatus?.State === 'completed', 'db is updated');
  await cluster.clock.advance(60_000);
  await cluster.deploy(named('db', undefined, { image: 'db:2', Labels: { note: 'restarts nothing' } }));
  await cluster.clock.advance(60_000);
  expect(seen.size).toBe(generations);
  expect(cluster.serving()).toHaveLength(1);
});

test('a restart follows the dependency start-first too', async () => {
  const startFirst = { UpdateConfig: { Order: 'start-first' as const, Parallelism: 1 } };
  await cluster.deploy(named('db', undefined));
  await cluster.deploy(named('web', 'db:service_healthy:restart', startFirst));
  await serves('web');
  const [before] = cluster.serving();
  await cluster.deploy(named('db', undefined, { image: 'db:2' }));
  await cluster.until(() => cluster.serving().length === 1 && cluster.serving()[0]?.ID !== before?.ID, 'web is renewed');
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'completed', 'the update ends');
});

test.each([
  { it: 'that runs renews its dependents', fields: { runningS: 6 }, outdatedBefore: timestamp(T0 + 5_000) },
  { it: 'that never ran renews nobody', fields: { state: 'rejected', desired: 'shutdown' }, outdatedBefore: undefined },
] as const)('a renewed task of the dependency $it', ({ fields, outdatedBefore }) => {
  const db = facts();
  const rule = { service: 'db', condition: 'service_healthy', restart: true, required: true } as const;
  const tasks = [task('renewed', { origin: { kind: 'update' }, createdS: 5, ...fields })];
  const waiting = decideWaiting([{ rule, facts: db, tasks, nodes: () => [] }], world([], db));
  expect(waiting.outdatedBefore).toBe(outdatedBefore);
});

test.each([
  {
    it: 'a task on a node that is down is not there for anybody',
    condition: 'service_healthy',
    tasks: [task('lost', { node: 'D' })],
    waits: 'waiting for service db to be healthy (0 of 1)',
  },
  {
    it: 'nor is it one that is started',
    condition: 'service_started',
    tasks: [task('lost', { node: 'D' })],
    waits: 'waiting for service db to be started (0 of 1)',
  },
  {
    it: 'what completed on a node that is down has completed',
    condition: 'service_completed_successfully',
    tasks: [task('done', { node: 'D', state: 'complete', desired: 'shutdown' })],
    waits: undefined,
  },
  {
    it: 'of a global one it is the nodes that shall have a task that count',
    condition: 'service_healthy',
    mode: { Global: {} },
    tasks: [task('held', { node: 'C', perNode: true }), task('a', { node: 'A', perNode: true, state: 'starting' })],
    waits: 'waiting for service db to be healthy (0 of 1)',
  },
  {
    it: 'of a global one nodes count too that a manager which has just started has not heard of yet',
    condition: 'service_healthy',
    mode: { Global: {} },
    nodes: ['A', 'B'].map((name) => node(name, { Status: { State: 'unknown', Addr: '' } })),
    tasks: [task('a', { node: 'A', perNode: true }), task('b', { node: 'B', perNode: true, state: 'starting' })],
    waits: 'waiting for service db to be healthy (1 of 2)',
  },
] as const)('of a dependency $it', ({ condition, tasks, waits, ...more }) => {
  const db = facts(serviceSpec({}, 'mode' in more ? { Mode: more.mode } : {}));
  const rule = { service: 'db', condition, restart: false, required: true };
  const nodes = 'nodes' in more ? more.nodes : [node('A'), node('C', { availability: 'pause' }), down('D')];
  expect(decideWaiting([{ rule, facts: db, tasks, nodes: () => nodes }], world(nodes, db)).waits).toBe(waits);
});

test('one that waits is made anew when where it may run changes: by its own constraints it would never get its place', async () => {
  const web = (...constraints: readonly string[]) => {
    const spec = named('web', 'db:service_started', { Mode: { Global: {} } });
    return { ...spec, TaskTemplate: { ...spec.TaskTemplate, Placement: { Constraints: constraints } } };
  };
  await cluster.deploy(web('node.id==a'));
  await cluster.until(() => holds().length > 0, 'tasks that wait');
  const waiting = cluster.live('web').map(({ ID }) => ID);
  await cluster.deploy(web('node.id==a', 'node.role!=manager'));
  await cluster.until(() => holds().length === waiting.length && cluster.live('web').every(({ ID }) => !waiting.includes(ID)), 'others');
});
