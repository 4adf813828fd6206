import type { InitRequest, JoinRequest } from '@swarm/shared/engine-api/cluster-spec';
import type { Store } from '../store/store.ts';
import type { ClusterCertificates } from './cluster-certificates.ts';
import type { Guests } from './guests.ts';
import type { TaskContainers } from './task-containers.ts';
import type { TaskLogs } from './task-logs.ts';

export type LocalNodeState = 'inactive' | 'pending' | 'active' | 'error' | 'locked';

/** What the API needs to know of the daemon's own node, for `/info` and for its 503 replies. */
export interface LocalNode {
  readonly state: LocalNodeState;
  /** Empty while inactive. */
  readonly nodeID: string;
  /** The advertised address without port, empty while inactive. */
  readonly nodeAddr: string;
  /** Why the state is `error`, for the user. */
  readonly error: string;
  readonly isManager: boolean;
  readonly remoteManagers: readonly { readonly NodeID: string; readonly Addr: string }[];
}

/**
 * The daemon as the API sees it: membership of this host in a cluster, and the manager while this node has that role.
 * Implemented by the daemon (`packages/cli`), which composes manager and worker.
 */
export interface NodeControl {
  local(): LocalNode;
  /** @throws ApiError with the message Docker's daemon gives, e.g. 503 when this node is part of a cluster already. */
  init(request: InitRequest): Promise<{ readonly nodeID: string }>;
  join(request: JoinRequest): Promise<void>;
  leave(force: boolean): Promise<void>;
  /**
   * Starts the manager of a locked node. @throws ApiError 400 for what is no unlock key, 401 for another one than the
   * cluster's, 503 when the node is not locked.
   */
  unlock(unlockKey: string): Promise<void>;
  /** Undefined when this node is no manager now. */
  manager(): ManagerAccess | undefined;
  /** Undefined while this host is in no cluster. */
  guests(): Guests | undefined;
}

/** The running manager's parts that the API uses; all else goes through the store. */
export interface ManagerAccess {
  readonly store: Store;
  readonly certificates: ClusterCertificates;
  readonly logs: TaskLogs;
  readonly containers: TaskContainers;
  /** Resolves once this manager's journal opens with the unlock key the cluster has now, or without one when it has none. */
  readonly applyUnlockKey: () => Promise<void>;
}
