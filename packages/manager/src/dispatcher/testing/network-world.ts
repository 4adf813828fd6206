import { type NetworkTable, tableChecksum } from '@swarm/shared/domain/network-table';
import type { Gateway, Node, Service, Task } from '@swarm/shared/domain/objects';
import { gatewayID } from '@swarm/shared/domain/objects';
import type { DesiredState, ObservedState } from '@swarm/shared/domain/task-state';
import type { SharedMessage } from '@swarm/shared/protocol/link';
import type { NetworksApplied, NetworkUpdate } from '@swarm/shared/protocol/network-state';
import { asID } from '@swarm/shared/runtime/ids';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { MemoryJournal } from '../../store/memory-journal.ts';
import { openStore } from '../../store/memory-store.ts';
import type { Draft, WriteTransaction } from '../../store/store.ts';
import type { NetworkFeed } from '../network-feed.ts';
import { NetworkSide } from '../network-side.ts';

/** A node as the protocol has it: it keeps tables over sessions, asks when its chain breaks, and says what it has. */
export class Reader {
  readonly tables = new Map<string, NetworkTable>();
  readonly received: NetworkUpdate[] = [];
  #parts: NetworkUpdate[] = [];
  feed: NetworkFeed | undefined;
  bufferedBytes = 0;
  /** False: what is sent is lost, as on a link that broke unseen. */
  hears = true;
  /** False: it takes what it gets, and says nothing. */
  speaks = true;
  readonly nodeID: string;
  readonly #side: NetworkSide;

  constructor(nodeID: string, side: NetworkSide) {
    this.nodeID = nodeID;
    this.#side = side;
  }

  /** The same node, as another manager meets it. */
  meets(side: NetworkSide): Reader {
    const reader = new Reader(this.nodeID, side);
    for (const [id, table] of this.tables) reader.tables.set(id, table);
    return reader;
  }

  connect(hooks: { onFirstSent?: () => void; onSent?: (networkID: string) => void } = {}): void {
    this.#parts = [];
    this.feed = this.#side.attend(this.nodeID, this, { onFirstSent: () => undefined, onSent: () => undefined, ...hooks });
    this.sayAll();
  }

  disconnect(): void {
    this.feed = undefined;
    this.#side.leave(this.nodeID);
  }

  sayAll(): void {
    if (this.feed !== undefined && this.speaks)
      this.#side.applied(
        this.nodeID,
        [...this.tables.keys()].map((id) => this.#word(id)),
      );
  }

  send({ message: update }: SharedMessage<NetworkUpdate>): void {
    if (!this.hears) return;
    this.received.push(update);
    this.#parts.push(update);
    if (!update.last) return;
    const parts = this.#parts;
    this.#parts = [];
    this.#apply(parts);
  }

  checksum(networkID: string): string | undefined {
    const table = this.tables.get(networkID);
    return table && tableChecksum(table);
  }

  #apply(parts: readonly NetworkUpdate[]): void {
    const [first] = parts;
    if (first === undefined) throw new Error('an update without parts');
    const { kind, networkID, appliesTo, resultsIn, checksum } = first;
    if (kind === 'gone') {
      this.tables.delete(networkID);
      return;
    }
    const before = this.tables.get(networkID);
    if (kind === 'change' && before?.revision !== appliesTo) {
      this.feed?.sendComplete(networkID);
      return;
    }
    const base = kind === 'change' ? before : undefined;
    const removed = parts.flatMap((part) => (part.removed === undefined ? [] : [part.removed]));
    const merge = <T>(from: ReadonlyMap<string, T> | undefined, gone: readonly string[], come: readonly (readonly [string, T])[]) => {
      const merged = new Map(from);
      for (const id of gone) merged.delete(id);
      for (const [id, entry] of come) merged.set(id, entry);
      return merged;
    };
    const of = <K extends 'peers' | 'services' | 'endpoints'>(key: K) => removed.flatMap((lists) => lists[key]);
    const definition = first.definition ?? base?.definition;
    if (definition === undefined) throw new Error(`network ${networkID} came without its definition`);
    const table: NetworkTable = {
      revision: resultsIn,
      definition,
      peers: merge(
        base?.peers,
        of('peers'),
        parts.flatMap((part) => part.peers).map((peer) => [peer.nodeID, peer]),
      ),
      services: merge(
        base?.services,
        of('services'),
        parts.flatMap((part) => part.services).map((service) => [service.ID, service]),
      ),
      endpoints: merge(
        base?.endpoints,
        of('endpoints'),
        parts.flatMap((part) => part.endpoints).map((entry) => [entry.taskID, entry]),
      ),
    };
    if (tableChecksum(table) !== checksum) {
      this.feed?.sendComplete(networkID);
      return;
    }
    this.tables.set(networkID, table);
    if (this.speaks) this.#side.applied(this.nodeID, [this.#word(networkID)]);
  }

  #word(networkID: string): NetworksApplied['networks'][number] {
    const table = this.tables.get(networkID);
    if (table === undefined) throw new Error(`this node has no table of network ${networkID}`);
    return { networkID, revision: table.revision, checksum: tableChecksum(table) };
  }
}

