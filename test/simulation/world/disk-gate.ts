import { delay } from '@swarm/shared/runtime/clock';
import { type WorkerDisk, WorkerDiskError, type WorkerDocument } from '@swarm/worker/assignments/worker-disk';
import type { Life } from './life.ts';
import type { SimulatedTime } from './time.ts';

export interface DiskMood {
  /** How long a write takes. */
  writeMs: () => number;
  /** Set: writes fail with this reason. */
  failure: string | undefined;
  /** Since when they do not, in the time of the run; Infinity while they fail. */
  takesSinceMs: number;
  /** Documents whose newest value is not on the disk, and since when. */
  readonly unwritten: Map<WorkerDocument, number>;
}

export interface DiskGate {
  readonly disk: WorkerDisk;
  /** The daemon dies: of the writes that run, each is done or not, as `survives` says. */
  crash(survives: () => boolean): void;
}

/** The worker's disk as one life of its daemon sees it. */
export function gateDisk(disk: WorkerDisk, life: Life, time: SimulatedTime, mood: DiskMood): DiskGate {
  const running = new Map<() => Promise<void>, WorkerDocument>();
  return {
    crash(survives) {
      for (const [write, name] of running) {
        // What survives may have been overtaken in the daemon's memory.
        mood.unwritten.set(name, time.monotonicMs());
        if (survives()) void write();
      }
      running.clear();
    },
    disk: {
      read: (name) => life.answer(() => disk.read(name)),
      write: (name, value) =>
        life.answer(async () => {
          const write = () => disk.write(name, value);
          running.set(write, name);
          await delay(time, mood.writeMs());
          if (life.isDead) return;
          running.delete(write);
          if (mood.failure !== undefined) {
            mood.unwritten.set(name, time.monotonicMs());
            throw new WorkerDiskError(mood.failure);
          }
          await write();
          mood.unwritten.delete(name);
        }),
    },
  };
}
