import type { Service } from '@swarm/shared/domain/objects';
import { isLive } from '@swarm/shared/domain/task-state';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, onTestFinished, test } from 'vitest';
import { openWorld, taskDraft, type Worker, type World } from './world.ts';

async function open(...nodeIDs: string[]): Promise<World> {
  const world = await openWorld(nodeIDs);
  onTestFinished(() => world.stop());
  return world;
}

/** A worker whose session is open and whose first set has come. */
async function join(world: World, nodeID: string, options = {}): Promise<Worker> {
  const worker = world.startWorker(nodeID, options);
  await world.clock.advanceUntil(() => worker.sets.length > 0 && world.node(nodeID)?.Status.State === 'ready', 1_000, 'the first set');
  return worker;
}

test('a node that connects is ready, with its description, its address, and the complete set first', async () => {
  const world = await open('n1');
  await world.store.update((tx) => tx.tasks.create(taskDraft('t1', 'n1')));
  const worker = await join(world, 'n1');
  expect(world.node('n1')).toMatchObject({
    Status: { State: 'ready', Addr: '10.0.0.1' },
    Description: { Hostname: 'host-n1' },
    engineHealth: { ok: true },
  });
  expect(world.node('n1')?.Status.Message).toBeUndefined();
  expect(worker.welcomes).toEqual([{ nodeID: 'n1', clusterID: 'cluster', role: 'worker' }]);
  expect([...(worker.set()?.tasks.keys() ?? [])]).toEqual(['t1']);
  expect(worker.set()?.secrets.get('key')?.spec.Data).toBe('c2VjcmV0');
  expect(worker.session.reach()).toBe('connected');
});

test('the address that a node advertises counts, not the one it dials from', async () => {
  const world = await open('n1');
  await join(world, 'n1', { advertiseAddr: '192.0.2.7' });
  expect(world.node('n1')?.Status.Addr).toBe('192.0.2.7');
});

test('what changes in the store reaches the node, and nobody else', async () => {
  const world = await open('n1', 'n2');
  const [one, two] = [await join(world, 'n1'), await join(world, 'n2')];
  await world.store.update((tx) => tx.tasks.create(taskDraft('t1', 'n1')));
  await world.clock.advanceUntil(() => one.set()?.tasks.has('t1') === true, 100, 'the task');
  const task = world.task('t1');
  await world.store.update((tx) => tx.tasks.update({ ...task!, DesiredState: 'shutdown' }));
  await world.clock.advanceUntil(() => one.set()?.tasks.get('t1')?.desiredState === 'shutdown', 100, 'the shutdown');
  expect(one.set()?.secrets.size).toBe(0);
  await world.store.update((tx) => tx.tasks.remove('t1'));
  await world.clock.advanceUntil(() => one.set()?.tasks.size === 0, 100, 'the removal');
  expect(one.set()?.templates.size).toBe(0);
  expect(two.sets.length).toBe(1);
});

test('a status is in the store once it is acknowledged, and costs its node no assignment', async () => {
  const world = await open('n1');
  await world.store.update((tx) => tx.tasks.create(taskDraft('t1', 'n1')));
  const worker = await join(world, 'n1');
  const ContainerStatus = { ContainerID: 'c1', PID: 42, ExitCode: 0 };
  worker.report('t1', 'starting');
  worker.report('t1', 'running', { ContainerStatus });
  await world.clock.advanceUntil(() => world.task('t1')?.Status.State === 'running', 100, 'the status');
  expect(world.task('t1')?.Status.ContainerStatus).toEqual(ContainerStatus);
  await world.clock.advance(1_000);
  expect(worker.sets.length).toBe(1);
});

