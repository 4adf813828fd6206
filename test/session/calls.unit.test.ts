import { StreamBroken } from '@swarm/shared/protocol/byte-stream';
import type { ContainerCall } from '@swarm/shared/protocol/container-call';
import type { CallTask } from '@swarm/worker/session/task-calls';
import { expect, onTestFinished, test } from 'vitest';
import { openWorld, type World } from './world.ts';

const PLACE = { nodeID: 'n1', taskID: 't1' };
const CALL: ContainerCall = { verb: 'attach', query: { stream: '1' } };

async function open(callTask: CallTask) {
  const world = await openWorld(['n1', 'n2']);
  onTestFinished(() => world.stop());
  const worker = world.startWorker('n1', { callTask });
  await world.clock.advanceUntil(() => worker.sets.length > 0, 1_000, 'the session');
  return { world, worker };
}

async function call(world: World, place = PLACE, signal = new AbortController().signal) {
  const opening = world.dispatcher().containers.open(place, CALL, signal);
  opening.catch(() => undefined);
  await world.clock.advance(10);
  return opening;
}

const head = { status: 101, headers: {}, hijacked: true };
/** Sends back what it is sent, and says when its input has ended. */
const echo: CallTask = async (_taskID, _call, input) => {
  async function* output() {
    yield* input;
    yield Buffer.from('.');
  }
  return { head, output: output() };
};

test('a raw connection goes both ways, and its input ends before its output', async () => {
  const { world } = await open(echo);
  const { stream, answer } = await call(world);
  const { head: told, output } = await answer();
  expect(told).toEqual(head);
  await stream.write(Buffer.from('hello'));
  stream.end();
  let text = '';
  for await (const chunk of output) text += Buffer.from(chunk).toString();
  expect(text).toBe('hello.');
});

test('an engine that is slow to read holds back whoever sends', async () => {
  const { promise: waiting, resolve: release } = Promise.withResolvers<void>();
  const { world } = await open(async (_taskID, _call, input) => {
    async function* output() {
      await waiting;
      let bytes = 0;
      for await (const chunk of input) bytes += chunk.length;
      yield Buffer.from(String(bytes));
    }
    return { head, output: output() };
  });
  const { stream, answer } = await call(world);
  let written = 0;
  const writing = (async () => {
    for (; written < 100; written += 1) await stream.write(Buffer.alloc(64 * 1024));
    stream.end();
  })();
  await world.clock.advance(100);
  expect(written).toBeLessThan(10);
  release();
  await writing;
  const { output } = await answer();
  let text = '';
  for await (const chunk of output) text += Buffer.from(chunk).toString();
  expect(text).toBe(String(100 * 64 * 1024));
});

test('a client that goes lets the engine go', async () => {
  let aborted = false;
  const { world } = await open(async (_taskID, _call, input, signal) => {
    signal.addEventListener('abort', () => {
      aborted = true;
    });
    return { head, output: input };
  });
  const abort = new AbortController();
  const { answer } = await call(world, PLACE, abort.signal);
  await answer();
  abort.abort();
  await world.clock.advance(10);
  expect(aborted).toBe(true);
});

test('when the node is lost, the caller learns it', async () => {
  const { world, worker } = await open(echo);
  const { answer } = await call(world);
  const { output } = await answer();
  const reading = expect(output[Symbol.asyncIterator]().next()).rejects.toThrow(new StreamBroken('the connection to the node was lost'));
  worker.reachable = false;
  worker.pair().cut();
  await world.clock.advance(10_000);
  await reading;
});

test('a node that is not connected answers for itself with 503', async () => {
  const { world } = await open(echo);
  await expect(call(world, { nodeID: 'n2', taskID: 't1' })).rejects.toMatchObject({
    httpStatus: 503,
    message: 'node n2 is not connected to this manager',
  });
});
