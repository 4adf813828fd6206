import { StreamBroken } from '@swarm/shared/protocol/byte-stream';
import { EngineError } from '@swarm/worker/engine/engine';
import { expect, onTestFinished, test } from 'vitest';
import { openWorld, type Worker, type WorkerOptions, type World } from './world.ts';

async function open(openLog?: WorkerOptions['openLog']): Promise<{ world: World; worker: Worker }> {
  const world = await openWorld(['n1', 'n2']);
  onTestFinished(() => world.stop());
  const worker = world.startWorker('n1', openLog === undefined ? {} : { openLog });
  await world.clock.advanceUntil(() => worker.sets.length > 0, 1_000, 'the session');
  return { world, worker };
}

const REQUEST = { nodeID: 'n1', taskID: 't1', stdout: true, stderr: true, follow: true, timestamps: false };

/** An engine's log that says how far it was read and whether it was let go. */
function fakeLog(chunks: number, chunkBytes: number, end: 'ends' | 'follows' | Error = 'ends') {
  const seen = { read: 0, aborted: false };
  async function* openLog(_taskID: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    signal.addEventListener('abort', () => {
      seen.aborted = true;
    });
    for (; seen.read < chunks; seen.read += 1) yield Buffer.alloc(chunkBytes, String(seen.read % 10));
    if (end === 'follows') await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    if (end instanceof Error) throw end;
  }
  return { seen, openLog };
}

async function openStream(world: World, signal = new AbortController().signal) {
  const opening = world.dispatcher().logs.open(REQUEST, signal);
  opening.catch(() => undefined);
  await world.clock.advance(10);
  return opening;
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}

test('a log comes whole and ends', async () => {
  const { openLog } = fakeLog(100, 10_000);
  const { world } = await open(openLog);
  expect(await readAll(await openStream(world))).toBe(1_000_000);
});

test('a slow reader holds back the engine, and nothing else', async () => {
  const { seen, openLog } = fakeLog(1_000, 64 * 1024);
  const { world, worker } = await open(openLog);
  const stream = await openStream(world);
  await world.clock.advance(1_000);
  expect(seen.read).toBeLessThan(10);
  worker.health = { ok: false, message: 'still heard' };
  await world.clock.advance(2_000);
  expect(world.node('n1')?.engineHealth?.message).toBe('still heard');
  expect(await readAll(stream)).toBe(1_000 * 64 * 1024);
});

test('an abort ends the reading, and lets the engine go', async () => {
  const { seen, openLog } = fakeLog(1, 10, 'follows');
  const { world } = await open(openLog);
  const abort = new AbortController();
  const reading = readAll(await openStream(world, abort.signal));
  await world.clock.advance(10);
  abort.abort();
  expect(await reading).toBe(10);
  await world.clock.advance(10);
  expect(seen.aborted).toBe(true);
});

test('a reader that stops early lets the engine go', async () => {
  const { seen, openLog } = fakeLog(1_000, 64 * 1024);
  const { world } = await open(openLog);
  for await (const _ of await openStream(world)) break;
  await world.clock.advance(10);
  expect(seen.aborted).toBe(true);
});

test('an engine that fails in the middle is told to the reader', async () => {
  const { openLog } = fakeLog(2, 10, new EngineError('unavailable', 'the engine went away'));
  const { world } = await open(openLog);
  await expect(readAll(await openStream(world))).rejects.toThrow(new StreamBroken('the engine went away'));
});

test('when the node is lost, its streams end', async () => {
  const { seen, openLog } = fakeLog(1, 10, 'follows');
  const { world, worker } = await open(openLog);
  const reading = readAll(await openStream(world));
  const ended = expect(reading).rejects.toThrow('the connection to the node was lost');
  worker.reachable = false;
  worker.pair().cut();
  await world.clock.advance(10_000);
  await ended;
  expect(seen.aborted).toBe(true);
});

test('a reconnect leaves streams alone', async () => {
  const { openLog, seen } = fakeLog(1_000, 64 * 1024);
  const { world, worker } = await open(openLog);
  const stream = await openStream(world);
  worker.pair().sever('connection reset');
  await world.clock.advance(3_000);
  expect(await readAll(stream)).toBe(1_000 * 64 * 1024);
  expect(seen.aborted).toBe(true);
});

test.each([
  { it: 'the node is not connected', nodeID: 'n2', reason: 'node n2 is not connected to this manager' },
  { it: 'the task has no container', nodeID: 'n1', reason: 'task t1 has no container here' },
])('a log cannot be opened when $it', async ({ nodeID, reason }) => {
  const { world } = await open();
  const opening = world.dispatcher().logs.open({ ...REQUEST, nodeID }, new AbortController().signal);
  const refused = expect(opening).rejects.toMatchObject({ name: 'TaskLogsUnavailable', message: reason });
  await world.clock.advance(10);
  await refused;
});

test('a stream that nobody dials expires, and one of an ended session fails at once', async () => {
  const { world, worker } = await open();
  await world.store.update((tx) => {
    const cluster = tx.clusters.all()[0]!;
    tx.clusters.update({ ...cluster, Spec: { Dispatcher: { HeartbeatPeriod: 60e9 } } });
  });
  await world.clock.advance(100);
  worker.pair().cut();
  const signal = new AbortController().signal;
  const slow = expect(world.dispatcher().logs.open(REQUEST, signal)).rejects.toThrow('did not open the stream within 10 s');
  await world.clock.advance(10_100);
  await slow;
  const lost = expect(world.dispatcher().logs.open(REQUEST, signal)).rejects.toThrow('the connection to node n1 was lost');
  worker.pair().sever('cable pulled');
  await world.clock.advance(10);
  await lost;
});
