import { X509Certificate } from 'node:crypto';
import { readCertificates, readChain } from '@swarm/shared/identity/chain';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { checkNodeCertificate } from '@swarm/shared/identity/node-certificate';
import { systemClock } from '@swarm/shared/runtime/clock';
import { systemRandom } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import { createClusterCertificates } from './cluster-certificates.ts';
import { commitCluster, createCluster, type NewClusterOptions } from './create-cluster.ts';

const deps = { clock: systemClock, random: systemRandom, certificates: createClusterCertificates({ clock: systemClock }) };
const make = (options: Partial<NewClusterOptions> = {}) =>
  createCluster(deps, { advertiseHost: '192.0.2.1', controlAddress: '192.0.2.1:2377', privateKey: createPrivateKeyPem(), ...options });

test("a new cluster has Docker's defaults, tokens for its own root, and one manager that may serve", async () => {
  const { cluster, node, identity } = await make();
  expect(cluster).toMatchObject({
    Spec: {
      Name: 'default',
      Labels: {},
      Orchestration: { TaskHistoryRetentionLimit: 5 },
      Raft: { SnapshotInterval: 10000, KeepOldSnapshots: 0, LogEntriesForSlowFollowers: 500, ElectionTick: 10, HeartbeatTick: 1 },
      Dispatcher: { HeartbeatPeriod: 5000000000 },
      CAConfig: { NodeCertExpiry: 7776000000000000 },
      TaskDefaults: {},
      EncryptionConfig: { AutoLockManagers: false },
    },
    RootRotationInProgress: false,
    DefaultAddrPool: ['10.0.0.0/8'],
    SubnetSize: 24,
    DataPathPort: 4789,
    TLSInfo: { TrustRoot: cluster.ca.certificate },
  });
  expect(cluster.JoinTokens.Worker.slice(0, -26)).toBe(cluster.JoinTokens.Manager.slice(0, -26));
  expect(cluster.JoinTokens.Worker).not.toBe(cluster.JoinTokens.Manager);
  expect(node).toMatchObject({
    ID: identity.nodeID,
    role: 'manager',
    Spec: { Role: 'manager', Availability: 'active', Labels: {} },
    ManagerStatus: { Leader: true, Reachability: 'reachable', Addr: '192.0.2.1:2377' },
    Status: { Addr: '192.0.2.1' },
  });
  const check = checkNodeCertificate(readChain(identity.certificate), readCertificates(cluster.ca.certificate), Date.now());
  expect(check).toMatchObject({ kind: 'valid', certificate: { role: 'manager', keyFingerprint: node.keyFingerprint } });
});

test('what the user gives is kept; what is zero or absent keeps its default, at init only', async () => {
  const { cluster, node } = await make({
    spec: {
      Labels: { a: 'b' },
      Orchestration: { TaskHistoryRetentionLimit: 0 },
      Dispatcher: { HeartbeatPeriod: 10_000_000_000 },
      CAConfig: { NodeCertExpiry: 3_600_000_000_000 },
      EncryptionConfig: { AutoLockManagers: true },
    },
    defaultAddrPool: [],
    subnetSize: 26,
    dataPathPort: 0,
    availability: 'drain',
  });
  expect(cluster).toMatchObject({
    Spec: {
      Name: 'default',
      Labels: { a: 'b' },
      Orchestration: { TaskHistoryRetentionLimit: 5 },
      Dispatcher: { HeartbeatPeriod: 10_000_000_000 },
      CAConfig: { NodeCertExpiry: 3_600_000_000_000 },
      EncryptionConfig: { AutoLockManagers: true },
    },
    DefaultAddrPool: ['10.0.0.0/8'],
    SubnetSize: 26,
    DataPathPort: 4789,
  });
  expect(node.Spec.Availability).toBe('drain');
});

test('certificates last as long as the cluster says', async () => {
  const { identity } = await make({ spec: { CAConfig: { NodeCertExpiry: 2 * 3_600_000_000_000 } } });
  const life = new X509Certificate(identity.certificate).validToDate.getTime() - Date.now();
  expect(Math.round(life / 60_000)).toBe(120);
});

test('a store takes one cluster only', async () => {
  const store = await openStore({ journal: new MemoryJournal(), clock: systemClock, onFailure: () => undefined });
  const first = await make();
  await commitCluster(store, first);
  await expect(commitCluster(store, await make())).rejects.toThrow('holds a cluster already');
  expect(store.view((tx) => [tx.clusters.size, tx.nodes.all().map((node) => node.ID)])).toEqual([1, [first.node.ID]]);
});
