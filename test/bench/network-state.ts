/**
 * How fast every host learns that a task serves, and that it no longer does: the manager's dispatcher with its store, and
 * workers that do what a worker does with the messages (read them, keep the table, check its sum, acknowledge), all in
 * one process, over links in memory that carry JSON.
 *
 *   node test/bench/network-state.ts [--workers 200] [--whole 5] [--endpoints 5000] [--networks 300] [--changes 200] [--cut 20]
 *
 * Prints the time for all workers to have the network's whole table; from a task's `running` arriving at the manager to
 * the last worker that uses it, p50 and p99; from the order to stop a task to the moment its node is told (every host has
 * acknowledged by then), p50 and p99; from the healing of a partition that `--cut` workers were behind while tasks left, to
 * equal checksums everywhere; resident memory. `--whole` of the workers check and keep the table as hosts do; the
 * others only read what is sent and acknowledge it, since their work would not be on the manager's cores.
 */
import { parseArgs } from 'node:util';
import { startDispatcher } from '@swarm/manager/dispatcher/dispatcher';
import { MemoryJournal } from '@swarm/manager/store/memory-journal';
import { openStore } from '@swarm/manager/store/memory-store';
import type { Store } from '@swarm/manager/store/store';
import { gatewayID, type Task } from '@swarm/shared/domain/objects';
import { decodeManagerMessage } from '@swarm/shared/protocol/decode';
import type { Link } from '@swarm/shared/protocol/link';
import { memoryLinkPair } from '@swarm/shared/protocol/memory-link';
import type { NetworkUpdate } from '@swarm/shared/protocol/network-state';
import { type ManagerMessage, PROTOCOL_VERSION, type WorkerMessage } from '@swarm/shared/protocol/session';
import { systemClock } from '@swarm/shared/runtime/clock';
import { asID, systemRandom } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { applyNetworkPart, type NetworkChain, NO_NETWORK } from '@swarm/worker/session/decide/network-chain';

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '200' },
    whole: { type: 'string', default: '5' },
    endpoints: { type: 'string', default: '5000' },
    networks: { type: 'string', default: '300' },
    changes: { type: 'string', default: '200' },
    cut: { type: 'string', default: '20' },
  },
});
const [WORKERS, WHOLE, ENDPOINTS, NETWORKS, CHANGES, CUT] = [
  values.workers,
  values.whole,
  values.endpoints,
  values.networks,
  values.changes,
  values.cut,
].map(Number) as [number, number, number, number, number, number];
const NETWORK = 'net0';
const CUT_OFF = 'cut off';
const nodeName = (at: number) => `node${at}`.padEnd(25, 'n');
const taskName = (at: number) => `task${at}`.padEnd(25, 't');

let isOver = false;

function fail(error: unknown): never {
  throw error;
}

async function fill(store: Store): Promise<void> {
  await store.update((tx) => {
    tx.templates.create({ ID: asID('p'), serviceID: asID('web'), serviceName: 'web', serviceLabels: {}, spec: {}, global: false });
    tx.clusters.create({
      ID: asID('cluster'),
      Spec: {},
      TLSInfo: {},
      RootRotationInProgress: false,
      DefaultAddrPool: [],
      SubnetSize: 24,
      DataPathPort: 4789,
      JoinTokens: { Worker: '', Manager: '' },
      ca: { certificate: '', privateKey: '' },
    });
    for (let at = 0; at < NETWORKS; at += 1) {
      const [Subnet, Gateway, vipRange] = [`10.${at % 256}.0.0/16`, `10.${at % 256}.0.1`, `10.${at % 256}.192.0/18`];
      tx.networks.create({
        ID: asID(`net${at}`),
        Spec: { Name: `net${at}` },
        allocation: { vni: 4097 + at, configs: [{ Subnet, Gateway }], vipRange },
      });
    }
    for (let at = 0; at < WORKERS; at += 1) {
      const nodeID = nodeName(at);
      tx.nodes.create({
        ID: asID(nodeID),
        Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
        Status: { State: 'unknown', Addr: '192.0.2.1' },
        role: 'worker',
        keyFingerprint: nodeID,
      });
      tx.gateways.create({
        ID: gatewayID(NETWORK, nodeID),
        networkID: asID(NETWORK),
        nodeID: asID(nodeID),
        address: `10.0.128.${at % 256}`,
      });
    }
    for (let at = 0; at < ENDPOINTS; at += 1) {
      tx.tasks.create({
        ID: asID(taskName(at)),
        ServiceID: asID('web'),
        templateID: asID('p'),
        specVersion: 1,
        Slot: at + 1,
        NodeID: asID(nodeName(at % WORKERS)),
        DesiredState: 'running',
        Status: { State: at < CHANGES ? 'starting' : 'running', Timestamp: '' },
        attachments: [{ networkID: asID(NETWORK), addresses: [`10.0.${at >> 8}.${at & 255}/16`] }],
      });
    }
  });
}

