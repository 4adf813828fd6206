import { createPublicKey, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { createRoot, signApiCertificate } from './certificates.ts';
import { createPrivateKeyPem } from './keys.ts';

test('the certificate of the API stands for names and addresses of both families', () => {
  const now = Date.UTC(2026, 10, 21);
  const names = ['swarm.example.org', '*.example.org', '10.0.0.1', '::1', '2001:db8::5:6', 'fd00:1:2:3:4:5:6:7', '::ffff:1.2.3.4'];
  const publicKey = createPublicKey(createPrivateKeyPem());
  const pem = signApiCertificate(createRoot(now), { publicKey, nodeID: 'n', clusterID: 'c', nowMs: now, lifeMs: 3_600_000, names });
  const certificate = new X509Certificate(pem);
  for (const ip of names.slice(2)) expect([ip, certificate.checkIP(ip)]).toEqual([ip, ip]);
  expect(certificate.checkHost('swarm.example.org')).toBe('swarm.example.org');
  expect(certificate.checkHost('other.example.org')).toBe('*.example.org');
  expect(certificate.checkHost('example.com')).toBeUndefined();
  expect(certificate.checkIP('10.0.0.2')).toBeUndefined();
});
