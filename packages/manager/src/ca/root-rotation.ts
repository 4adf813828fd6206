import type { Cluster, FormerRoot } from '@swarm/shared/domain/objects';
import { crossSign, type SigningRoot, tlsInfo } from '@swarm/shared/identity/certificates';
import { createJoinToken } from '@swarm/shared/identity/join-token';

/** So many roots back the files of clients are good, and a host that was away can find its way to the present one. */
const MAX_FORMER_ROOTS = 4;

/** See `ClusterCertificates.replaceRoot`. */
export function beginRotation(cluster: Cluster, next: SigningRoot, nowMs: number): Cluster {
  const { ca, nextRoot } = cluster;
  if (next.certificate === nextRoot?.certificate) return cluster;
  // Back to the root that is in force: what the other one has signed meanwhile leads to it, and is renewed as it comes.
  if (next.certificate === ca.certificate)
    return withoutNext({ ...cluster, TLSInfo: tlsInfo(ca.certificate), RootRotationInProgress: false });
  return {
    ...cluster,
    nextRoot: {
      certificate: next.certificate,
      privateKey: next.privateKey,
      crossCertificate: crossSign(ca, next.certificate, nowMs),
    },
    TLSInfo: tlsInfo(ca.certificate, next.certificate),
    RootRotationInProgress: true,
  };
}

/** The cluster once all its nodes have certificates of the next root: that is its root then, and the key of the old one is gone. */
export function completeRotation(cluster: Cluster): Cluster {
  const { ca, nextRoot, formerRoots = [] } = cluster;
  if (nextRoot === undefined) return cluster;
  const { certificate, privateKey, crossCertificate } = nextRoot;
  const before: FormerRoot = { certificate: ca.certificate, crossCertificate };
  return withoutNext({
    ...cluster,
    ca: { certificate, privateKey },
    formerRoots: [before, ...formerRoots].filter((root) => root.certificate !== certificate).slice(0, MAX_FORMER_ROOTS),
    TLSInfo: tlsInfo(certificate),
    RootRotationInProgress: false,
    JoinTokens: { Worker: createJoinToken(certificate), Manager: createJoinToken(certificate) },
  });
}

function withoutNext(cluster: Cluster): Cluster {
  const { nextRoot: _, ...rest } = cluster;
  return rest;
}
