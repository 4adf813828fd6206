import { ApiError } from '@swarm/shared/errors/api-error';
import type { ByteStream } from '@swarm/shared/protocol/byte-stream';
import { readCallHead } from '@swarm/shared/protocol/call-head';
import type { ContainerCall } from '@swarm/shared/protocol/container-call';
import type { OpenStream } from '@swarm/shared/protocol/session';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import type { ContainerExchange, ContainerPlace } from '../seams/task-containers.ts';
import { type TaskLogRequest, type TaskLogs, TaskLogsUnavailable } from '../seams/task-logs.ts';

export interface TaskStreamsDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** Sends to the node's open session; false when it has none. */
  readonly ask: (nodeID: string, message: OpenStream) => boolean;
}

/** How long a stream's id is good for. */
const OPEN_TIMEOUT_MS = 10_000;
/** Streams that one node may have open or asked for. */
const MAX_STREAMS_PER_NODE = 128;

type WithoutID<Message> = Message extends unknown ? Omit<Message, 'type' | 'streamID'> : never;
/** What to ask of a worker, before the stream has an id. */
type WantedStream = WithoutID<OpenStream>;

interface Expected {
  readonly nodeID: string;
  readonly settle: (outcome: ByteStream | Error) => void;
}

/** Streams that workers dial when asked over their session. An id is used once, by the node it was made for, or expires. */
export class TaskStreams implements TaskLogs {
  readonly #deps: TaskStreamsDeps;
  readonly #expected = new Map<string, Expected>();
  readonly #open = new Map<string, Set<ByteStream>>();

  constructor(deps: TaskStreamsDeps) {
    this.#deps = deps;
  }

  async open(request: TaskLogRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { nodeID, taskID, stdout, stderr, follow, timestamps, since, tail } = request;
    const options = {
      stdout,
      stderr,
      follow,
      timestamps,
      ...(since === undefined ? {} : { since }),
      ...(tail === undefined ? {} : { tail }),
    };
    const stream = await this.#expect(nodeID, { verb: 'logs', taskID, options }, signal);
    return readStream(stream, signal);
  }

  /** @throws ApiError 503 when the node cannot be asked. */
  async openCall({ nodeID, taskID }: ContainerPlace, call: ContainerCall, signal: AbortSignal): Promise<ContainerExchange> {
    const stream = await this.#expect(nodeID, { verb: 'container', taskID, call }, signal).catch((error: unknown) => {
      if (error instanceof TaskLogsUnavailable) throw new ApiError('unavailable', error.message);
      throw error;
    });
    const output = readStream(stream, signal);
    signal.addEventListener('abort', () => stream.destroy(), { once: true });
    if (signal.aborted) stream.destroy();
    return {
      stream,
      async answer() {
        const { head, rest } = await readCallHead(stream);
        return { head, output: startWith(rest, output) };
      },
    };
  }

  /** True when the id is awaited from this node: to be asked before a connection is upgraded. */
  isExpected(streamID: string, nodeID: string): boolean {
    return this.#expected.get(streamID)?.nodeID === nodeID;
  }

  /** A worker has dialled. */
  accept(streamID: string, nodeID: string, stream: ByteStream): void {
    const expected = this.#expected.get(streamID);
    if (expected === undefined || expected.nodeID !== nodeID) {
      stream.destroy();
      return;
    }
    const open = this.#open.get(nodeID) ?? new Set();
    this.#open.set(nodeID, open.add(stream));
    stream.onClose = () => {
      open.delete(stream);
      if (open.size === 0 && this.#open.get(nodeID) === open) this.#open.delete(nodeID);
    };
    expected.settle(stream);
  }

  refused(streamID: string, nodeID: string, reason: string): void {
    const expected = this.#expected.get(streamID);
    if (expected?.nodeID === nodeID) expected.settle(new TaskLogsUnavailable(reason));
  }

  /** The session that was asked has ended: what it has not dialled yet will not come. Open streams run on. */
  sessionEnded(nodeID: string): void {
    for (const expected of [...this.#expected.values()]) {
      if (expected.nodeID === nodeID) expected.settle(new TaskLogsUnavailable(`the connection to node ${nodeID} was lost; try again`));
    }
  }

  /** The node is down or gone. */
  nodeLost(nodeID: string): void {
    this.sessionEnded(nodeID);
    for (const stream of [...(this.#open.get(nodeID) ?? [])]) stream.destroy();
  }

  stop(): void {
    for (const { settle } of [...this.#expected.values()]) settle(new TaskLogsUnavailable('this manager is stopping'));
    for (const streams of [...this.#open.values()]) for (const stream of [...streams]) stream.destroy();
  }

  #expect(nodeID: string, wanted: WantedStream, signal: AbortSignal): Promise<ByteStream> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const awaited = [...this.#expected.values()].filter((expected) => expected.nodeID === nodeID).length;
      if (awaited + (this.#open.get(nodeID)?.size ?? 0) >= MAX_STREAMS_PER_NODE) {
        throw new TaskLogsUnavailable(
          `node ${nodeID} has ${MAX_STREAMS_PER_NODE} streams open, which is the most it may; close one and try again`,
        );
      }
      const streamID = this.#deps.random.id();
      const settle = (outcome: ByteStream | Error) => {
        if (!this.#expected.delete(streamID)) return;
        cancelTimer();
        signal.removeEventListener('abort', onAbort);
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      };
      const onAbort = () => settle(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      const cancelTimer = this.#deps.clock.setTimer(OPEN_TIMEOUT_MS, () =>
        settle(new TaskLogsUnavailable(`node ${nodeID} did not open the stream within ${OPEN_TIMEOUT_MS / 1000} s; is it overloaded?`)),
      );
      signal.addEventListener('abort', onAbort, { once: true });
      this.#expected.set(streamID, { nodeID, settle });
      if (!this.#deps.ask(nodeID, { type: 'openStream', streamID, ...wanted })) {
        settle(new TaskLogsUnavailable(`node ${nodeID} is not connected to this manager`));
      }
    });
  }
}

async function* startWith(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  if (first.length > 0) yield first;
  yield* rest;
}

/** Ends when the log ends or the signal is aborted; a reader that stops early frees the stream. */
async function* readStream(stream: ByteStream, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const onAbort = () => stream.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    for (;;) {
      const chunk = await stream.read().catch((error: unknown) => {
        if (signal.aborted) return undefined;
        throw error;
      });
      if (chunk === undefined) return;
      yield chunk;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    stream.destroy();
  }
}
