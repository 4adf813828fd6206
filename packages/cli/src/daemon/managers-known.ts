import type { Clock } from '@swarm/shared/runtime/clock';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Logger } from '@swarm/shared/runtime/logger';
import { type Membership, type MembershipFile, MOST_MANAGERS } from './membership.ts';

/** The managers this node can dial; what the cluster tells of them outlives the daemon. */
export interface ManagersKnown {
  list(): readonly string[];
  replace(addresses: readonly string[]): void;
  /** Resolves when the newest list is on disk, or could not be written once more; nothing is written after that. */
  stop(): Promise<void>;
}

export interface ManagersKnownDeps {
  readonly file: Pick<MembershipFile, 'write'>;
  readonly membership: Membership;
  /** The control port of the manager in this process: it is dialled on loopback, whatever address it tells others. */
  readonly own: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

const RETRY_MS = 5_000;

/** A disk that is full, or may not be written, ends no daemon: the list counts in memory, and is written when it can be. */
export function managersKnown({ file, membership, own, clock, logger }: ManagersKnownDeps): ManagersKnown {
  let current = membership;
  let onDisk = membership;
  let writing: Promise<void> = Promise.resolve();
  let cancelRetry: () => void = () => undefined;
  let stopped = false;
  let failed = false;

  async function write(): Promise<void> {
    const next = current;
    // Of several that waited for the disk the first wrote the newest list already.
    if (next === onDisk) return;
    try {
      await file.write(next);
      onDisk = next;
      if (failed) logger.info({ managers: next.managers }, 'the managers of the cluster could be written down');
      failed = false;
    } catch (error) {
      if (!failed) {
        const reason = error instanceof Error ? error.message : String(error);
        logger.error(
          { reason },
          'the managers of the cluster could not be written down: a daemon that is started anew dials those it knew before. It is tried again; make room in the data root, or make it writable',
        );
      }
      failed = true;
      cancelRetry();
      if (!stopped) cancelRetry = clock.setTimer(RETRY_MS, () => void save());
    }
  }

  /** One at a time. */
  function save(): Promise<void> {
    writing = writing.then(write);
    return writing;
  }

  return {
    list: () => (own === undefined ? current.managers : [own]),
    replace(addresses) {
      const managers = addresses.slice(0, MOST_MANAGERS);
      if (managers.length === 0 || deepEqual(managers, current.managers)) return;
      current = { ...current, managers };
      void save();
    },
    stop() {
      stopped = true;
      cancelRetry();
      return save();
    },
  };
}
