import { X509Certificate } from 'node:crypto';
import { arbitraryBody, layOver } from '@swarm/manager/api/testing/arbitrary-body';
import { postBody } from '@swarm/manager/api/testing/post-body';
import { SwarmSpecSchema } from '@swarm/shared/engine-api/cluster-spec';
import * as OWN from '@swarm/shared/identity/own-root.fixture';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { root, startSecureApi } from './world.ts';

/** Any body for `/swarm/update`, with real roots: some that may replace the root, some that may not, some with another's key. */

const PEMS = [
  ...[OWN.PLAIN, OWN.PATH_LENGTH_0, OWN.PATH_LENGTH_1, OWN.FOR_SERVERS, OWN.FOR_SOME_NAMES, OWN.RSA.certificate, root.certificate],
  ...[OWN.KEY, OWN.RSA.privateKey, root.privateKey, '', 'nonsense', `${OWN.PLAIN}${root.certificate}`, OWN.PLAIN.slice(0, 200)],
];
const rootConfig = fc.record({
  CAConfig: fc.record(
    { SigningCACert: fc.constantFrom(...PEMS), SigningCAKey: fc.constantFrom(...PEMS), ForceRotate: fc.nat(3) },
    { requiredKeys: [] },
  ),
});

test('any body is taken or refused with a reason, changes nothing when refused, and the root that comes is signed by the one in force', async () => {
  const { admin } = await startSecureApi();
  const cluster = () => {
    const [found] = admin.store.view((tx) => tx.clusters.all());
    if (found === undefined) throw new Error('no cluster');
    return found;
  };
  const inForce = new X509Certificate(root.certificate).publicKey;
  let taken = 0;
  const nextRoots = new Set<string>();
  const bodies = fc.oneof(
    arbitraryBody(SwarmSpecSchema),
    rootConfig,
    fc.tuple(rootConfig, arbitraryBody(SwarmSpecSchema)).map(([sound, body]) => layOver(sound, body)),
  );
  await fc.assert(
    fc.asyncProperty(bodies, async (body) => {
      const before = cluster();
      const outcome = await postBody(admin, `/swarm/update?version=${before.Version.Index}`, body);
      if (outcome === 'refused') return;
      taken += 1;
      const after = cluster();
      expect(after.ca).toEqual(root);
      expect(after.RootRotationInProgress).toBe(after.nextRoot !== undefined);
      expect(JSON.stringify(after.Spec)).not.toContain('PRIVATE KEY');
      if (after.nextRoot === undefined) return;
      nextRoots.add(after.nextRoot.certificate);
      expect(new X509Certificate(after.nextRoot.crossCertificate).verify(inForce)).toBe(true);
    }),
    // These two are sure to be taken, and make a new root each.
    { numRuns: 200, examples: [[{ CAConfig: { ForceRotate: 1 } }], [{ CAConfig: { ForceRotate: 2 } }]] },
  );
  expect(taken).toBeGreaterThan(0);
  expect(nextRoots.size).toBeGreaterThan(1);
});
