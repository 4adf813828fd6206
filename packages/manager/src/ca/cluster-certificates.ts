import { X509Certificate } from 'node:crypto';
import { signingRoot } from '@swarm/shared/domain/cluster-roots';
import { invalidArgument } from '@swarm/shared/errors/api-error';
import { readCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { createRoot, signApiCertificate, signClientCertificate, signNodeCertificate } from '@swarm/shared/identity/certificates';
import { createJoinToken } from '@swarm/shared/identity/join-token';
import { OwnRootRefused, readOwnRoot } from '@swarm/shared/identity/own-root';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { ClusterCertificates } from '../seams/cluster-certificates.ts';
import { DEFAULT_CERTIFICATE_LIFE_NS } from './default-cluster-spec.ts';
import { beginRotation } from './root-rotation.ts';

const NS_PER_MS = 1_000_000;
const DAY_MS = 86_400_000;
/** A client is revoked by removing it, so its certificate need not be short-lived; one that is forgotten ends some day. */
const CLIENT_LIFE_MS = 365 * DAY_MS;
/** Made anew by whoever serves, long before. */
const API_LIFE_MS = 30 * DAY_MS;

export function createClusterCertificates(deps: { readonly clock: Clock }): ClusterCertificates {
  return {
    newJoinToken: (cluster) => createJoinToken(cluster.ca.certificate),
    readOwnRoot: (certificate, privateKey) => explained(() => readOwnRoot(certificate, privateKey, deps.clock.now())),
    replaceRoot: (cluster, next) => beginRotation(cluster, next ?? createRoot(deps.clock.now()), deps.clock.now()),
    async issue(cluster, { csr, nodeID, role }) {
      const { publicKey, keyFingerprint } = readCertificateRequest(csr);
      const lifeNs = cluster.Spec.CAConfig?.NodeCertExpiry || DEFAULT_CERTIFICATE_LIFE_NS;
      const order = { publicKey, nodeID, clusterID: cluster.ID, role, nowMs: deps.clock.now(), lifeMs: lifeNs / NS_PER_MS };
      return { certificate: signNodeCertificate(signingRoot(cluster), order), keyFingerprint };
    },
    async issueClient(cluster, { csr, clientID }) {
      const { publicKey, keyFingerprint } = readCertificateRequest(csr);
      const order = { publicKey, clientID, clusterID: cluster.ID, nowMs: deps.clock.now(), lifeMs: CLIENT_LIFE_MS };
      const certificate = signClientCertificate(signingRoot(cluster), order);
      return { certificate, keyFingerprint, expiresAtMs: endOf(certificate) };
    },
    async issueApi(cluster, { csr, nodeID, names }) {
      const { publicKey } = readCertificateRequest(csr);
      const order = { publicKey, nodeID, names, clusterID: cluster.ID, nowMs: deps.clock.now(), lifeMs: API_LIFE_MS };
      const certificate = signApiCertificate(signingRoot(cluster), order);
      return { certificate, expiresAtMs: endOf(certificate) };
    },
  };
}

function explained<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof OwnRootRefused) throw invalidArgument(error.message);
    throw error;
  }
}

/** A certificate never outlives its root: its end may be nearer than was ordered. */
function endOf(certificate: string): number {
  return new X509Certificate(certificate).validToDate.getTime();
}
