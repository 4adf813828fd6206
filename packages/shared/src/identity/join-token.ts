import { createHash, randomInt, timingSafeEqual } from 'node:crypto';

/**
 * A join token in Docker's form: `SWMTKN-1-<digest of the root certificate>-<secret>`. The digest pins the CA for the
 * joining host, the secret proves to the manager that it may join. Both are base 36, left padded with zeros.
 */
export interface JoinToken {
  /** SHA-256 of the root certificate's PEM text, 50 characters. */
  readonly rootDigest: string;
  /** 25 characters. */
  readonly secret: string;
}

const PREFIX = 'SWMTKN-1';
const FORM = /^SWMTKN-1-([0-9a-z]{50})-([0-9a-z]{25})$/;
const SECRET_LENGTH = 25;
const DIGEST_LENGTH = 50;
const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Undefined when the text is no join token. */
export function parseJoinToken(text: string): JoinToken | undefined {
  const match = FORM.exec(text);
  return match === null ? undefined : { rootDigest: match[1] as string, secret: match[2] as string };
}

export function encodeJoinToken(token: JoinToken): string {
  return `${PREFIX}-${token.rootDigest}-${token.secret}`;
}

/** A token with a new secret: 129 bits of the system's randomness. */
export function createJoinToken(rootCertificate: string): string {
  const secret = Array.from({ length: SECRET_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return encodeJoinToken({ rootDigest: rootDigest(rootCertificate), secret });
}

/** The digest that a join token carries for this root certificate (PEM, byte for byte). */
export function rootDigest(rootCertificate: string): string {
  const hash = createHash('sha256').update(rootCertificate).digest('hex');
  return BigInt(`0x${hash}`).toString(36).padStart(DIGEST_LENGTH, '0');
}

/** Equal in constant time, so that nobody can guess a token character by character. */
export function equalSecrets(a: string, b: string): boolean {
  const left = createHash('sha256').update(a).digest();
  const right = createHash('sha256').update(b).digest();
  return timingSafeEqual(left, right);
}
