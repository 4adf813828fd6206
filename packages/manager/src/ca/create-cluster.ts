import { decideNetworkAllocation } from '@swarm/shared/domain/network-allocation';
import type { Cluster, Network, Node } from '@swarm/shared/domain/objects';
import type { Availability, SwarmSpec } from '@swarm/shared/engine-api/cluster-spec';
import { ApiError } from '@swarm/shared/errors/api-error';
import { createCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { createRoot, tlsInfo } from '@swarm/shared/identity/certificates';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { createJoinToken } from '@swarm/shared/identity/join-token';
import { createUnlockKey } from '@swarm/shared/identity/unlock-key';
import type { Clock } from '@swarm/shared/runtime/clock';
import { asID, type ClusterID, type NetworkID, type NodeID, type Random } from '@swarm/shared/runtime/ids';
import type { ClusterCertificates } from '../seams/cluster-certificates.ts';
import type { Draft, Store } from '../store/store.ts';
import { clusterSpecForInit } from './default-cluster-spec.ts';

export interface NewCluster {
  readonly cluster: Draft<Cluster>;
  /** The first manager. */
  readonly node: Draft<Node>;
  /** What published ports go through. */
  readonly ingress: Draft<Network>;
  /** Of the first manager; the caller stores it on disk. */
  readonly identity: NodeIdentity;
}

export interface NewClusterOptions {
  /** As the user sent it, checked; absent and zero fields get Docker's defaults. */
  readonly spec?: SwarmSpec;
  readonly defaultAddrPool?: readonly string[];
  readonly subnetSize?: number;
  readonly dataPathPort?: number;
  readonly availability?: Availability;
  /** The first manager's IP address, without port. */
  readonly advertiseHost: string;
  /** Where other nodes reach its control port, `host:port`. */
  readonly controlAddress: string;
  /** The first manager's own key, PKCS#8 PEM. */
  readonly privateKey: string;
}

/**
 * Makes a cluster: a root, join tokens, Docker's default spec, and its first node. Writes nothing.
 * @throws ApiError 400 when the user's own root cannot be one
 */
export async function createCluster(
  deps: { readonly clock: Clock; readonly random: Random; readonly certificates: ClusterCertificates },
  options: NewClusterOptions,
): Promise<NewCluster> {
  const { clock, random, certificates } = deps;
  const { SigningCACert = '', SigningCAKey = '', ...CAConfig } = options.spec?.CAConfig ?? {};
  const ca = SigningCACert === '' ? createRoot(clock.now()) : certificates.readOwnRoot(SigningCACert, SigningCAKey);
  const spec = clusterSpecForInit({ ...options.spec, CAConfig });
  const cluster: Draft<Cluster> = {
    ID: asID<ClusterID>(random.id()),
    Spec: spec,
    TLSInfo: tlsInfo(ca.certificate),
    RootRotationInProgress: false,
    DefaultAddrPool: options.defaultAddrPool?.length ? options.defaultAddrPool : ['10.0.0.0/8'],
    SubnetSize: options.subnetSize || 24,
    DataPathPort: options.dataPathPort || 4789,
    JoinTokens: { Worker: createJoinToken(ca.certificate), Manager: createJoinToken(ca.certificate) },
    ca,
    ...(spec.EncryptionConfig?.AutoLockManagers === true && { unlockKey: createUnlockKey() }),
  };
  const nodeID = asID<NodeID>(random.id());
  const csr = createCertificateRequest(options.privateKey);
  const { certificate, keyFingerprint } = await certificates.issue(cluster, { csr, nodeID, role: 'manager' });
  const node: Draft<Node> = {
    ID: nodeID,
    Spec: { Labels: {}, Role: 'manager', Availability: options.availability ?? 'active' },
    Status: { State: 'unknown', Addr: options.advertiseHost },
    ManagerStatus: { Leader: true, Reachability: 'reachable', Addr: options.controlAddress },
    role: 'manager',
    keyFingerprint,
  };
  const identity: NodeIdentity = {
    nodeID,
    clusterID: cluster.ID,
    role: 'manager',
    certificate,
    privateKey: options.privateKey,
    rootCertificate: ca.certificate,
  };
  return { cluster, node, ingress: ingressNetwork(cluster, asID(random.id()), options.advertiseHost), identity };
}

const INGRESS_SPEC = { Name: 'ingress', Driver: 'overlay', Ingress: true, Labels: {} } as const;

/** @throws when the pools have no room for it; what the user gave was checked before. */
function ingressNetwork(cluster: Draft<Cluster>, ID: NetworkID, hostAddress: string): Draft<Network> {
  const outcome = decideNetworkAllocation(INGRESS_SPEC, {
    pools: cluster.DefaultAddrPool,
    subnetSize: cluster.SubnetSize,
    networks: [],
    hostAddresses: [hostAddress],
  });
  if (!outcome.ok) throw new ApiError('invalid-argument', outcome.reason);
  return { ID, Spec: INGRESS_SPEC, allocation: outcome.allocation };
}

/** Writes a new cluster, its first node and its ingress network in one transaction. */
export async function commitCluster(store: Store, { cluster, node, ingress }: NewCluster): Promise<void> {
  await store.update((tx) => {
    if (tx.clusters.size > 0) throw new Error('this store holds a cluster already');
    tx.clusters.create(cluster);
    tx.nodes.create(node);
    tx.networks.create(ingress);
  });
}