/** What a worker does with what it is sent. */
class BenchWorker {
  revision = 0;
  checksum = '';
  /** Tasks that serve, as it was told. */
  readonly serving = new Map<string, boolean>();
  #chain: NetworkChain = NO_NETWORK;
  readonly #isWhole: boolean;
  /** Tasks that it was told to stop. */
  readonly stopping = new Set<string>();
  #link: Link;
  #batch = 0;
  readonly #onNews: () => void;

  constructor(link: Link, isWhole: boolean, onNews: () => void) {
    this.#isWhole = isWhole;
    this.#onNews = onNews;
    this.#link = link;
    this.connect(link);
  }

  /** A new session; the one before, if there was one, has been cut. */
  connect(link: Link): void {
    this.#link = link;
    link.onClose = (reason) => {
      if (!isOver && reason !== CUT_OFF) fail(new Error(`a session ended: ${reason}`));
    };
    link.onMessage = (message) => this.#receive(message);
    this.#send({ type: 'hello', protocolVersion: PROTOCOL_VERSION, engineHealth: { ok: true } });
  }

  report(taskID: string, State: 'running'): void {
    this.#batch += 1;
    this.#send({ type: 'statuses', batch: this.#batch, statuses: [{ taskID, status: { State, Timestamp: '' } }] });
  }

  serves(taskID: string): boolean {
    return this.serving.get(taskID) === true;
  }

  #send(message: WorkerMessage): void {
    this.#link.send(message);
  }

  #receive(value: unknown): void {
    const message = this.#isWhole ? decode(value) : (value as ManagerMessage);
    const { revision, checksum } = this;
    const networks = revision === 0 ? [] : [{ networkID: NETWORK, revision, checksum }];
    if (message.type === 'welcome') this.#send({ type: 'networksApplied', networks });
    if (message.type === 'assignments') {
      for (const task of message.tasks) if (task.desiredState === 'shutdown') this.stopping.add(task.ID);
      this.#onNews();
    }
    if (message.type === 'network') this.#apply(message);
  }

  #apply(message: NetworkUpdate): void {
    if (this.#isWhole) {
      const { chain, outcome } = applyNetworkPart(this.#chain, message);
      this.#chain = chain;
      if (outcome === 'broken') fail(new Error('a chain broke'));
    }
    for (const { taskID, serving } of message.endpoints) this.serving.set(taskID, serving);
    if (!message.last) return;
    this.revision = message.resultsIn;
    this.checksum = message.checksum;
    const { networkID, resultsIn: revision, checksum } = message;
    this.#send({ type: 'networksApplied', networks: [{ networkID, revision, checksum }] });
    this.#onNews();
  }
}

function decode(value: unknown): ManagerMessage {
  const decoded = decodeManagerMessage(value);
  return decoded.ok ? decoded.message : fail(new Error(decoded.reason));
}

const store = await openStore({ journal: new MemoryJournal(), clock: systemClock, onFailure: (_kind, reason) => fail(new Error(reason)) });
await fill(store);
const dispatcher = startDispatcher({ store, clock: systemClock, random: systemRandom, logger: silentLogger, onFailure: fail });
let waiters: (() => void)[] = [];
const news = () => {
  for (const wake of waiters) wake();
};

