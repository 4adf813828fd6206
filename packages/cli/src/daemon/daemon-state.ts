import type { Guests } from '@swarm/manager/seams/guests';
import type { ManagerAccess } from '@swarm/manager/seams/node-control';
import { assertNever } from '@swarm/shared/runtime/assert-never';
import type { Logger } from '@swarm/shared/runtime/logger';

/** A node of a cluster as it runs in this process, its parts behind one front. */
export interface RunningNode {
  readonly nodeID: string;
  readonly clusterID: string;
  /** The advertised address, without port. */
  readonly address: string;
  /** Its manager waits for the unlock key; the worker runs. */
  readonly isLocked: boolean;
  /** Undefined while this node is a worker, or locked. */
  readonly manager: ManagerAccess | undefined;
  readonly guests: Guests;
  readonly remoteManagers: () => readonly { readonly NodeID: string; readonly Addr: string }[];
  /** Why the node is cut off or cannot work, for the user; empty when all is well. */
  readonly problem: () => string;
  /** Ends its parts; every container runs on. */
  stop(): Promise<void>;
}

/**
 * What the daemon is. The moves:
 * inactive → starting (init, join) → active → leaving → inactive; starting → inactive when it fails;
 * at the start of the process: inactive, or starting → active, or starting → error when what the data root holds cannot
 * be used, or → locked when its manager needs the unlock key; locked → starting by unlocking, → leaving; leaving → error when the containers cannot be removed; error → inactive by leaving, and
 * → starting by itself where what kept the node from coming back may pass.
 * One setter changes it, and logs each change once.
 */
export type DaemonState =
  | { readonly kind: 'inactive' }
  | { readonly kind: 'starting'; readonly what: 'init' | 'join' | 'resume' | 'unlock' }
  | { readonly kind: 'active'; readonly node: RunningNode }
  | { readonly kind: 'locked'; readonly node: RunningNode }
  | { readonly kind: 'leaving' }
  | { readonly kind: 'error'; readonly message: string };

export interface StateKeeper {
  get(): DaemonState;
  set(next: DaemonState): void;
}

export function keepState(logger: Logger): StateKeeper {
  let state: DaemonState = { kind: 'inactive' };
  return {
    get: () => state,
    set(next) {
      const from = state.kind;
      state = next;
      logger.info({ from, to: next.kind, ...describe(next) }, 'state of this host');
    },
  };
}

function describe(state: DaemonState): object {
  switch (state.kind) {
    case 'inactive':
    case 'leaving':
      return {};
    case 'starting':
      return { what: state.what };
    case 'locked':
      return { nodeID: state.node.nodeID, clusterID: state.node.clusterID };
    case 'active':
      return { nodeID: state.node.nodeID, clusterID: state.node.clusterID, manager: state.node.manager !== undefined };
    case 'error':
      return { reason: state.message };
    default:
      return assertNever(state);
  }
}
