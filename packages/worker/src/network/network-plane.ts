import type { NetworkTable } from '@swarm/shared/domain/network-table';
import type { NetworkProblem } from '@swarm/shared/protocol/network-state';

/**
 * The seam to the host's network: it is given the whole wanted state, again and again, and makes the host so. What it
 * remembers only spares it work: a thorough pass looks at everything and trusts nothing.
 */
export interface NetworkPlane {
  /**
   * Safe to repeat; never called twice at once. One network's trouble is told and leaves the others as they shall be.
   * `thorough`: repair what others changed, too. Else only what differs from the last call is looked at.
   */
  apply(wanted: WantedNetworks, thorough: boolean): Promise<AppliedNetworks>;
  /** Removes all it ever made on this host and nothing else. @throws NetworkPlaneError when something stays. */
  removeAll(): Promise<void>;
}

export interface WantedNetworks {
  /** By network id. This node is among the peers of each. */
  readonly tables: ReadonlyMap<string, NetworkTable>;
}

export interface AppliedNetworks {
  /** The networks that are as wanted: containers can be attached to them. By network id. */
  readonly ready: ReadonlyMap<string, ReadyNetwork>;
  readonly problems: readonly NetworkProblem[];
  /**
   * Ids of the networks whose devices, names and rules are as wanted, also those to which nothing can be attached while the
   * engine is away: nobody is led to who is not in their tables any more. Absent: those that are ready.
   */
  readonly led?: ReadonlySet<string>;
  /** More is to be made or removed than one call takes on, so that what changes meanwhile need not wait for all of it: call again. */
  readonly unfinished?: true;
}

export interface ReadyNetwork {
  /** The name of the network on this host's engine. */
  readonly engineNetwork: string;
  /** This node's address in it, where names are asked for. */
  readonly gateway: string;
  readonly ingress: boolean;
  /** Bytes of the largest packet that its containers send. */
  readonly mtu: number;
}

export class NetworkPlaneError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'NetworkPlaneError';
  }
}
