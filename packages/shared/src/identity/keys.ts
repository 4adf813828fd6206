import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** A new ECDSA P-256 key, PKCS#8 PEM. */
export function createPrivateKeyPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** SHA-256 of the public key (SPKI, DER), hex: what a node is known by, see `Node.keyFingerprint`. */
export function keyFingerprint(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** The fingerprint of a private key's public half. */
export function fingerprintOfPrivateKey(privateKeyPem: string): string {
  return keyFingerprint(createPublicKey(createPrivateKey(privateKeyPem)));
}

/** The only kind of key this cluster certifies. */
export function isP256(publicKey: KeyObject): boolean {
  return publicKey.asymmetricKeyType === 'ec' && publicKey.asymmetricKeyDetails?.namedCurve === 'prime256v1';
}
