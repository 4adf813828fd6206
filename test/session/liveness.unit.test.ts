import { expect, onTestFinished, test } from 'vitest';
import { nodeDraft, openWorld, type Worker, type WorkerOptions, type World } from './world.ts';

async function open(...nodeIDs: string[]): Promise<World> {
  const world = await openWorld(nodeIDs);
  onTestFinished(() => world.stop());
  return world;
}

async function join(world: World, nodeID: string, options: WorkerOptions = {}): Promise<Worker> {
  const worker = world.startWorker(nodeID, options);
  await world.clock.advanceUntil(() => world.node(nodeID)?.Status.State === 'ready', 1_000, 'the node');
  return worker;
}

const state = (world: World, nodeID: string) => world.node(nodeID)?.Status.State;

/** Every node that is given up from now on, also one that is back at once. */
function watchDowns(world: World): string[] {
  const downs: string[] = [];
  world.store.watch(({ changes }) => {
    for (const change of changes) if (change.table === 'nodes' && change.after?.Status.State === 'down') downs.push(change.id);
  });
  return downs;
}

test('a node that is cut off is down after a heartbeat period, and ready again once it is healed', async () => {
  const world = await open('n1', 'n2');
  const [cut] = [await join(world, 'n1'), await join(world, 'n2')];
  cut.pair().cut();
  cut.reachable = false;
  await world.clock.advance(4_700);
  expect(state(world, 'n1')).toBe('ready');
  await world.clock.advance(1_000);
  expect(world.node('n1')?.Status).toEqual({ State: 'down', Message: 'heartbeat failure', Addr: '10.0.0.1' });
  expect(state(world, 'n2')).toBe('ready');
  await world.clock.advance(60_000);
  cut.reachable = true;
  cut.pair().heal();
  await world.clock.advanceUntil(() => state(world, 'n1') === 'ready', 5_000, 'the return');
  expect(world.node('n1')?.Status.Message).toBeUndefined();
});

test('a closed connection alone is not a death', async () => {
  const world = await open('n1');
  const worker = await join(world, 'n1');
  const before = world.version();
  for (let times = 0; times < 5; times += 1) {
    worker.pair().sever('connection reset');
    await world.clock.advance(3_000);
  }
  expect(worker.welcomes.length).toBeGreaterThan(1);
  expect([state(world, 'n1'), world.version()]).toEqual(['ready', before]);
});

test('a connection that closes and does not come back is a death after the period', async () => {
  const world = await open('n1');
  const worker = await join(world, 'n1');
  worker.reachable = false;
  worker.pair().sever('connection reset');
  await world.clock.advance(4_700);
  expect(state(world, 'n1')).toBe('ready');
  await world.clock.advance(1_000);
  expect(state(world, 'n1')).toBe('down');
});

test('beats cost no write; an engine that stops answering costs one, and keeps the node ready', async () => {
  const world = await open('n1');
  const worker = await join(world, 'n1');
  await world.clock.advance(2_000);
  const before = world.version();
  await world.clock.advance(120_000);
  expect(world.version()).toBe(before);
  worker.health = { ok: false, message: 'the engine hangs' };
  await world.clock.advance(10_000);
  expect(world.node('n1')).toMatchObject({ Status: { State: 'ready' }, engineHealth: { ok: false, message: 'the engine hangs' } });
  expect(world.version()).toBe(before + 1);
});

test.each([{ stallMs: 3_000 }, { stallMs: 30_000 }, { stallMs: 3_600_000 }])(
  'a manager that stood still for $stallMs ms holds it against nobody, and still notices who is really silent',
  async ({ stallMs }) => {
    const world = await open('n1', 'n2');
    // Beats are on their way while the manager looks at who is silent.
    const network = { delayMs: () => 20 };
    const [, silent] = [await join(world, 'n1', { network }), await join(world, 'n2', { network })];
    const downs = watchDowns(world);
    await world.clock.advance(3_000);
    world.clock.stall(stallMs);
    silent.pair().cut();
    silent.reachable = false;
    await world.clock.advance(3_000);
    expect(downs).toEqual([]);
    await world.clock.advance(8_000);
    expect(downs).toEqual(['n2']);
  },
);

test('a jump of the wall clock is no silence', async () => {
  const world = await open('n1');
  await join(world, 'n1');
  world.clock.jump(24 * 3_600_000);
  await world.clock.advance(10_000);
  world.clock.jump(-48 * 3_600_000);
  await world.clock.advance(10_000);
  expect(state(world, 'n1')).toBe('ready');
});

