import type { Role } from '../engine-api/cluster-spec.ts';
import type { ClusterID, NodeID } from '../runtime/ids.ts';

/** Who a node is: a key that never changes, and the newest certificate for it. All PEM. */
export interface NodeIdentity {
  readonly nodeID: NodeID;
  readonly clusterID: ClusterID;
  /** The role its certificate carries. */
  readonly role: Role;
  /** Followed by those of the authorities that lead to older roots, if there are any. */
  readonly certificate: string;
  /** PKCS#8. */
  readonly privateKey: string;
  /** Whom the node trusts: one root; while that is replaced, the new one after it. */
  readonly rootCertificate: string;
}

/** Organisational units of node and client certificates: what a certificate's owner may be. */
export const CERTIFICATE_ROLE = {
  manager: 'swarm-manager',
  worker: 'swarm-worker',
  /** Of a person or program outside the cluster, for the API. What it may do is in the store. */
  client: 'swarm-client',
  /** Of the API's own end, under names and addresses of a host. */
  api: 'swarm-api',
} as const;
