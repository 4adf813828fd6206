import { createPublicKey } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { asID } from '../runtime/ids.ts';
import { createRoot, type SigningRoot, signNodeCertificate } from './certificates.ts';
import type { NodeIdentity } from './identity.ts';
import { createIdentityStore, writesFor } from './identity-store.ts';
import { createPrivateKeyPem } from './keys.ts';

let directory: string;
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'swarm-identity-')), 'identity');
});
afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }));

const NOW = Date.now();
const root = createRoot(NOW);
const privateKey = createPrivateKeyPem();

function identity(key = privateKey): NodeIdentity {
  const names = { nodeID: asID<NodeIdentity['nodeID']>('n1'), clusterID: asID<NodeIdentity['clusterID']>('c1'), role: 'worker' } as const;
  const certificate = signNodeCertificate(root, { ...names, publicKey: createPublicKey(key), nowMs: NOW, lifeMs: 3_600_000 });
  return { ...names, certificate, privateKey: key, rootCertificate: root.certificate };
}

test('what was saved is loaded, and the newest counts', async () => {
  const store = createIdentityStore(directory);
  expect(await store.load()).toBeUndefined();
  const [first, second] = [identity(), identity()];
  await store.save(first);
  await store.save(second);
  expect(await createIdentityStore(directory).load()).toEqual(second);
  expect(second.certificate).not.toBe(first.certificate);
});

test('the key is readable by its owner only, and nothing else is left beside it', async () => {
  await createIdentityStore(directory).save(identity());
  expect((await readdir(directory)).sort()).toEqual(['node.crt', 'node.key', 'root.crt']);
  expect((await stat(join(directory, 'node.key'))).mode & 0o777).toBe(0o600);
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
});

test('what a crash left half written does not disturb', async () => {
  const store = createIdentityStore(directory);
  const saved = identity();
  await store.save(saved);
  await writeFile(join(directory, 'node.crt.new'), 'half a certifi', { mode: 0o644 });
  expect(await store.load()).toEqual(saved);
  const next = identity();
  await store.save(next);
  expect(await store.load()).toEqual(next);
});

test('a key without a certificate, from a join that a crash cut short, is no identity', async () => {
  const store = createIdentityStore(directory);
  await store.save(identity());
  await rm(join(directory, 'node.crt'));
  expect(await store.load()).toBeUndefined();
});

test('removed is gone, and removing again is no error', async () => {
  const store = createIdentityStore(directory);
  await store.save(identity());
  await store.remove();
  await store.remove();
  expect(await store.load()).toBeUndefined();
  expect(await readdir(join(directory, '..'))).toEqual([]);
});

test.each([
  ['a lost key', (path: string) => rm(join(path, 'node.key')), 'node.key is missing'],
  ['a lost root', (path: string) => rm(join(path, 'root.crt')), 'root.crt is missing'],
  ['a certificate that is cut short', (path: string) => writeFile(join(path, 'node.crt'), '-----BEGIN'), 'node.crt cannot be parsed'],
  ['the key of another node', (path: string) => writeFile(join(path, 'node.key'), createPrivateKeyPem()), 'do not belong together'],
  ['the root of another cluster', (path: string) => writeFile(join(path, 'root.crt'), createRoot(NOW).certificate), 'is not signed by'],
  ["a root where the node's certificate should be", (path: string) => writeFile(join(path, 'node.crt'), root.certificate), 'no node'],
])('%s is told as damage, with a way out', async (_, damage, reason) => {
  const store = createIdentityStore(directory);
  await store.save(identity());
  await damage(directory);
  await expect(store.load()).rejects.toMatchObject({
    name: 'IdentityError',
    message: expect.stringMatching(new RegExp(`${reason}.*swarm leave --force`)),
  });
});

const other = createRoot(NOW);
const certified = (by: SigningRoot, rootCertificate: string): NodeIdentity => ({
  ...identity(),
  certificate: signNodeCertificate(by, {
    nodeID: 'n1',
    clusterID: 'c1',
    role: 'worker',
    publicKey: createPublicKey(privateKey),
    nowMs: NOW,
    lifeMs: 3_600_000,
  }),
  rootCertificate,
});
const both = root.certificate + other.certificate;

test.each([
  ['the same root', certified(root, root.certificate), certified(root, root.certificate)],
  ['a root that is being replaced', certified(root, root.certificate), certified(other, both)],
  ['a root that was replaced', certified(other, both), certified(other, other.certificate)],
  ['another root altogether', certified(root, root.certificate), certified(other, other.certificate)],
])('with %s a crash at any moment leaves the old identity or the new one', async (_, before, next) => {
  const store = createIdentityStore(directory);
  await store.save(before);
  for (const { file, text } of writesFor(before, next)) {
    await writeFile(join(directory, { privateKey: 'node.key', rootCertificate: 'root.crt', certificate: 'node.crt' }[file]), text);
    expect([before.certificate, next.certificate]).toContain((await store.load())?.certificate);
  }
  expect(await store.load()).toEqual(next);
  await store.save(before);
  await store.save(next);
  expect(await store.load()).toEqual(next);
});