test('a manager that starts holds every node for unknown, for one period; who was down stays down', async () => {
  const world = await open('n1', 'n2', 'n3');
  const [back, gone] = [await join(world, 'n1'), await join(world, 'n2')];
  await world.clock.advance(10_000);
  expect(state(world, 'n3')).toBe('down');
  back.reachable = false;
  gone.reachable = false;
  await world.restartManager(2_000);
  await world.clock.advance(100);
  const leadership = 'Node moved to "unknown" state due to leadership change in cluster';
  expect(world.node('n1')?.Status).toMatchObject({ State: 'unknown', Message: leadership });
  expect(world.node('n2')?.Status).toMatchObject({ State: 'unknown', Message: leadership });
  expect(state(world, 'n3')).toBe('down');
  back.reachable = true;
  await world.clock.advance(4_000);
  expect([state(world, 'n1'), state(world, 'n2')]).toEqual(['ready', 'unknown']);
  await world.clock.advance(2_000);
  expect(state(world, 'n1')).toBe('ready');
  expect(world.node('n2')?.Status).toMatchObject({ State: 'down', Message: 'heartbeat failure for node in "unknown" state' });
});

test('nodes that can connect are back before a restarted manager gives them up', async () => {
  const nodeIDs = Array.from({ length: 20 }, (_, n) => `n${n + 1}`);
  const world = await open(...nodeIDs);
  for (const id of nodeIDs) await join(world, id);
  await world.restartManager(60_000);
  const downs = watchDowns(world);
  await world.clock.advance(10_000);
  expect(downs).toEqual([]);
  expect(nodeIDs.map((id) => state(world, id))).toEqual(nodeIDs.map(() => 'ready'));
});

test('a node that joined and never connects is down after a period', async () => {
  const world = await open('n1');
  await join(world, 'n1');
  await world.store.update((tx) => tx.nodes.create(nodeDraft('n2')));
  await world.clock.advance(4_000);
  expect(state(world, 'n2')).toBe('unknown');
  await world.clock.advance(2_000);
  expect(state(world, 'n2')).toBe('down');
});

test('a changed heartbeat period holds at once, in both directions', async () => {
  const world = await open('n1');
  const worker = await join(world, 'n1');
  const setPeriod = (seconds: number) =>
    world.store.update((tx) => {
      const cluster = tx.clusters.all()[0]!;
      tx.clusters.update({ ...cluster, Spec: { Dispatcher: { HeartbeatPeriod: seconds * 1e9 } } });
    });
  await setPeriod(60);
  await world.clock.advance(30_000);
  await setPeriod(1);
  await world.clock.advance(30_000);
  expect(state(world, 'n1')).toBe('ready');
  worker.reachable = false;
  worker.pair().cut();
  await world.clock.advance(1_600);
  expect(state(world, 'n1')).toBe('down');
});

test('a worker knows whether a manager is in reach: a reconnect is none of its business, a period without one is', async () => {
  const world = await open('n1');
  const worker = world.startWorker('n1');
  expect(worker.session.reach()).toBe('uncertain');
  await world.clock.advance(1_000);
  worker.pair().sever('connection reset');
  await world.clock.advance(3_000);
  expect(worker.reaches).toEqual(['connected', 'uncertain', 'connected']);
  worker.reachable = false;
  worker.pair().sever('connection reset');
  await world.clock.advance(4_900);
  expect(worker.session.reach()).toBe('uncertain');
  await world.clock.advance(200);
  expect(worker.session.reach()).toBe('unreachable');
  worker.reachable = true;
  await world.clock.advance(3_000);
  expect(worker.session.reach()).toBe('connected');
});

test('a worker that starts without a manager says so after a period', async () => {
  const world = await open('n1');
  const worker = world.startWorker('n1');
  worker.reachable = false;
  await world.clock.advance(5_100);
  expect([worker.session.reach(), worker.session.problem()]).toEqual(['unreachable', 'connection refused']);
});

test('a worker whose manager has fallen silent hangs up and dials again; one that stood still itself does not', async () => {
  const world = await open('n1');
  const worker = await join(world, 'n1');
  world.clock.stall(60_000);
  await world.clock.advance(3_000);
  expect(worker.dialled.length).toBe(1);
  worker.pair().cut();
  await world.clock.advance(10_000);
  expect(worker.dialled.length).toBe(2);
  expect(worker.session.reach()).toBe('connected');
});
