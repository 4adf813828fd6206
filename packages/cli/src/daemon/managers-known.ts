import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Membership, MembershipFile } from './membership.ts';

/** The managers this node can dial; what the cluster tells of them outlives the daemon. */
export interface ManagersKnown {
  list(): readonly string[];
  replace(addresses: readonly string[]): void;
  /** Resolves when the newest list is on disk. */
  settled(): Promise<void>;
}

const MOST = 64;

/**
 * `own` is the control port of the manager in this process: it is dialled on loopback, whatever address it tells others.
 */
export function managersKnown(
  file: MembershipFile,
  membership: Membership,
  own: string | undefined,
  onFailure: (error: unknown) => void,
): ManagersKnown {
  let current = membership;
  let writing: Promise<void> = Promise.resolve();
  return {
    list: () => (own === undefined ? current.managers : [own]),
    replace(addresses) {
      const managers = addresses.slice(0, MOST);
      if (managers.length === 0 || deepEqual(managers, current.managers)) return;
      current = { ...current, managers };
      const next = current;
      // One at a time and in order: the last list wins.
      writing = writing.then(() => file.write(next)).catch(onFailure);
    },
    settled: () => writing,
  };
}