test.each([
  { it: 'a task of another node', taskID: 't2', state: 'failed' as const },
  { it: 'a task that does not exist', taskID: 'gone', state: 'failed' as const },
  { it: 'a state that lies behind', taskID: 't1', state: 'preparing' as const },
  { it: 'the state it has', taskID: 't1', state: 'running' as const },
])('a report of $it is acknowledged and costs no write', async ({ taskID, state }) => {
  const world = await open('n1', 'n2');
  await world.store.update((tx) => {
    tx.tasks.create(taskDraft('t1', 'n1', { Status: { State: 'running', Timestamp: '' } }));
    tx.tasks.create(taskDraft('t2', 'n2'));
  });
  const worker = await join(world, 'n1');
  const before = world.version();
  worker.report(taskID, state);
  await world.clock.advance(100);
  worker.report('t1', 'complete');
  await world.clock.advanceUntil(() => world.task('t1')?.Status.State === 'complete', 100, 'the next report');
  expect(world.version()).toBe(before + 1);
  expect(world.task('t2')?.Status.State).toBe('assigned');
});

test('statuses that were reported without a session, or not acknowledged, arrive after the next one opens', async () => {
  const world = await open('n1');
  await world.store.update((tx) => {
    for (const id of ['t1', 't2', 't3']) tx.tasks.create(taskDraft(id, 'n1'));
  });
  const worker = await join(world, 'n1');
  worker.pair().cut();
  worker.report('t1', 'running');
  await world.clock.advance(10);
  worker.reachable = false;
  worker.pair().sever('cable pulled');
  worker.report('t2', 'failed', { Err: 'x'.repeat(5_000) });
  await world.clock.advance(1_000);
  expect(world.task('t1')?.Status.State).toBe('assigned');
  worker.reachable = true;
  await world.clock.advanceUntil(() => world.task('t2')?.Status.State === 'failed', 5_000, 'the statuses');
  expect(world.task('t1')?.Status.State).toBe('running');
  expect(world.task('t2')?.Status.Err).toMatch(/^x+…$/);
});

test('a newer session of a node ends the older one, and what the older one sent no longer counts', async () => {
  const world = await open('n1');
  await world.store.update((tx) => tx.tasks.create(taskDraft('t1', 'n1')));
  const older = await join(world, 'n1', { network: { delayMs: () => 50 } });
  older.report('t1', 'failed');
  await world.clock.advance(20);
  older.reachable = false;
  const newer = world.startWorker('n1');
  await world.clock.advanceUntil(() => newer.sets.length > 0, 40, 'the newer session');
  await world.clock.advance(200);
  expect(older.session.problem()).toBe('connection refused');
  expect(world.task('t1')?.Status.State).toBe('assigned');
  expect(world.node('n1')?.Status.State).toBe('ready');
});

test('a node that was removed is told so, and a node that is no member gets nothing', async () => {
  const world = await open('n1', 'n2');
  const worker = await join(world, 'n1');
  await world.store.update((tx) => tx.nodes.remove('n1'));
  await world.clock.advanceUntil(() => worker.session.problem()?.includes('was removed') === true, 1_000, 'the end');
  const stranger = world.startWorker('n9');
  await world.clock.advanceUntil(() => stranger.session.problem()?.includes('not a member') === true, 1_000, 'the refusal');
  expect(stranger.welcomes).toEqual([]);
});

test('ten thousand tasks reach a node whole, also when it reads slowly', async () => {
  const world = await open('n1');
  await world.store.update((tx) => {
    for (let n = 0; n < 10_000; n += 1) tx.tasks.create(taskDraft(`t${n}`, 'n1', { Slot: n }));
  });
  const worker = world.startWorker('n1', { network: { delayMs: () => 30 } });
  await world.clock.advanceUntil(() => worker.sets.length > 0, 5_000, 'the set');
  expect(worker.set()?.tasks.size).toBe(10_000);
  const changes = worker.sets.length;
  for (let round = 0; round < 6; round += 1) {
    await world.store.update((tx) => {
      for (const task of tx.tasks.by('node', 'n1')) tx.tasks.update({ ...task, DesiredState: round % 2 === 0 ? 'shutdown' : 'running' });
    });
  }
  await world.store.update((tx) => tx.tasks.remove('t0'));
  await world.clock.advanceUntil(() => worker.set()?.tasks.size === 9_999, 5_000, 'the last change');
  expect([...(worker.set()?.tasks.values() ?? [])].every(({ desiredState }) => desiredState === 'running')).toBe(true);
  expect(worker.sets.length - changes, 'rounds coalesce while the link is busy').toBeLessThan(5);
});

