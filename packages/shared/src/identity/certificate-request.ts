import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { bitString, contextTag, DerError, type Element, element, readElements, sequence, TAG, unsignedInteger } from './der.ts';
import { isP256, keyFingerprint } from './keys.ts';
import { ECDSA_WITH_SHA256 } from './names.ts';
import { decodePem, encodePem } from './pem.ts';

/**
 * PKCS#10 requests (RFC 2986). All that is taken from one is the public key and the proof that the sender has the
 * private one: name, role and cluster are the manager's to give, so what a request says of them is not even read.
 */
export interface CertificateRequest {
  readonly publicKey: KeyObject;
  readonly keyFingerprint: string;
}

export class CertificateRequestError extends Error {
  constructor(reason: string, cause?: unknown) {
    super(`the certificate request is not acceptable: ${reason}`, { cause });
    this.name = 'CertificateRequestError';
  }
}

const LABEL = 'CERTIFICATE REQUEST';

/** A request for `privateKey` (PKCS#8 PEM), without a subject. PEM. */
export function createCertificateRequest(privateKey: string): string {
  const key = createPrivateKey(privateKey);
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const info = sequence(unsignedInteger(Buffer.from([0])), sequence(), publicKey, element(contextTag(0)));
  const signature = sign('sha256', info, key);
  return encodePem(LABEL, sequence(info, ECDSA_WITH_SHA256, bitString(signature)));
}

/** @throws CertificateRequestError when it is malformed, for another kind of key, or not signed by its own key. */
export function readCertificateRequest(pem: string): CertificateRequest {
  const der = decodePem(LABEL, pem);
  if (der === undefined) throw new CertificateRequestError('it is not PEM');
  const [info, algorithm, signature] = partsOf(only(split(der)));
  const [, , spki] = partsOf(info);
  if (!algorithm.whole.equals(ECDSA_WITH_SHA256)) throw new CertificateRequestError('its signature is not ECDSA with SHA-256');
  const publicKey = readPublicKey(spki.whole);
  if (!isP256(publicKey)) throw new CertificateRequestError('its key is not on the curve P-256');
  // The first byte of a bit string counts unused bits.
  if (signature.tag !== TAG.bitString || signature.content[0] !== 0) throw new CertificateRequestError('its signature is malformed');
  if (!verify('sha256', info.whole, publicKey, signature.content.subarray(1))) {
    throw new CertificateRequestError('its signature does not fit its key');
  }
  return { publicKey, keyFingerprint: keyFingerprint(publicKey) };
}

function readPublicKey(spki: Buffer): KeyObject {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch (cause) {
    throw new CertificateRequestError('its key is malformed', cause);
  }
}

function split(bytes: Buffer): Element[] {
  try {
    return readElements(bytes);
  } catch (cause) {
    if (cause instanceof DerError) throw new CertificateRequestError(`it is malformed: ${cause.message}`, cause);
    throw cause;
  }
}

function only(elements: readonly Element[]): Element {
  const [first] = elements;
  if (first === undefined || elements.length !== 1) throw new CertificateRequestError('it is malformed: not one sequence');
  return first;
}

/** The first three parts of a sequence: both that are read here have at least as many. */
function partsOf(element: Element): [Element, Element, Element] {
  const [first, second, third] = element.tag === TAG.sequence ? split(element.content) : [];
  if (first === undefined || second === undefined || third === undefined) {
    throw new CertificateRequestError('it is malformed: parts are missing');
  }
  return [first, second, third];
}
