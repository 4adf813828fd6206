import { createPublicKey, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { createRoot, signNodeCertificate, tlsInfo } from './certificates.ts';
import { createPrivateKeyPem, fingerprintOfPrivateKey } from './keys.ts';
import { checkNodeCertificate } from './node-certificate.ts';

const NOW = Date.UTC(2026, 10, 21, 11, 0, 0);
const DAY = 86_400_000;
const HOUR = 3_600_000;
const root = createRoot(NOW);
const rootCertificate = new X509Certificate(root.certificate);
const key = createPrivateKeyPem();
const order = {
  publicKey: createPublicKey(key),
  nodeID: 'node'.padEnd(25, '0'),
  clusterID: 'cluster'.padEnd(25, '0'),
  role: 'worker',
  nowMs: NOW,
  lifeMs: 90 * DAY,
} as const;
const sign = (changes: Partial<Parameters<typeof signNodeCertificate>[1]> = {}) =>
  new X509Certificate(signNodeCertificate(root, { ...order, ...changes }));

test('the root is swarm-ca, an authority on P-256, valid from an hour ago for twenty years', () => {
  expect(rootCertificate.subject).toBe('CN=swarm-ca');
  expect(rootCertificate.issuer).toBe('CN=swarm-ca');
  expect(rootCertificate.ca).toBe(true);
  expect(rootCertificate.verify(rootCertificate.publicKey)).toBe(true);
  expect(rootCertificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  expect(rootCertificate.validFromDate.getTime()).toBe(NOW - HOUR);
  expect(rootCertificate.validToDate.getTime()).toBe(NOW + 20 * 365 * DAY);
});

test('a node certificate names node, role and cluster, fits the node key, and is checked by its root', () => {
  expect(checkNodeCertificate({ leaf: sign(), authorities: [] }, [rootCertificate], NOW)).toEqual({
    kind: 'valid',
    certificate: {
      nodeID: order.nodeID,
      clusterID: order.clusterID,
      role: 'worker',
      keyFingerprint: fingerprintOfPrivateKey(key),
      notBeforeMs: NOW - HOUR,
      notAfterMs: NOW + 90 * DAY,
    },
  });
  expect(sign({ role: 'manager' }).subject).toBe(`O=${order.clusterID}\nOU=swarm-manager\nCN=${order.nodeID}`);
});

test('a node certificate never outlives its root', () => {
  expect(sign({ lifeMs: 30 * 365 * DAY }).validToDate).toEqual(rootCertificate.validToDate);
});

test('dates from 2050 on are written with four digits', () => {
  const late = Date.UTC(2049, 11, 31, 23, 30, 0);
  const lateRoot = createRoot(late);
  expect(new X509Certificate(lateRoot.certificate).validFromDate.getTime()).toBe(late - HOUR);
  expect(new X509Certificate(lateRoot.certificate).validToDate.getTime()).toBe(late + 20 * 365 * DAY);
});

const otherRoot = createRoot(NOW);
test.each([
  ['of another root of the same name', () => new X509Certificate(signNodeCertificate(otherRoot, order)), NOW, 'refused', 'did not sign it'],
  ['of the root itself', () => rootCertificate, NOW, 'refused', 'authority'],
  ['used before it begins', () => sign(), NOW - 2 * HOUR, 'refused', 'check the clocks'],
  ['used after it ended', () => sign(), NOW + 91 * DAY, 'expired', 'it expired on'],
])('a certificate %s is not valid', (_, certificate, now, kind, reason) => {
  expect(checkNodeCertificate({ leaf: certificate(), authorities: [] }, [rootCertificate], now)).toMatchObject({
    kind,
    reason: expect.stringContaining(reason),
  });
});

test('a root key that belongs to another root signs nothing', () => {
  expect(() => signNodeCertificate({ ...root, privateKey: otherRoot.privateKey }, order)).toThrow('do not belong together');
});

test('TLS info carries the root, its subject and its key', () => {
  const info = tlsInfo(root.certificate);
  expect(info.TrustRoot).toBe(root.certificate);
  // SEQUENCE { SET { SEQUENCE { 2.5.4.3, UTF8String "swarm-ca" } } }
  expect(info.CertIssuerSubject).toBe('MBMxETAPBgNVBAMMCHN3YXJtLWNh');
  const publicKey = createPublicKey({ key: Buffer.from(info.CertIssuerPublicKey, 'base64'), format: 'der', type: 'spki' });
  expect(publicKey.equals(rootCertificate.publicKey)).toBe(true);
});
