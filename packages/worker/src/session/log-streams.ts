import type { ByteStream } from '@swarm/shared/protocol/byte-stream';
import { StreamBroken } from '@swarm/shared/protocol/byte-stream';
import { type LogStreamOptions, MAX_STATUS_TEXT, type OpenStream } from '@swarm/shared/protocol/session';
import type { Logger } from '@swarm/shared/runtime/logger';
import { EngineError } from '../engine/engine.ts';

export interface LogStreamsDeps {
  dialStream(address: string, streamID: string, signal: AbortSignal): Promise<ByteStream>;
  openLog(taskID: string, options: LogStreamOptions, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  refuse(streamID: string, reason: string): void;
  onFailure(error: unknown): void;
  readonly logger: Logger;
}

/** The same bound as the manager's: a manager that asks for more is refused. */
const MAX_STREAMS = 128;

/**
 * Logs that the manager has asked for, each on a connection of its own: the engine is read only as fast as the manager
 * takes it. A stream outlives the session it was asked over, and ends when no manager can be reached.
 */
export class LogStreams {
  readonly #deps: LogStreamsDeps;
  readonly #running = new Set<AbortController>();

  constructor(deps: LogStreamsDeps) {
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

  async #serve(address: string, { streamID, taskID, options }: OpenStream, abort: AbortController): Promise<void> {
    const opened = await this.#openBoth(address, streamID, taskID, options, abort);
    if (opened === undefined) return;
    const { log, stream } = opened;
    const over = new Promise<void>((resolve) => {
      stream.onClose = () => {
        abort.abort(new StreamBroken('the reader has gone'));
        resolve();
      };
    });
    abort.signal.addEventListener('abort', () => stream.destroy());
    if (abort.signal.aborted) stream.destroy();
    await pipe(log, stream, abort.signal);
    // The reader closes once it has read the end; until then the stream counts, and can be aborted.
    await over;
  }

  /** The log first: without one there is nothing to dial for. */
  async #openBoth(address: string, streamID: string, taskID: string, options: LogStreamOptions, abort: AbortController) {
    const { signal } = abort;
    try {
      const log = await this.#deps.openLog(taskID, options, signal);
      return { log, stream: await this.#deps.dialStream(address, streamID, signal) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      abort.abort(error);
      this.#deps.refuse(streamID, reason.slice(0, MAX_STATUS_TEXT));
      return undefined;
    }
  }
}

async function pipe(log: AsyncIterable<Uint8Array>, stream: ByteStream, signal: AbortSignal): Promise<void> {
  try {
    for await (const chunk of log) await stream.write(chunk);
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
