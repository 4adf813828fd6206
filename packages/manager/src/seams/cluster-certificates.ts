import type { Cluster } from '@swarm/shared/domain/objects';
import type { Role } from '@swarm/shared/engine-api/cluster-spec';
import type { SigningRoot } from '@swarm/shared/identity/certificates';

type ClusterRoots = Pick<Cluster, 'ca' | 'nextRoot' | 'formerRoots'>;

/**
 * The cluster's certificate authority as the rest of the manager uses it. Secrets and keys are in the cluster object;
 * implementations keep no state of their own.
 */
export interface ClusterCertificates {
  /** A new join token for this cluster: `SWMTKN-1-<digest of the root>-<secret>`. */
  newJoinToken(cluster: Pick<Cluster, 'ca'>): string;
  /** A root of the user's own, both PEM. @throws ApiError 400 with the reason when it cannot be the root of a cluster. */
  readOwnRoot(certificate: string, privateKey: string): SigningRoot;
  /**
   * The cluster as it begins to replace its root, by `next` or else by one that is made. What was begun before is given
   * up for it. The root that it has, or the one that is coming already, is no new one.
   */
  replaceRoot(cluster: Cluster, next?: SigningRoot): Cluster;
  /** Signs a node's certificate. @throws when the request's signature does not fit its key. */
  issue(cluster: ClusterRoots & Pick<Cluster, 'ID' | 'Spec'>, request: IssueRequest): Promise<IssuedCertificate>;
  /** Signs the certificate of a client of the API. @throws CertificateRequestError when the request is no good. */
  issueClient(cluster: ClusterRoots & Pick<Cluster, 'ID'>, request: IssueClientRequest): Promise<IssuedClientCertificate>;
  /** Signs what the API of this manager shows under its names. @throws when the request's signature does not fit its key. */
  issueApi(
    cluster: ClusterRoots & Pick<Cluster, 'ID'>,
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
