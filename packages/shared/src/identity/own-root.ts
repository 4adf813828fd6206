import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { SigningRoot } from './certificates.ts';
import { isSignedBy, splitCertificates } from './chain.ts';
import { objectIdentifier } from './der.ts';
import { encodePem } from './pem.ts';
import { EXTENSION, pathLength, readExtensions } from './read-certificate.ts';

/** A certificate that a user wants as the cluster's root, and that cannot be one. */
export class OwnRootRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OwnRootRefused';
  }
}

const YEAR_MS = 365 * 86_400_000;
const MIN_RSA_BITS = 2048;
/** Those that TLS 1.3 knows, by OpenSSL's names. */
const CURVES: readonly string[] = ['prime256v1', 'secp384r1', 'secp521r1'];
/** It goes with every handshake and to every node; one with an RSA key of 8192 bits has 3,000. */
const MAX_CHARACTERS = 4_096;
/** What a root may say of itself. Anything else that is critical would have to be obeyed, and is not here. */
const UNDERSTOOD = [EXTENSION.basicConstraints, EXTENSION.keyUsage].map(objectIdentifier);

/**
 * Both PEM. What is taken is written anew: equal certificates are equal texts then. Checked is what would make nodes
 * refuse each other later, when nobody could mend it any more. @throws OwnRootRefused
 */
export function readOwnRoot(certificatePem: string, privateKeyPem: string, nowMs: number): SigningRoot {
  if (splitCertificates(certificatePem).length > 1)
    throw new OwnRootRefused('the desired CA certificate cannot contain multiple certificates');
  const certificate = parsed(() => new X509Certificate(certificatePem));
  if (certificate === undefined) throw new OwnRootRefused('could not parse the desired CA certificate: give one certificate in PEM form');
  const key = parsed(() => createPrivateKey(privateKeyPem));
  if (key === undefined) throw new OwnRootRefused('could not parse the desired CA key: give an unencrypted private key in PEM form');
  if (!certificate.checkPrivateKey(key)) throw new OwnRootRefused('the desired CA certificate and key do not belong together');
  checkKey(key);
  checkRoot(certificate, nowMs);
  const text = encodePem('CERTIFICATE', certificate.raw);
  if (text.length > MAX_CHARACTERS)
    throw new OwnRootRefused(`the desired CA certificate is too large: at most ${MAX_CHARACTERS} characters of PEM`);
  return {
    certificate: text,
    privateKey: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function checkKey(key: KeyObject): void {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const isGood = key.asymmetricKeyType === 'rsa' ? modulusLength >= MIN_RSA_BITS : CURVES.includes(namedCurve);
  if (!isGood) {
    throw new OwnRootRefused(`the desired CA key must be ECDSA on P-256, P-384 or P-521, or RSA of ${MIN_RSA_BITS} bits or more`);
  }
}

function checkRoot(certificate: X509Certificate, nowMs: number): void {
  const refused = (reason: string) => new OwnRootRefused(`the desired CA certificate cannot be the root of a cluster: ${reason}`);
  if (!certificate.ca) throw refused('it is not that of an authority (basic constraints, CA:TRUE)');
  if (!isSignedBy(certificate, certificate)) throw refused('it is not signed by itself; give the root, not an authority below it');
  if (certificate.validFromDate.getTime() > nowMs) throw refused(`it is valid from ${certificate.validFrom} only`);
  if (certificate.validToDate.getTime() < nowMs + YEAR_MS)
    throw new OwnRootRefused('CA certificate expires too soon: it must be valid for a year at least');
  if (pathLength(certificate) === 0) throw refused('it allows no authority below it (path length 0), which its own replacement will need');
  const usages = certificate.keyUsage ?? [];
  if (usages.length > 0) throw refused('it is limited to some purposes (extended key usage)');
  const foreign = readExtensions(certificate).find(({ isCritical, id }) => isCritical && !UNDERSTOOD.some((known) => known.equals(id)));
  if (foreign !== undefined) throw refused('it has a critical extension besides basic constraints and key usage');
}

function parsed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
