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

test('another ForceRotate begins it: the old root is shown as trusted, the next one as issuer, and no key of either', async () => {
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

test('the same ForceRotate begins nothing, any other one does, and an update without it has 0', async () => {
  const { cluster, update } = await start();
  await update({ ForceRotate: 2 });
  let next = cluster().nextRoot?.certificate;
  const rows: readonly (readonly [object, boolean])[] = [
    [{ ForceRotate: 2 }, false],
    [{ ForceRotate: 3 }, true],
    [{ ForceRotate: 1 }, true],
    [{}, true],
    [{ ForceRotate: 0 }, false],
  ];
  for (const [config, begins] of rows) {
    expect(await update(config)).toMatchObject({ status: 200 });
    const now = cluster().nextRoot?.certificate;
    expect([config, now !== next]).toEqual([config, begins]);
    next = now;
  }
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