export const NODES = ['n1', 'n2', 'n3'];
export const NETWORKS = ['net1', 'net2'];

export async function setUp() {
  const clock = new VirtualClock();
  const onFailure = (error: unknown) => {
    throw error;
  };
  const store = await openStore({ journal: new MemoryJournal(), clock, onFailure });
  await store.update((tx) => {
    for (const [at, ID] of NODES.entries()) addNode(tx, ID, `192.0.2.${at + 1}`);
    for (const [at, ID] of NETWORKS.entries()) addNetwork(tx, ID, at);
    tx.templates.create({ ID: asID('p'), serviceID: asID('web'), serviceName: 'shop_web', serviceLabels: {}, spec: {}, global: false });
    tx.services.create(web(['net1']));
  });
  const released: string[] = [];
  const side = new NetworkSide({ store, clock, onRelease: (_nodeID, taskID) => released.push(taskID) });
  store.watch((commit) => side.follow(commit));
  const readers = NODES.map((ID) => new Reader(ID, side));
  const write = async (change: (tx: WriteTransaction) => void) => {
    await store.update(change);
    await clock.advance(100);
  };
  return { clock, store, side, readers, released, write };
}

export function addNode(tx: WriteTransaction, ID: string, Addr: string): void {
  tx.nodes.create({
    ID: asID(ID),
    Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
    Status: { State: 'ready', Addr },
    role: 'worker',
    keyFingerprint: ID,
  });
}

export function addNetwork(tx: WriteTransaction, ID: string, at: number): void {
  const allocation = { vni: 4097 + at, configs: [{ Subnet: `10.${at}.0.0/16`, Gateway: `10.${at}.0.1` }], vipRange: `10.${at}.192.0/18` };
  tx.networks.create({ ID: asID(ID), Spec: { Name: ID }, allocation });
}

export const web = (networks: readonly string[], more: Partial<Draft<Service>> = {}): Draft<Service> => ({
  ID: asID('web'),
  Spec: {
    Name: 'shop_web',
    Labels: { 'com.docker.stack.namespace': 'shop' },
    TaskTemplate: { Networks: networks.map((Target) => ({ Target, Aliases: ['shop'] })) },
    Mode: {},
  },
  specVersion: 1,
  templateID: asID('p'),
  Endpoint: { VirtualIPs: networks.map((id) => ({ NetworkID: asID(id), Addr: '10.0.192.1/16' })) },
  ...more,
});

export const gateway = (networkID: string, nodeID: string): Draft<Gateway> => ({
  ID: gatewayID(networkID, nodeID),
  networkID: asID(networkID),
  nodeID: asID(nodeID),
  address: '10.0.0.2',
});

export const task = (ID: string, NodeID: string, more: Partial<Draft<Task>> = {}): Draft<Task> => ({
  ID: asID(ID),
  ServiceID: asID('web'),
  templateID: asID('p'),
  specVersion: 1,
  Slot: 1,
  NodeID: asID(NodeID),
  DesiredState: 'running',
  Status: { State: 'assigned', Timestamp: '' },
  attachments: [{ networkID: asID('net1'), addresses: ['10.0.0.9/16'] }],
  ...more,
});

export const move = (tx: WriteTransaction, id: string, State: ObservedState, DesiredState: DesiredState = 'running') =>
  tx.tasks.update({ ...(tx.tasks.get(id) as Task), Status: { State, Timestamp: '' }, DesiredState });

export const setNode = (tx: WriteTransaction, id: string, Status: Node['Status']) =>
  tx.nodes.update({ ...(tx.nodes.get(id) as Node), Status });
