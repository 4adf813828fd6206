import type { SigningRoot } from '../identity/certificates.ts';
import type { Cluster } from './objects.ts';

type Roots = Pick<Cluster, 'ca' | 'nextRoot' | 'formerRoots'>;

/**
 * What nodes shall trust, PEM: one root, or while it is replaced both. The first is the one that clients are told of and
 * join tokens name; the last is the one that certificates shall be signed by.
 */
export function trustedRoots({ ca, nextRoot }: Roots): readonly string[] {
  return nextRoot === undefined ? [ca.certificate] : [ca.certificate, nextRoot.certificate];
}

/** As one PEM text. */
export function trustBundle(cluster: Roots): string {
  return trustedRoots(cluster).join('');
}

/**
 * What the API takes from its clients, whose files outlive a root. That a certificate is of an old root gives nobody
 * anything: the key must be that of a client in the store.
 */
export function rootsOfClients(cluster: Roots): readonly string[] {
  return [...trustedRoots(cluster), ...(cluster.formerRoots ?? []).map(({ certificate }) => certificate)];
}

/** Signs certificates now, and sends the way to older roots with each. */
export function signingRoot({ ca, nextRoot, formerRoots = [] }: Roots): SigningRoot {
  const chain = formerRoots.map(({ crossCertificate }) => crossCertificate).join('');
  if (nextRoot === undefined) return { ...ca, chain };
  return { certificate: nextRoot.certificate, privateKey: nextRoot.privateKey, chain: nextRoot.crossCertificate + chain };
}