test('a description that changes is told within 20 s, one that does not costs nothing', async () => {
  const world = await open('n1');
  const worker = await join(world, 'n1');
  await world.clock.advance(25_000);
  const before = world.version();
  await world.clock.advance(60_000);
  expect(world.version()).toBe(before);
  worker.description = { ...worker.description!, Hostname: 'renamed' };
  await world.clock.advance(21_000);
  expect(world.node('n1')?.Description?.Hostname).toBe('renamed');
});

test('a node whose engine has not answered yet connects without a description, and gives it when it has one', async () => {
  const world = await open('n1');
  const worker = world.startWorker('n1');
  worker.description = undefined;
  worker.health = { ok: false, message: 'the engine of this host does not answer' };
  await world.clock.advanceUntil(() => world.node('n1')?.Status.State === 'ready', 3_000, 'the node');
  expect(world.node('n1')).toMatchObject({ engineHealth: { ok: false, message: 'the engine of this host does not answer' } });
  expect(world.node('n1')?.Description).toBeUndefined();
  worker.description = {
    Hostname: 'late',
    Platform: { Architecture: '', OS: '' },
    Resources: { NanoCPUs: 1, MemoryBytes: 1 },
    Engine: { EngineVersion: '' },
  };
  worker.health = { ok: true };
  await world.clock.advance(2_100);
  expect(world.node('n1')).toMatchObject({ engineHealth: { ok: true }, Description: { Hostname: 'late' } });
});

test('a worker learns of all managers, and tries each of them', async () => {
  const world = await open('n1', 'n2');
  for (const [id, Addr] of [
    ['n2', 'm2:2377'],
    ['n1', 'm1:2377'],
  ] as const) {
    const node = world.node(id);
    await world.store.update((tx) => tx.nodes.update({ ...node!, role: 'manager', ManagerStatus: { Reachability: 'reachable', Addr } }));
  }
  const worker = await join(world, 'n1');
  expect(worker.managers).toEqual(['m1:2377', 'm2:2377']);
  worker.reachable = false;
  worker.pair().sever('cable pulled');
  await world.clock.advance(2_000);
  expect(new Set(worker.dialled)).toEqual(new Set(['m1:2377', 'm2:2377']));
  const dialled = worker.dialled.length;
  await world.clock.advance(10_000);
  expect(worker.dialled.length - dialled, 'it backs off').toBeLessThan(10);
});

test('only a task that reaches the node is one of its tasks: global ones have their node before they are assigned', async () => {
  const world = await open('n1');
  await world.store.update((tx) => tx.tasks.create(taskDraft('t1', 'n1', { Status: { State: 'pending', Timestamp: '' } })));
  const worker = await join(world, 'n1');
  expect(worker.set()?.tasks.size).toBe(0);
  const pending = world.task('t1');
  expect(isLive(pending!)).toBe(true);
  await world.store.update((tx) => tx.tasks.update({ ...pending!, Status: { State: 'assigned', Timestamp: '' }, NodeID: asID('n1') }));
  await world.clock.advanceUntil(() => worker.set()?.tasks.has('t1') === true, 100, 'the task');
});

test('a worker that wants to remove images learns which of them a rollback would bring back', async () => {
  const world = await open('n1');
  const spec = (Image: string) => ({
    Name: 'web',
    Labels: {},
    TaskTemplate: { ContainerSpec: { Image } },
    Mode: { Replicated: { Replicas: 1 } },
  });
  const service = { ID: asID<Service['ID']>('s'), specVersion: 2, templateID: asID<Service['templateID']>('p'), Endpoint: {} };
  await world.store.update((tx) => tx.services.create({ ...service, Spec: spec('web:2'), PreviousSpec: spec('web:1') }));
  const worker = await join(world, 'n1');
  const ask = async () => {
    let answer: ReadonlySet<string> | undefined;
    void worker.session.askRollbackImages(['web:1', 'web:2', 'other:1']).then((images) => {
      answer = images;
    });
    await world.clock.advanceUntil(() => answer !== undefined, 1_000, 'the answer');
    return answer;
  };
  expect(await ask()).toEqual(new Set(['web:1']));
  await world.store.update((tx) => tx.services.remove('s'));
  expect(await ask()).toEqual(new Set());
});
