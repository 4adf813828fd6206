import { createPublicKey } from 'node:crypto';
import { expect, test } from 'vitest';
import { createRoot, crossSign, signNodeCertificate } from './certificates.ts';
import { findIssuer, readCertificates, readChain } from './chain.ts';
import { createPrivateKeyPem } from './keys.ts';
import { FOR_SERVERS, FOR_SOME_NAMES, KEY, ODD_CURVE, PATH_LENGTH_0, PATH_LENGTH_1, PLAIN, RSA, SHORT_RSA } from './own-root.fixture.ts';
import { OwnRootRefused, readOwnRoot } from './own-root.ts';

const NOW = Date.now();
const DAY = 86_400_000;

const made = createRoot(NOW);
const nodeKey = createPrivateKeyPem();
const order = { publicKey: createPublicKey(nodeKey), nodeID: 'n', clusterID: 'c', role: 'worker', nowMs: NOW, lifeMs: DAY } as const;

test.each([
  ['one that OpenSSL made', PLAIN, KEY],
  ['one that allows one authority below it', PATH_LENGTH_1, KEY],
  ['one of ours', made.certificate, made.privateKey],
  ['one with an RSA key', RSA.certificate, RSA.privateKey],
  ['one with text around it', `who made it\n${PLAIN}\n`, KEY],
])('%s can be the root: what it signs leads to it, and through it to the root before', (_, certificate, key) => {
  const root = readOwnRoot(certificate, key, NOW);
  const chain = crossSign(made, root.certificate, NOW);
  const signed = readChain(signNodeCertificate({ ...root, chain }, order));
  expect(findIssuer(signed, readCertificates(root.certificate))).toBeDefined();
  expect(findIssuer(signed, readCertificates(made.certificate))).toBeDefined();
  expect(findIssuer({ ...signed, authorities: [] }, readCertificates(createRoot(NOW).certificate))).toBeUndefined();
  // The same certificate is the same text, whatever stood around it.
  expect(readOwnRoot(root.certificate, root.privateKey, NOW)).toEqual(root);
});

const leaf = signNodeCertificate(made, order);
const cross = crossSign(made, RSA.certificate, NOW);
const young = createRoot(NOW + 20 * DAY);

test.each([
  ['no certificate', 'nonsense', KEY, 'could not parse the desired CA certificate'],
  ['several certificates', PLAIN + made.certificate, KEY, 'cannot contain multiple certificates'],
  ['no key', PLAIN, 'nonsense', 'could not parse the desired CA key'],
  ['the key of another one', PLAIN, made.privateKey, 'do not belong together'],
  ['a short RSA key', SHORT_RSA.certificate, SHORT_RSA.privateKey, 'RSA of 2048 bits or more'],
  ['a curve that TLS does not know', ODD_CURVE.certificate, ODD_CURVE.privateKey, 'P-256, P-384 or P-521'],
  ['the certificate of a node', leaf, nodeKey, 'not that of an authority'],
  ['an authority that another one signed', cross, RSA.privateKey, 'not signed by itself'],
  ['one that is not valid yet', young.certificate, young.privateKey, 'is valid from'],
  ['one that cannot have a successor', PATH_LENGTH_0, KEY, 'path length 0'],
  ['one for servers only', FOR_SERVERS, KEY, 'extended key usage'],
  ['one with rules that nobody here would obey', FOR_SOME_NAMES, KEY, 'critical extension'],
])('%s is refused with the reason', (_, certificate, key, reason) => {
  expect(() => readOwnRoot(certificate, key, NOW)).toThrow(OwnRootRefused);
  expect(() => readOwnRoot(certificate, key, NOW)).toThrow(reason);
});

test('a root that ends within a year is refused', () => {
  const ends = NOW + 20 * 365 * DAY;
  expect(() => readOwnRoot(made.certificate, made.privateKey, ends - 364 * DAY)).toThrow('CA certificate expires too soon');
  expect(readOwnRoot(made.certificate, made.privateKey, ends - 366 * DAY).certificate).toBe(made.certificate);
});
