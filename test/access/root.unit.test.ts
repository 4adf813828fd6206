import type { Cluster } from '@swarm/shared/domain/objects';
import { FOR_SERVERS, KEY, PLAIN } from '@swarm/shared/identity/own-root.fixture';
import { expect, test } from 'vitest';
import { startSecureApi } from './world.ts';

/** `POST /swarm/update` and `GET /swarm` while the root is replaced, with real certificates. */

async function start() {
  const { admin } = await startSecureApi();
  const cluster = (): Cluster => {
    const [found] = admin.store.view((tx) => tx.clusters.all());
    if (found === undefined) throw new Error('no cluster');
    return found;
  };
  return {
    cluster,
    async update(CAConfig: object) {
      const url = `/swarm/update?version=${cluster().Version.Index}`;
      const headers = { 'content-type': 'application/json' };
      const reply = await admin.app.inject({ method: 'POST', url, payload: JSON.stringify({ CAConfig }), headers });
      return { status: reply.statusCode, message: reply.body === '' ? '' : reply.json().message };
    },
    swarm: async () => (await admin.app.inject('/swarm')).json(),
  };
}

test('a higher ForceRotate begins it: the old root is shown as trusted, the next one as issuer, and no key of either', async () => {
  const { cluster, update, swarm } = await start();
  const before = cluster();
  expect(await update({ ForceRotate: 1, NodeCertExpiry: 7.2e12 })).toEqual({ status: 200, message: '' });
  const shown = await swarm();
  expect(shown).toMatchObject({
    RootRotationInProgress: true,
    JoinTokens: before.JoinTokens,
    Spec: { CAConfig: { ForceRotate: 1, NodeCertExpiry: 7.2e12 } },
    TLSInfo: { TrustRoot: before.ca.certificate },
  });
  expect(JSON.stringify(shown)).not.toContain('PRIVATE KEY');
  expect(JSON.stringify(shown)).not.toContain('crossCertificate');
});

test('the same or a lower ForceRotate begins nothing, and an update without it is one', async () => {
  const { cluster, update } = await start();
  await update({ ForceRotate: 2 });
  const { nextRoot } = cluster();
  for (const config of [{ ForceRotate: 2 }, { ForceRotate: 1 }, {}]) {
    expect(await update(config)).toMatchObject({ status: 200 });
    expect(cluster().nextRoot).toEqual(nextRoot);
  }
  await update({ ForceRotate: 1 });
  expect(cluster().nextRoot?.certificate).not.toBe(nextRoot?.certificate);
});

test('a root of the user becomes the next one once, is not stored in the spec, and gives way to the one in force', async () => {
  const { cluster, update } = await start();
  const { ca } = cluster();
  const own = { SigningCACert: PLAIN, SigningCAKey: KEY };
  expect(await update(own)).toMatchObject({ status: 200 });
  const begun = cluster();
  expect(begun.nextRoot).toMatchObject({ certificate: PLAIN, privateKey: KEY });
  expect(begun.Spec.CAConfig).toEqual({});
  expect(await update(own)).toMatchObject({ status: 200 });
  expect(cluster().nextRoot).toEqual(begun.nextRoot);
  expect(await update({ SigningCACert: ca.certificate, SigningCAKey: ca.privateKey })).toMatchObject({ status: 200 });
  expect(cluster()).toMatchObject({ RootRotationInProgress: false, ca });
  expect(cluster().nextRoot).toBeUndefined();
});

test.each([
  ['a key without its certificate', { SigningCAKey: KEY }, 'if a signing CA key is provided, the signing CA cert must also be provided'],
  ['a certificate without its key', { SigningCACert: PLAIN }, 'there must be at least one valid, reachable external CA'],
  ['what is no root', { SigningCACert: FOR_SERVERS, SigningCAKey: KEY }, 'cannot be the root of a cluster'],
])('%s is refused and changes nothing', async (_, config, reason) => {
  const { cluster, update } = await start();
  const before = cluster();
  const { status, message } = await update({ ...config, ForceRotate: 7 });
  expect(status).toBe(400);
  expect(message).toContain(reason);
  expect(cluster()).toEqual(before);
});
