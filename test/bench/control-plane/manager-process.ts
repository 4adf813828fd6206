import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { admitService } from '@swarm/manager/api/admission/admit-service';
import { createService } from '@swarm/manager/api/write-service';
import { createClusterCertificates } from '@swarm/manager/ca/cluster-certificates';
import { commitCluster, createCluster } from '@swarm/manager/ca/create-cluster';
import { startManager } from '@swarm/manager/manager';
import { openStore } from '@swarm/manager/store/memory-store';
import { openSqliteJournal } from '@swarm/manager/store/sqlite-journal';
import type { Store, WriteTransaction } from '@swarm/manager/store/store';
import { createCertificateRequest } from '@swarm/shared/identity/certificate-request';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { createPrivateKeyPem, fingerprintOfPrivateKey } from '@swarm/shared/identity/keys';
import { systemClock } from '@swarm/shared/runtime/clock';
import { asID, type NodeID, systemRandom } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { type FromManager, IMAGE, type Sample, type ToManager } from './messages.ts';

/**
 * The manager under test: the product's own parts, journal on disk and control port included. Only two things are
 * shorter than in a daemon: nodes get their certificates here instead of over the (rate-limited) port, and services are
 * admitted without the HTTP in front.
 */
const SAMPLE_MS = 1_000;
const NODES_PER_MESSAGE = 50;
const HOST = '127.0.0.1';

function fail(error: unknown): never {
  throw error;
}

function tell(message: FromManager): void {
  // A parent that has ended wants no more samples.
  if (process.connected) process.send?.(message);
}

const folder = await mkdtemp(join(tmpdir(), 'swarm-bench-'));
const journal = await openSqliteJournal({ path: join(folder, 'journal.db'), key: new Uint8Array(32).fill(7) });
const store = await openStore({ journal, clock: systemClock, onFailure: (kind, reason) => fail(new Error(`${kind}: ${reason}`)) });
const certificates = createClusterCertificates({ clock: systemClock });
const created = await createCluster(
  { clock: systemClock, random: systemRandom, certificates },
  { advertiseHost: HOST, controlAddress: `${HOST}:0`, privateKey: createPrivateKeyPem(), availability: 'drain' },
);
await commitCluster(store, created);
const counts = count(store);
const manager = await startManager({
  store,
  identity: created.identity,
  applyUnlockKey: async () => undefined,
  listen: { host: HOST, port: 0 },
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
  onFailure: fail,
});
const loopDelay = monitorEventLoopDelay({ resolution: 5 });
loopDelay.enable();
const sampling = setInterval(() => tell({ type: 'sample', sample: takeSample() }), SAMPLE_MS);

process.on('message', (message: ToManager) => {
  if (message.type === 'makeNodes') makeNodes(message.count).catch(fail);
  else if (message.type === 'makeAbsent') makeAbsent(message.count).catch(fail);
  else if (message.type === 'weigh') weigh().catch(fail);
  else createServices(message.tasks, message.perService).catch(fail);
});
process.once('disconnect', () => {
  clearInterval(sampling);
  manager
    .stop()
    .then(() => journal.close())
    .then(() => rm(folder, { recursive: true, force: true }))
    .then(() => process.exit(0), fail);
});
tell({ type: 'listening', address: `${HOST}:${manager.address.port}` });

/** The manager's own node, drained, is one of the fleet too: it must not be marked down. */
async function makeNodes(wanted: number): Promise<void> {
  tell({ type: 'nodes', identities: [created.identity] });
  for (let made = 0; made < wanted; made += NODES_PER_MESSAGE) {
    const identities: NodeIdentity[] = [];
    for (let at = made; at < Math.min(wanted, made + NODES_PER_MESSAGE); at++) identities.push(await issue());
    await store.update((tx) => {
      for (const { nodeID, privateKey } of identities) createNode(tx, nodeID, fingerprintOfPrivateKey(privateKey));
    });
    tell({ type: 'nodes', identities });
  }
}

