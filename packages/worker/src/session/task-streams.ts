import type { ByteStream } from '@swarm/shared/protocol/byte-stream';
import { StreamBroken } from '@swarm/shared/protocol/byte-stream';
import { encodeCallHead } from '@swarm/shared/protocol/call-head';
import { type LogStreamOptions, MAX_STATUS_TEXT, type OpenStream } from '@swarm/shared/protocol/session';
import { assertNever } from '@swarm/shared/runtime/assert-never';
import type { Logger } from '@swarm/shared/runtime/logger';
import { EngineError } from '../engine/engine.ts';
import type { CallTask } from './task-calls.ts';

export interface TaskStreamsDeps {
  dialStream(address: string, streamID: string, signal: AbortSignal): Promise<ByteStream>;
  openLog(taskID: string, options: LogStreamOptions, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  readonly callTask: CallTask;
  refuse(streamID: string, reason: string): void;
  onFailure(error: unknown): void;
  readonly logger: Logger;
}

/** The same bound as the manager's: a manager that asks for more is refused. */
const MAX_STREAMS = 128;

/** Writes what was asked for into the stream, without its end. */
type Source = (stream: ByteStream) => Promise<void>;

/**
 * What the manager has asked for of this node's tasks, each on a connection of its own: the engine is read only as fast
 * as the manager takes it. A stream outlives the session it was asked over, and ends when no manager can be reached.
 */
export class TaskStreams {
  readonly #deps: TaskStreamsDeps;
  readonly #running = new Set<AbortController>();

  constructor(deps: TaskStreamsDeps) {
    this.#deps = deps;
  }

  open(address: string, request: OpenStream): void {
    if (this.#running.size >= MAX_STREAMS) {
      this.#deps.refuse(request.streamID, `the node has ${MAX_STREAMS} streams open, which is the most it may; close one and try again`);
      return;
    }
    const abort = new AbortController();
    this.#running.add(abort);
    this.#serve(address, request, abort)
      .catch((error: unknown) => this.#deps.onFailure(error))
      .finally(() => this.#running.delete(abort));
  }

  abortAll(): void {
    for (const abort of this.#running) abort.abort(new StreamBroken('no manager can be reached'));
  }

  async #serve(address: string, request: OpenStream, abort: AbortController): Promise<void> {
    const opened = await this.#openBoth(address, request, abort);
    if (opened === undefined) return;
    const { source, stream } = opened;
    const over = new Promise<void>((resolve) => {
      stream.onClose = () => {
        abort.abort(new StreamBroken('the reader has gone'));
        resolve();
      };
    });
    abort.signal.addEventListener('abort', () => stream.destroy());
    if (abort.signal.aborted) stream.destroy();
    await pump(source, stream, abort.signal);
    // The reader closes once it has read the end; until then the stream counts, and can be aborted.
    await over;
  }

  /** The source first: without one there is nothing to dial for. */
  async #openBoth(address: string, request: OpenStream, abort: AbortController) {
    const { signal } = abort;
    try {
      const source = await this.#openSource(request, signal);
      return { source, stream: await this.#deps.dialStream(address, request.streamID, signal) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      abort.abort(error);
      this.#deps.refuse(request.streamID, reason.slice(0, MAX_STATUS_TEXT));
      return undefined;
    }
  }

  async #openSource(request: OpenStream, signal: AbortSignal): Promise<Source> {
    switch (request.verb) {
      case 'logs': {
        const log = await this.#deps.openLog(request.taskID, request.options, signal);
        return (stream) => copy(log, stream);
      }
      case 'container':
        return async (stream) => {
          const { head, output } = await this.#deps.callTask(request.taskID, request.call, readAll(stream), signal);
          await stream.write(encodeCallHead(head));
          await copy(output, stream);
        };
      default:
        return assertNever(request);
    }
  }
}

async function copy(source: AsyncIterable<Uint8Array>, stream: ByteStream): Promise<void> {
  for await (const chunk of source) await stream.write(chunk);
}

async function* readAll(stream: ByteStream): AsyncGenerator<Uint8Array> {
  for (let chunk = await stream.read(); chunk !== undefined; chunk = await stream.read()) yield chunk;
}

async function pump(source: Source, stream: ByteStream, signal: AbortSignal): Promise<void> {
  try {
    await source(stream);
    stream.end();
  } catch (error) {
    if (signal.aborted || error instanceof StreamBroken) return;
    if (!(error instanceof EngineError)) {
      stream.destroy();
      throw error;
    }
    stream.end(error.message);
  }
}
