import type { ServerResponse } from 'node:http';
import { onClientGone } from '../client-gone.ts';

/**
 * One client that reads logs. Writers wait until it has taken what is on its way, so a slow client holds back the
 * tasks it reads from and costs no memory.
 */
export interface LogSink {
  /** Resolves when more may be written; rejects once the client is gone. */
  write(bytes: Buffer): Promise<void>;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  end(): void;
}

export function openLogSink(response: ServerResponse): LogSink {
  const gone = new AbortController();
  let drained: Promise<void> | undefined;
  onClientGone(response, () => gone.abort(new ClientGone()));
  response.on('error', () => gone.abort(new ClientGone()));
  return {
    signal: gone.signal,
    end: () => response.end(),
    async write(bytes) {
      gone.signal.throwIfAborted();
      if (response.write(bytes)) return;
      drained ??= new Promise<void>((resolve, reject) => {
        const settle = () => {
          drained = undefined;
          response.off('drain', settle);
          gone.signal.removeEventListener('abort', settle);
          if (gone.signal.aborted) reject(gone.signal.reason);
          else resolve();
        };
        response.once('drain', settle);
        gone.signal.addEventListener('abort', settle, { once: true });
      });
      await drained;
    },
  };
}

export class ClientGone extends Error {
  constructor() {
    super('the client has gone away');
    this.name = 'ClientGone';
  }
}
