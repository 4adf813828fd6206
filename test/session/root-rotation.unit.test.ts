import { X509Certificate } from 'node:crypto';
import { splitCertificates } from '@swarm/shared/identity/chain';
import { parseJoinToken, rootDigest } from '@swarm/shared/identity/join-token';
import { eventually } from '@swarm/shared/testing/eventually';
import { expect, onTestFinished, test } from 'vitest';
import { type Disk, startTrustWorld } from './trust-world.ts';

async function start() {
  const world = await startTrustWorld((error) => expect.unreachable(String(error)));
  onTestFinished(() => world.stop());
  const completed = () =>
    eventually(() =>
      expect(world.cluster()).toMatchObject({ RootRotationInProgress: false, TLSInfo: { TrustRoot: world.cluster().ca.certificate } }),
    );
  /** As the docker CLI waits after `swarm ca --rotate`. */
  const settled = async () => {
    await completed();
    await eventually(() => {
      for (const node of world.nodes()) expect(node.Description?.TLSInfo).toEqual(world.cluster().TLSInfo);
    });
  };
  return { ...world, completed, settled };
}

const rootsOf = (disk: Disk) => splitCertificates(disk.identity.rootCertificate);

test('every node renews, without losing its session, and then the new root is the only one', async () => {
  const world = await start();
  await world.startManagerNode();
  const disks = await Promise.all([world.join(), world.join()]);
  const nodes = await Promise.all(disks.map((disk) => world.startNode(disk)));
  await eventually(() => expect(world.nodes().filter((node) => node.Status.State === 'ready')).toHaveLength(3));
  const before = world.cluster();

  await world.rotate();
  expect(world.cluster()).toMatchObject({
    RootRotationInProgress: true,
    TLSInfo: { TrustRoot: before.ca.certificate },
    JoinTokens: before.JoinTokens,
  });
  expect(world.cluster().TLSInfo.CertIssuerPublicKey).not.toBe(before.TLSInfo.CertIssuerPublicKey);
  await world.settled();

  const after = world.cluster();
  expect(after.ca.certificate).not.toBe(before.ca.certificate);
  expect(JSON.stringify(after)).not.toContain(JSON.stringify(before.ca.privateKey));
  for (const token of Object.values(after.JoinTokens)) expect(parseJoinToken(token)?.rootDigest).toBe(rootDigest(after.ca.certificate));
  for (const disk of [...disks, world.managerDisk]) expect(rootsOf(disk)).toEqual([after.ca.certificate]);
  expect(nodes.map((node) => node.problem())).toEqual([undefined, undefined]);

  await expect(world.join(before.JoinTokens.Worker)).rejects.toThrow('remote CA does not match fingerprint');
  const late = await world.join();
  expect(rootsOf(late)).toEqual([after.ca.certificate]);
});

test('a node that is away holds the change open; when it comes back, trusting the old root alone, it joins in', async () => {
  const world = await start();
  await world.startManagerNode();
  const away = await world.join();
  await (await world.startNode(away)).stop();
  await world.rotate();
  await eventually(() => expect(rootsOf(world.managerDisk)).toHaveLength(2));
  await eventually(() => {
    const renewed = world
      .nodes()
      .filter((node) => node.Description?.TLSInfo?.CertIssuerPublicKey === world.cluster().TLSInfo.CertIssuerPublicKey);
    expect(renewed.map((node) => node.ID)).toEqual([world.managerDisk.identity.nodeID]);
  });
  expect(world.cluster().RootRotationInProgress).toBe(true);
  // Who joins meanwhile is told both at once.
  const joined = await world.join();
  expect(rootsOf(joined)).toHaveLength(2);
  await world.startNode(joined);
  await world.startNode(away);
  await world.settled();
});

test('a node that is removed holds nothing open', async () => {
  const world = await start();
  await world.startManagerNode();
  const gone = await world.join();
  await world.rotate();
  await eventually(() => expect(rootsOf(world.managerDisk)).toHaveLength(2));
  await world.store().update((tx) => tx.nodes.remove(gone.identity.nodeID));
  await world.settled();
});

test('a manager that ends in the middle goes on with what it had begun', async () => {
  const world = await start();
  const disk = await world.join();
  await world.rotate();
  await world.killManager();
  await world.startManager();
  expect(world.cluster().RootRotationInProgress).toBe(true);
  const node = await world.startManagerNode();
  await eventually(() => expect(rootsOf(world.managerDisk)).toHaveLength(2));
  await node.stop();
  await world.killManager();
  await world.startManager();
  await Promise.all([world.startManagerNode(), world.startNode(disk)]);
  await world.settled();
});

test('a second change overtakes the first, also where some have renewed already', async () => {
  const world = await start();
  await world.startManagerNode();
  const away = await world.join();
  await world.rotate();
  const given = world.cluster().nextRoot?.certificate ?? '';
  await eventually(() => expect(rootsOf(world.managerDisk)).toContain(given));
  await eventually(() =>
    expect(new X509Certificate(world.managerDisk.identity.certificate).verify(new X509Certificate(given).publicKey)).toBe(true),
  );
  await world.rotate();
  const next = world.cluster().nextRoot?.certificate;
  expect(next).not.toBe(given);
  await world.startNode(away);
  await world.settled();
  expect(world.cluster().ca.certificate).toBe(next);
});

test('rotating back to the root in force ends the change', async () => {
  const world = await start();
  await world.startManagerNode();
  await world.join();
  const { ca } = world.cluster();
  await world.rotate();
  await eventually(() => expect(rootsOf(world.managerDisk)).toHaveLength(2));
  await world.rotate(ca);
  expect(world.cluster()).toMatchObject({ RootRotationInProgress: false, ca });
  await eventually(() => expect(rootsOf(world.managerDisk)).toEqual([ca.certificate]));
  await eventually(() =>
    expect(new X509Certificate(world.managerDisk.identity.certificate).verify(new X509Certificate(ca.certificate).publicKey)).toBe(true),
  );
});

test('a node whose disk was put back to before two changes finds its way by its key', async () => {
  const world = await start();
  await world.startManagerNode();
  const disk = await world.join();
  const [old] = disk.written;
  if (old === undefined) throw new Error('nothing was written');
  let node = await world.startNode(disk);
  for (let round = 0; round < 2; round += 1) {
    await world.rotate();
    await world.settled();
  }
  await node.stop();
  disk.identity = old;
  node = await world.startNode(disk);
  await eventually(() => expect(node.problem()).toBeUndefined());
  await world.settled();
  expect(rootsOf(disk)).toEqual([world.cluster().ca.certificate]);
});
