import type { Clock } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import type { WorkerDisk, WorkerDocument } from './worker-disk.ts';

/** What could not be written is tried again this much later: a task that was withdrawn must not come back with a reboot. */
const RETRY_MS = 5_000;

/** Writes the newest value of one document; values that are overtaken while the disk is busy are skipped. */
export interface DocumentWriter<Value> {
  /** Resolves once this value or a newer one is durable, or could not be written, which is in the log; it is tried again. */
  save(value: Value): Promise<void>;
  /** Tries a last time what could not be written, and no more after that. */
  stop(): Promise<void>;
}

export function createDocumentWriter<Value>(deps: {
  readonly disk: WorkerDisk;
  readonly name: WorkerDocument;
  readonly clock: Clock;
  readonly logger: Logger;
}): DocumentWriter<Value> {
  const { disk, name, clock, logger } = deps;
  let next: { value: Value; done: PromiseWithResolvers<void> } | undefined;
  let retry: { value: Value; cancel: () => void } | undefined;
  let stopped = false;
  let writing = false;
  let failed = false;

  async function writeAll(): Promise<void> {
    writing = true;
    while (next !== undefined) {
      const { value, done } = next;
      next = undefined;
      try {
        await disk.write(name, value);
        if (failed) logger.info({ document: name }, 'the worker can write its state again');
        failed = false;
      } catch (error) {
        // Containers must not suffer from a full disk: the worker goes on by what it has in memory.
        if (!failed) {
          const reason = error instanceof Error ? error.message : String(error);
          logger.error({ document: name, reason }, 'the worker cannot write its state; after a reboot it may lack what was decided since');
        }
        failed = true;
        if (next === undefined) retryLater(value);
      }
      done.resolve();
    }
    writing = false;
  }

  function retryLater(value: Value): void {
    if (stopped) return;
    retry = { value, cancel: clock.setTimer(RETRY_MS, () => void save(value)) };
  }

  function save(value: Value): Promise<void> {
    retry?.cancel();
    retry = undefined;
    const done = next?.done ?? Promise.withResolvers<void>();
    next = { value, done };
    if (!writing) void writeAll();
    return done.promise;
  }

  return {
    save,
    async stop() {
      stopped = true;
      if (retry !== undefined) await save(retry.value);
    },
  };
}
