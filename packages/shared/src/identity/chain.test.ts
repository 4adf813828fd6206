import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { createRoot, crossSign, type SigningRoot, signNodeCertificate } from './certificates.ts';
import { findIssuer, MAX_CHAIN } from './chain.ts';
import { createPrivateKeyPem } from './keys.ts';

const NOW_MS = Date.parse('2026-11-22T00:00:00Z');

function signLeaf(root: SigningRoot): string {
  const publicKey = createPublicKey(createPrivateKeyPem());
  return signNodeCertificate(root, { publicKey, nodeID: 'n', clusterID: 'c', role: 'worker', nowMs: NOW_MS, lifeMs: 3_600_000 });
}

/** A chain of this length, in which every authority has signed every other one and the leaf. */
function tangle(length: number) {
  const root = createRoot(NOW_MS);
  let checks = 0;
  class Counted extends X509Certificate {
    override verify(key: KeyObject): boolean {
      checks += 1;
      return super.verify(key);
    }
  }
  const authorities = Array.from({ length }, () => new Counted(crossSign(root, root.certificate, NOW_MS)));
  return { root, chain: { leaf: new Counted(signLeaf(root)), authorities }, checks: () => checks };
}

it('checks no signature with the keys of a stranger, however many of his authorities have signed one another', () => {
  const { chain, checks } = tangle(MAX_CHAIN);
  expect(findIssuer(chain, [new X509Certificate(createRoot(NOW_MS).certificate)])).toBeUndefined();
  expect(checks()).toBe(0);
});

it('looks at each authority once, also where the way to a root leads through one of many that have signed one another', () => {
  const trusted = createRoot(NOW_MS);
  const { root, chain, checks } = tangle(MAX_CHAIN - 1);
  const bridge = new X509Certificate(crossSign(trusted, root.certificate, NOW_MS));
  const authorities = [...chain.authorities, bridge];
  expect(findIssuer({ ...chain, authorities }, [new X509Certificate(trusted.certificate)])).toBe(bridge);
  expect(checks()).toBe(1);
});

it('goes from root to root through several authorities, in whatever order they come', () => {
  const [first, second, third] = [createRoot(NOW_MS), createRoot(NOW_MS), createRoot(NOW_MS)];
  const links = [crossSign(second, third.certificate, NOW_MS), crossSign(first, second.certificate, NOW_MS)];
  const authorities = links.map((link) => new X509Certificate(link));
  const leaf = new X509Certificate(signLeaf(third));
  expect(findIssuer({ leaf, authorities }, [new X509Certificate(first.certificate)])).toBe(authorities[0]);
  expect(findIssuer({ leaf, authorities: authorities.slice(0, 1) }, [new X509Certificate(first.certificate)])).toBeUndefined();
});

it('takes nothing that is no authority for one', () => {
  const trusted = createRoot(NOW_MS);
  const privateKey = createPrivateKeyPem();
  const publicKey = createPublicKey(privateKey);
  const order = { publicKey, nodeID: 'n', clusterID: 'c', role: 'worker', nowMs: NOW_MS, lifeMs: 3_600_000 } as const;
  const worker = signNodeCertificate(trusted, order);
  const leaf = new X509Certificate(signLeaf({ certificate: worker, privateKey }));
  expect(findIssuer({ leaf, authorities: [new X509Certificate(worker)] }, [new X509Certificate(trusted.certificate)])).toBeUndefined();
});

it('takes a root for the issuer before any authority', () => {
  const { root, chain } = tangle(2);
  const trusted = new X509Certificate(root.certificate);
  expect(findIssuer(chain, [trusted])).toBe(trusted);
});
