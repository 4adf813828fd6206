import type { Logger } from '@swarm/shared/runtime/logger';
import type { WorkerDisk, WorkerDocument } from './worker-disk.ts';

/** Writes the newest value of one document; values that are overtaken while the disk is busy are skipped. */
export interface DocumentWriter<Value> {
  /** Resolves once this value or a newer one is durable, or could not be written, which is in the log. */
  save(value: Value): Promise<void>;
}

export function createDocumentWriter<Value>(deps: {
  readonly disk: WorkerDisk;
  readonly name: WorkerDocument;
  readonly logger: Logger;
}): DocumentWriter<Value> {
  const { disk, name, logger } = deps;
  let next: { value: Value; done: PromiseWithResolvers<void> } | undefined;
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
      }
      done.resolve();
    }
    writing = false;
  }

  return {
    save(value) {
      const done = next?.done ?? Promise.withResolvers<void>();
      next = { value, done };
      if (!writing) void writeAll();
      return done.promise;
    },
  };
}