async function makeAbsent(wanted: number): Promise<void> {
  for (let made = 0; made < wanted; made += NODES_PER_MESSAGE) {
    const ids = Array.from({ length: Math.min(NODES_PER_MESSAGE, wanted - made) }, () => asID<NodeID>(systemRandom.id()));
    await store.update((tx) => {
      for (const nodeID of ids) createNode(tx, nodeID, nodeID);
    });
  }
  tell({ type: 'absentMade' });
}

function createNode(tx: WriteTransaction, ID: NodeID, keyFingerprint: string): void {
  tx.nodes.create({
    ID,
    Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
    Status: { State: 'unknown', Message: 'joined, not connected yet', Addr: HOST },
    role: 'worker',
    keyFingerprint,
  });
}

async function issue(): Promise<NodeIdentity> {
  const cluster = store.view((tx) => tx.clusters.all()[0]);
  if (cluster === undefined) throw new Error('there is no cluster');
  const privateKey = createPrivateKeyPem();
  const nodeID = asID<NodeID>(systemRandom.id());
  const { certificate } = await certificates.issue(cluster, { csr: createCertificateRequest(privateKey), nodeID, role: 'worker' });
  return { nodeID, clusterID: cluster.ID, role: 'worker', certificate, privateKey, rootCertificate: cluster.ca.certificate };
}

async function createServices(tasks: number, perService: number): Promise<void> {
  for (let left = tasks, at = 0; left > 0; left -= perService, at++) {
    await store.update((tx) => {
      const input = {
        Name: `bench-${at}`,
        TaskTemplate: { ContainerSpec: { Image: IMAGE } },
        Mode: { Replicated: { Replicas: Math.min(left, perService) } },
      };
      const { spec } = admitService(input, { tx, isLocalNetwork: () => false });
      createService({ tx, random: systemRandom, nowMs: store.now() }, spec, undefined);
    });
  }
}

/** Counted from commits: what is counted here is durable, and about to be acknowledged. */
function count(from: Store) {
  const counted = { connected: 0, created: 0, running: 0, down: 0 };
  from.watch(({ changes }) => {
    for (const { table, before, after } of changes) {
      if (table === 'tasks') {
        if (before === undefined) counted.created += 1;
        counted.running += Number(after?.Status.State === 'running') - Number(before?.Status.State === 'running');
      } else if (table === 'nodes') {
        counted.connected += Number(after?.Status.State === 'ready') - Number(before?.Status.State === 'ready');
        if (after?.Status.State === 'down' && before?.Status.State === 'ready') counted.down += 1;
      }
    }
  });
  return counted;
}

function takeSample(): Sample {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  const sample = {
    atMs: performance.now(),
    ...counts,
    residentBytes: rss,
    heapBytes: heapUsed,
    loopDelayMaxMs: loopDelay.max / 1e6,
    loopDelayMeanMs: loopDelay.mean / 1e6,
    cpuSeconds: (user + system) / 1e6,
  };
  loopDelay.reset();
  return sample;
}

/** Needs `--expose-gc`. */
async function weigh(): Promise<void> {
  if (globalThis.gc === undefined) throw new Error('run with --expose-gc to be weighed');
  await globalThis.gc({ execution: 'async', type: 'major' });
  const { rss, heapUsed, heapTotal, arrayBuffers, external } = process.memoryUsage();
  const malloc = residentOfHeap(await readFile('/proc/self/smaps', 'utf8'));
  tell({
    type: 'weight',
    weight: { resident: rss, heap: heapUsed, heapResident: heapTotal, arrayBuffers, external: external - arrayBuffers, malloc },
  });
}

/** What the kernel calls [heap] is malloc's; large pieces it maps elsewhere. */
function residentOfHeap(smaps: string): number {
  const [, kilobytes = '0'] = /\[heap\]\n(?:.*\n)*?Rss: +(\d+) kB/.exec(smaps) ?? [];
  return Number(kilobytes) * 1024;
}
