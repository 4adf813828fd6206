import { asID, type NodeID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../testing/cluster.ts';

/** The events that some writes make, as `GET /events` replays them. */
async function eventsOf(write: (api: TestApi) => Promise<unknown>, filters: object = {}, since = true): Promise<string[]> {
  let now = 1_700_000_000_000;
  const api = await startTestApi({
    clock: {
      now: () => now,
      monotonicMs: () => now,
      setTimer: (ms, callback) => {
        if (ms <= 0) setImmediate(callback);
        return () => undefined;
      },
    },
  });
  await api.app.inject('/_ping');
  await write(api);
  const query = `${since ? `since=${now / 1000}&` : ''}until=${now / 1000}&filters=${encodeURIComponent(JSON.stringify(filters))}`;
  now += 1;
  const reply = await api.app.inject(`/events?${query}`);
  expect(reply.headers['content-type']).toBe('application/json');
  return reply.body
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .map(({ Type, Action, Actor }) => `${Type} ${Action} ${JSON.stringify(Actor.Attributes)}`);
}

const WEB = (Replicas: number) => ({
  Name: 'web',
  TaskTemplate: { ContainerSpec: { Image: 'nginx' } },
  Mode: { Replicated: { Replicas } },
});

async function scale(api: TestApi) {
  await api.app.inject({ method: 'POST', url: '/services/create', payload: WEB(1) });
  const { Version } = (await api.app.inject('/services/web')).json();
  await api.app.inject({ method: 'POST', url: `/services/web/update?version=${Version.Index}`, payload: WEB(2) });
  await api.store.update((tx) => tx.secrets.create({ ID: asID('s1'), Spec: { Name: 'password' } }));
  await api.app.inject({ method: 'DELETE', url: '/services/web' });
}

test('creation, change and removal are told, with what has changed', async () => {
  expect(await eventsOf(scale)).toEqual([
    'service create {"name":"web"}',
    'service update {"name":"web","replicas.old":"1","replicas.new":"2"}',
    'secret create {"name":"password"}',
    'service remove {"name":"web"}',
  ]);
});

test.each([
  [{ type: ['secret'] }, ['secret create {"name":"password"}']],
  [{ event: { remove: true } }, ['service remove {"name":"web"}']],
  [{ service: ['we'], event: ['create'] }, ['service create {"name":"web"}']],
  [{ scope: ['local'] }, []],
  [{ image: ['web'] }, []],
  [{ label: ['replicas.new=2'] }, ['service update {"name":"web","replicas.old":"1","replicas.new":"2"}']],
  [{ secret: ['pass'], nonsense: ['x'] }, ['secret create {"name":"password"}']],
])('filtered by %j', async (filters, expected) => {
  expect(await eventsOf(scale, filters)).toEqual(expected);
});

test('an end without a beginning asks for all that is kept until then', async () => {
  expect(await eventsOf(scale, { type: ['secret'] }, false)).toEqual(['secret create {"name":"password"}']);
});

test('a task that starts without the data of its local volumes is told of, once', async () => {
  const events = await eventsOf(async (api) => {
    await api.app.inject({ method: 'POST', url: '/services/create', payload: WEB(1) });
    const service = api.store.view((tx) => tx.services.all()[0]!);
    const { ID: ServiceID, templateID, specVersion } = service;
    const Status = { State: 'pending', Timestamp: '' } as const;
    const origin = { kind: 'restart', node: { id: asID<NodeID>('lost'), why: 'volume' } } as const;
    await api.store.update((tx) =>
      tx.tasks.create({ ID: asID('t'), ServiceID, templateID, specVersion, Slot: 1, DesiredState: 'running', origin, Status }),
    );
    for (const State of ['assigned', 'running'] as const) {
      await api.store.update((tx) => tx.tasks.update({ ...tx.tasks.get('t')!, NodeID: asID('here'), Status: { ...Status, State } }));
    }
    const [shown] = (await api.app.inject('/tasks')).json();
    expect(shown.Status.Message).toBe('WARNING: its local volumes start empty here, their data is on node lost');
  });
  expect(events.slice(1)).toEqual([
    'service update {"volume.empty":"true","volume.node":"lost","task.id":"t","task.node":"here","task.slot":"1"}',
  ]);
});

test('a node is told of when its users can see the change, and not for more', async () => {
  const events = await eventsOf(async (api) => {
    const node = () => api.store.view((tx) => tx.nodes.all()[0]!);
    await api.store.update((tx) => tx.nodes.update({ ...node(), engineHealth: { ok: true } }));
    await api.store.update((tx) => tx.nodes.update({ ...node(), Status: { ...node().Status, State: 'down' } }));
  });
  expect(events).toEqual(['node update {"name":"boss","state.old":"ready","state.new":"down"}']);
});
