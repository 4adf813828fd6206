import { X509Certificate } from 'node:crypto';

/**
 * A certificate with those of the authorities that lead from it to a root. A cluster has one root, and two while that is
 * replaced: whoever was certified by the new one shows, beside its certificate, that of the new root signed by the old.
 */
export interface CertificateChain {
  readonly leaf: X509Certificate;
  readonly authorities: readonly X509Certificate[];
}

/** More of them lead nowhere: a cluster keeps fewer roots. */
export const MAX_CHAIN = 8;
const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\r?\n?/g;

/** The single certificates of a PEM text, each with its line feed; what stands between them is left out. */
export function splitCertificates(pem: string): readonly string[] {
  return (pem.match(BLOCK) ?? []).map((block) => `${block.trimEnd()}\n`);
}

/** @throws when the text holds none, or one that is malformed. */
export function readCertificates(pem: string): readonly X509Certificate[] {
  const blocks = splitCertificates(pem);
  if (blocks.length === 0) throw new Error('no certificate in PEM form');
  return blocks.slice(0, MAX_CHAIN).map((block) => new X509Certificate(block));
}

/** Of a PEM text whose first certificate is the one that counts. @throws as `readCertificates` */
export function readChain(pem: string): CertificateChain {
  const [leaf, ...authorities] = readCertificates(pem);
  return { leaf: leaf as X509Certificate, authorities };
}

/** What the other end of a connection has shown. */
export function chainOfPeer(leaf: X509Certificate): CertificateChain {
  const authorities: X509Certificate[] = [];
  for (let next = leaf.issuerCertificate; next !== undefined && authorities.length < MAX_CHAIN; next = next.issuerCertificate) {
    authorities.push(next);
  }
  return { leaf, authorities };
}

/**
 * Who signed the certificate: one of the roots, or an authority that, maybe through others, one of the roots signed.
 * Undefined when no way leads to a root. Times are not looked at.
 *
 * The chain comes from whoever dials. So the way is sought from the roots, never from the certificate: nothing is computed
 * with a stranger's keys, and authorities that have all signed one another make no more ways to try.
 */
export function findIssuer({ leaf, authorities }: CertificateChain, roots: readonly X509Certificate[]): X509Certificate | undefined {
  let untrusted = authorities.filter(({ ca }) => ca);
  for (let trusted = roots; trusted.length > 0; ) {
    const issuer = trusted.find((candidate) => isSignedBy(leaf, candidate));
    if (issuer !== undefined) return issuer;
    const signers = trusted;
    trusted = untrusted.filter((candidate) => signers.some((signer) => isSignedBy(candidate, signer)));
    untrusted = untrusted.filter((candidate) => !trusted.includes(candidate));
  }
  return undefined;
}

export function isSignedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}
