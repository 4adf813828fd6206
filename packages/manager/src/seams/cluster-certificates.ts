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
  /** Signs the certificate of a client of the API. @throws CertificateRequestError when the request is no good. */
  issueClient(cluster: Pick<Cluster, 'ID' | 'ca'>, request: IssueClientRequest): Promise<IssuedClientCertificate>;
  /** Signs what the API of this manager shows under its names. @throws when the request's signature does not fit its key. */
  issueApi(
    cluster: Pick<Cluster, 'ID' | 'ca'>,
    request: IssueApiRequest,
  ): Promise<{ readonly certificate: string; readonly expiresAtMs: number }>;
}

export interface IssueRequest {
  /** PEM. */
  readonly csr: string;
  readonly nodeID: string;
  readonly role: Role;
}

export interface IssueClientRequest {
  /** PEM. */
  readonly csr: string;
  readonly clientID: string;
}

export interface IssuedClientCertificate extends IssuedCertificate {
  readonly expiresAtMs: number;
}

export interface IssueApiRequest {
  /** PEM. */
  readonly csr: string;
  readonly nodeID: string;
  /** Names and IP addresses of this host. */
  readonly names: readonly string[];
}

export interface IssuedCertificate {
  /** PEM. */
  readonly certificate: string;
  /** See `Node.keyFingerprint`. */
  readonly keyFingerprint: string;
}
