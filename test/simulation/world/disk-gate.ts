import { delay } from '@swarm/shared/runtime/clock';
import { type WorkerDisk, WorkerDiskError } from '@swarm/worker/assignments/worker-disk';
import type { Life } from './life.ts';
import type { SimulatedTime } from './time.ts';

export interface DiskMood {
  /** How long a write takes. */
  writeMs: () => number;
  /** Set: writes fail with this reason. */
  failure: string | undefined;
}

export interface DiskGate {
  readonly disk: WorkerDisk;
  /** The daemon dies: of the writes that run, each is done or not, as `survives` says. */
  crash(survives: () => boolean): void;
}

/** The worker's disk as one life of its daemon sees it. */
export function gateDisk(disk: WorkerDisk, life: Life, time: SimulatedTime, mood: DiskMood): DiskGate {
  const running = new Set<() => Promise<void>>();
  return {
    crash(survives) {
      for (const write of running) if (survives()) void write();
      running.clear();
    },
    disk: {
      read: (name) => life.answer(() => disk.read(name)),
      write: (name, value) =>
        life.answer(async () => {
          const write = () => disk.write(name, value);
          running.add(write);
          await delay(time, mood.writeMs());
          if (life.isDead) return;
          running.delete(write);
          if (mood.failure !== undefined) throw new WorkerDiskError(mood.failure);
          await write();
        }),
    },
  };
}
