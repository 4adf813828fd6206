import type { Cluster } from '@swarm/shared/domain/objects';
import type { Role } from '@swarm/shared/engine-api/cluster-spec';

/**
 * The cluster's certificate authority as the rest of the manager uses it. Secrets and keys are in the cluster object;
 * implementations keep no state of their own.
 */
export interface ClusterCertificates {
  /** A new join token for this cluster: `SWMTKN-1-<digest of the root>-<secret>`. */
  newJoinToken(cluster: Pick<Cluster, 'ca'>): string;
  /** Signs a node's certificate. @throws when the request's signature does not fit its key. */
  issue(cluster: Pick<Cluster, 'ID' | 'ca' | 'Spec'>, request: IssueRequest): Promise<IssuedCertificate>;
}

export interface IssueRequest {
  /** PEM. */
  readonly csr: string;
  readonly nodeID: string;
  readonly role: Role;
}

export interface IssuedCertificate {
  /** PEM. */
  readonly certificate: string;
  /** See `Node.keyFingerprint`. */
  readonly keyFingerprint: string;
}
