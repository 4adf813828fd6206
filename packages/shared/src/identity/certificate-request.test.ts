import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CertificateRequestError, createCertificateRequest, readCertificateRequest } from './certificate-request.ts';
import { bitString, contextTag, element, sequence, unsignedInteger } from './der.ts';
import { createPrivateKeyPem, fingerprintOfPrivateKey } from './keys.ts';
import { ECDSA_WITH_SHA256 } from './names.ts';
import { decodePem, encodePem } from './pem.ts';

const key = createPrivateKeyPem();

test('a request proves the key it was made with', () => {
  expect(readCertificateRequest(createCertificateRequest(key)).keyFingerprint).toBe(fingerprintOfPrivateKey(key));
});

/** Made by `openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /O=other/OU=swarm-manager/CN=evil`. */
const OPENSSL_REQUEST = `-----BEGIN CERTIFICATE REQUEST-----
MIHzMIGZAgEAMDcxDjAMBgNVBAoMBW90aGVyMRYwFAYDVQQLDA1zd2FybS1tYW5h
Z2VyMQ0wCwYDVQQDDARldmlsMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEIFZ6
g6wcJnI9UP2dY5xQNjX7pHPhHFmGNS4Gx3LXoz+qmcRDl8yx3NpzW8qUfnb5cjKP
ffIoOKQPbXiJT2qInKAAMAoGCCqGSM49BAMCA0kAMEYCIQC3+EvTlmEI+yRD9q9R
F79WaMWh2lqkIhljXyd5MiDrZwIhAKLv273sZriln9ShxTr51IQF0/1UDKf+Nwv+
7bcXwqJH
-----END CERTIFICATE REQUEST-----
`;

test('a request made by OpenSSL is read, and only its key counts', () => {
  expect(Object.keys(readCertificateRequest(OPENSSL_REQUEST))).toEqual(['publicKey', 'keyFingerprint']);
});

function request(signer: string, publicOf: string, algorithm = ECDSA_WITH_SHA256): string {
  const spki = createPublicKey(createPrivateKey(publicOf)).export({ type: 'spki', format: 'der' });
  const info = sequence(unsignedInteger(Buffer.from([0])), sequence(), spki, element(contextTag(0)));
  return encodePem('CERTIFICATE REQUEST', sequence(info, algorithm, bitString(sign('sha256', info, createPrivateKey(signer)))));
}
const pem = (pair: { privateKey: ReturnType<typeof createPrivateKey> }) =>
  pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const rsa = pem(generateKeyPairSync('rsa', { modulusLength: 2048 }));
const p384 = pem(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }));

test.each([
  ['nothing', '', 'not PEM'],
  ['a key', key, 'not PEM'],
  ['two requests', createCertificateRequest(key).repeat(2), 'not PEM'],
  ["a request for someone else's key", request(createPrivateKeyPem(), key), 'does not fit its key'],
  ['an RSA key', request(rsa, rsa), 'not on the curve P-256'],
  ['another curve', request(p384, p384), 'not on the curve P-256'],
  ['another algorithm', request(key, key, sequence()), 'not ECDSA with SHA-256'],
  ['a sequence of nothing', encodePem('CERTIFICATE REQUEST', sequence()), 'parts are missing'],
])('%s is refused', (_, text, reason) => {
  expect(() => readCertificateRequest(text)).toThrow(reason);
});

test('whatever bytes come, a request is read or refused as such', () => {
  const good = decodePem('CERTIFICATE REQUEST', createCertificateRequest(key)) as Buffer;
  const damaged = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => {
    const bytes = Buffer.from(good);
    bytes[at] = (bytes[at] as number) ^ flip;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ minLength: 1, maxLength: 300 })), (bytes) => {
      expect(() => readCertificateRequest(encodePem('CERTIFICATE REQUEST', bytes))).toThrow(CertificateRequestError);
    }),
    { numRuns: 300 },
  );
});