/** Milliseconds until `holds`, looked at whenever a worker has learnt something. */
function timeUntil(holds: () => boolean): Promise<number> {
  const started = performance.now();
  return new Promise((resolve) => {
    const look = () => {
      if (!holds()) return;
      waiters = waiters.filter((other) => other !== look);
      resolve(performance.now() - started);
    };
    waiters.push(look);
    look();
  });
}

const percentile = (sorted: readonly number[], part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

function print(what: string, times: readonly number[]): void {
  const sorted = [...times].sort((a, b) => a - b);
  console.log(`${what.padEnd(64)} p50 ${percentile(sorted, 0.5).toFixed(1)} ms   p99 ${percentile(sorted, 0.99).toFixed(1)} ms`);
}

const workers: BenchWorker[] = [];
const links: ReturnType<typeof memoryLinkPair>[] = [];

/** The worker's end of a new session. */
function dial(at: number): Link {
  const pair = memoryLinkPair({ clock: systemClock });
  links[at] = pair;
  dispatcher.accept(pair.far, { nodeID: nodeName(at), address: '192.0.2.1' });
  return pair.near;
}
const connected = timeUntil(() => workers.length === WORKERS && workers.every((worker) => worker.serving.size === ENDPOINTS));
for (let at = 0; at < WORKERS; at += 1) {
  workers.push(new BenchWorker(dial(at), at < WHOLE, news));
}
console.log(`${NETWORKS} networks, ${ENDPOINTS} endpoints in one of them, ${WORKERS} workers`);
console.log(`${'all workers have the whole table'.padEnd(64)} ${(await connected).toFixed(0)} ms`);

const serving: number[] = [];
const stopped: number[] = [];
for (let at = 0; at < CHANGES; at += 1) {
  const taskID = taskName(at);
  const owner = workers[at % WORKERS] as BenchWorker;
  const learnt = timeUntil(() => workers.every((worker) => worker.serves(taskID)));
  owner.report(taskID, 'running');
  serving.push(await learnt);
  const told = timeUntil(() => owner.stopping.has(taskID));
  await store.update((tx) => tx.tasks.update({ ...(tx.tasks.get(taskID) as Task), DesiredState: 'shutdown' }));
  stopped.push(await told);
  const late = workers.filter((worker) => worker.serves(taskID)).length;
  if (late > 0) throw new Error(`task ${taskID} was told to stop while ${late} workers sent it traffic`);
}
print('running at the manager → used by the last worker', serving);
print('told to stop, after every worker has acknowledged', stopped);

// The whole ones are among those that are cut off: what they come to hold is checked entry by entry.
for (const link of links.slice(0, CUT)) link.sever(CUT_OFF);
const others = workers.slice(CUT);
const before = Math.max(...workers.map(({ revision }) => revision));
const learnt = timeUntil(() => others.every(({ revision }) => revision > before));
await store.update((tx) => {
  for (let at = CHANGES; at < CHANGES * 2; at += 1) {
    tx.tasks.update({ ...(tx.tasks.get(taskName(at)) as Task), DesiredState: 'shutdown' });
  }
});
await learnt;
const sums = () => new Set(workers.map(({ revision, checksum }) => `${revision} ${checksum}`)).size;
if (CUT > 0 && sums() === 1) throw new Error('who is cut off knows what happened meanwhile');
const equal = timeUntil(() => sums() === 1);
for (let at = 0; at < CUT; at += 1) workers[at]?.connect(dial(at));
const healed = await equal;
console.log(
  `${`${CUT} workers back after ${CHANGES} tasks left → equal checksums on all`.padEnd(64)} ${healed.toFixed(0)} ms   revision ${workers[0]?.revision}, ${workers[0]?.checksum}`,
);
console.log(`resident ${(process.memoryUsage.rss() / 1e6).toFixed(0)} MB`);
isOver = true;
await dispatcher.stop();
await store.close();
