import { readCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { signNodeCertificate } from '@swarm/shared/identity/certificates';
import { createJoinToken } from '@swarm/shared/identity/join-token';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { ClusterCertificates } from '../seams/cluster-certificates.ts';
import { DEFAULT_CERTIFICATE_LIFE_NS } from './default-cluster-spec.ts';

const NS_PER_MS = 1_000_000;

export function createClusterCertificates(deps: { readonly clock: Clock }): ClusterCertificates {
  return {
    newJoinToken: (cluster) => createJoinToken(cluster.ca.certificate),
    async issue(cluster, { csr, nodeID, role }) {
      const { publicKey, keyFingerprint } = readCertificateRequest(csr);
      const lifeNs = cluster.Spec.CAConfig?.NodeCertExpiry || DEFAULT_CERTIFICATE_LIFE_NS;
      const order = { publicKey, nodeID, clusterID: cluster.ID, role, nowMs: deps.clock.now(), lifeMs: lifeNs / NS_PER_MS };
      return { certificate: signNodeCertificate(cluster.ca, order), keyFingerprint };
    },
  };
}
