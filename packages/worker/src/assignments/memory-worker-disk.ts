import { type WorkerDisk, WorkerDiskError, type WorkerDocument } from './worker-disk.ts';

/** A disk in memory, for tests and the simulation: it can lose the write that runs, and refuse to write. */
export interface MemoryWorkerDisk extends WorkerDisk {
  /** Power is lost: writes that have not resolved are lost or done, as `survives` says, and never resolve. */
  crash(survives: boolean): void;
  /** Set: writes fail with this reason. */
  failure: string | undefined;
}

export function createMemoryWorkerDisk(): MemoryWorkerDisk {
  const documents = new Map<WorkerDocument, string>();
  let pending: (() => void)[] = [];
  let life = 0;
  let failure: string | undefined;
  return {
    get failure() {
      return failure;
    },
    set failure(reason: string | undefined) {
      failure = reason;
    },
    crash(survives) {
      life += 1;
      if (survives) for (const commit of pending) commit();
      pending = [];
    },
    async read(name) {
      const document = documents.get(name);
      return document === undefined ? undefined : JSON.parse(document);
    },
    write(name, value) {
      if (failure !== undefined) return Promise.reject(new WorkerDiskError(failure));
      const document = JSON.stringify(value);
      const began = life;
      const commit = () => documents.set(name, document);
      pending.push(commit);
      return new Promise((resolve) => {
        queueMicrotask(() => {
          if (life !== began) return;
          pending = pending.filter((other) => other !== commit);
          commit();
          resolve();
        });
      });
    },
  };
}
