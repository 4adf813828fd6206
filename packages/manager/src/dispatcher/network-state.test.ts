import { type NetworkTable, tableChecksum } from '@swarm/shared/domain/network-table';
import type { Gateway, Network, Node, Service, Task } from '@swarm/shared/domain/objects';
import { gatewayID } from '@swarm/shared/domain/objects';
import type { DesiredState, ObservedState } from '@swarm/shared/domain/task-state';
import type { SharedMessage } from '@swarm/shared/protocol/link';
import type { NetworksApplied, NetworkUpdate } from '@swarm/shared/protocol/network-state';
import { asID } from '@swarm/shared/runtime/ids';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import type { Draft, Store, WriteTransaction } from '../store/store.ts';
import type { NetworkFeed } from './network-feed.ts';
import { NetworkSide } from './network-side.ts';
import { NetworkTables } from './network-tables.ts';
import { HOLD_MS } from './stop-gate.ts';

/** A node as the protocol has it: it keeps tables over sessions, asks when its chain breaks, and says what it has. */
class Reader {
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
    const { kind, networkID, appliesTo, resultsIn, checksum } = parts[0]!;
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
    const table: NetworkTable = {
      revision: resultsIn,
      definition: parts[0]!.definition ?? base!.definition,
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
    return { networkID, revision: this.tables.get(networkID)!.revision, checksum: this.checksum(networkID)! };
  }
}

const NODES = ['n1', 'n2', 'n3'];
const NETWORKS = ['net1', 'net2'];

async function setUp() {
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

function addNode(tx: WriteTransaction, ID: string, Addr: string): void {
  tx.nodes.create({
    ID: asID(ID),
    Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
    Status: { State: 'ready', Addr },
    role: 'worker',
    keyFingerprint: ID,
  });
}

function addNetwork(tx: WriteTransaction, ID: string, at: number): void {
  const allocation = { vni: 4097 + at, configs: [{ Subnet: `10.${at}.0.0/16`, Gateway: `10.${at}.0.1` }], vipRange: `10.${at}.192.0/18` };
  tx.networks.create({ ID: asID(ID), Spec: { Name: ID }, allocation });
}

const web = (networks: readonly string[], more: Partial<Draft<Service>> = {}): Draft<Service> => ({
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

const gateway = (networkID: string, nodeID: string): Draft<Gateway> => ({
  ID: gatewayID(networkID, nodeID),
  networkID: asID(networkID),
  nodeID: asID(nodeID),
  address: '10.0.0.2',
});

const task = (ID: string, NodeID: string, more: Partial<Draft<Task>> = {}): Draft<Task> => ({
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

const move = (tx: WriteTransaction, id: string, State: ObservedState, DesiredState: DesiredState = 'running') =>
  tx.tasks.update({ ...(tx.tasks.get(id) as Task), Status: { State, Timestamp: '' }, DesiredState });

const joinAll = (tx: WriteTransaction) => {
  for (const id of NODES) tx.gateways.create(gateway('net1', id));
};

test('a node is told of a network when it gets it, of each change in a chain, and when it has no use for it any more', async () => {
  const { readers, write } = await setUp();
  const [one] = readers as [Reader];
  one.connect();
  await write((tx) => tx.gateways.create(gateway('net1', 'n1')));
  await write((tx) => tx.tasks.create(task('t', 'n1')));
  await write((tx) => move(tx, 't', 'running'));
  expect(one.received.map(({ kind }) => kind)).toEqual(['complete', 'change', 'change']);
  const table = one.tables.get('net1')!;
  expect(table.peers.get('n1')).toEqual({ nodeID: 'n1', address: '192.0.2.1', gateway: '10.0.0.2' });
  expect(table.services.get('web')).toEqual({
    ID: 'web',
    name: 'shop_web',
    aliases: ['shop', 'web'],
    vip: '10.0.192.1',
    ports: [],
    ingressMode: 'mesh',
  });
  expect(table.endpoints.get('t')).toEqual({
    taskID: 't',
    serviceID: 'web',
    nodeID: 'n1',
    address: '10.0.0.9',
    name: 'shop_web.1.t',
    serving: true,
  });
  await write((tx) => tx.gateways.remove('net1.n1'));
  expect(one.received.at(-1)).toMatchObject({ kind: 'gone', networkID: 'net1', last: true });
  expect(one.tables.size).toBe(0);
});

test('news of hosts that join wait for more of it, and go along at once with what is on one of them', async () => {
  const { readers, write, clock, store } = await setUp();
  const [one] = readers as [Reader];
  one.connect();
  await write((tx) => tx.gateways.create(gateway('net1', 'n1')));
  const join = (ids: readonly string[]) =>
    store.update((tx) => {
      for (const id of ids) {
        addNode(tx, id, '192.0.2.9');
        tx.gateways.create(gateway('net1', id));
      }
    });
  /** Of each change, however many parts it came in. */
  const peers = () =>
    [...Map.groupBy(one.received, (update) => update.resultsIn).values()].map((parts) => parts.flatMap((part) => part.peers).length);
  await join(Array.from({ length: 499 }, (_, at) => `m${at}`));
  await clock.advance(400);
  expect(peers()).toEqual([1]);
  await join(['m499']);
  await clock.advance(200);
  expect(peers()).toEqual([1, 500]);
  await join(['m500']);
  await write((tx) => tx.tasks.create(task('t', 'm500')));
  expect(one.received.at(-1)).toMatchObject({ peers: [{ nodeID: 'm500' }], endpoints: [{ taskID: 't' }] });
});

test('a node that comes back with the newest table is sent nothing; one that is behind gets all of it', async () => {
  const { readers, write } = await setUp();
  const [one, two] = readers as [Reader, Reader];
  await write(joinAll);
  one.connect();
  two.connect();
  await write((tx) => tx.tasks.create(task('t', 'n1')));
  two.disconnect();
  one.disconnect();
  one.received.length = 0;
  two.received.length = 0;
  one.connect();
  await write((tx) => move(tx, 't', 'running'));
  expect(one.received.map(({ kind }) => kind)).toEqual(['change']);
  two.connect();
  await write(() => undefined);
  expect(two.received.map(({ kind }) => kind)).toEqual(['complete']);
  expect(two.checksum('net1')).toBe(one.checksum('net1'));
});

test('a host that still has a network of before is told that it is gone', async () => {
  const { readers, write, clock } = await setUp();
  const [one] = readers as [Reader];
  await write(joinAll);
  one.connect();
  await clock.advance(100);
  one.disconnect();
  await write((tx) => tx.networks.remove('net1'));
  one.connect();
  await clock.advance(100);
  expect(one.tables.size).toBe(0);
});

test('a node whose host differs is found out by its checksum, and told all', async () => {
  const { side, readers, write, clock } = await setUp();
  const [one] = readers as [Reader];
  await write(joinAll);
  one.connect();
  await clock.advance(1000);
  const { revision } = one.tables.get('net1')!;
  one.received.length = 0;
  side.applied('n1', [{ networkID: 'net1', revision, checksum: 'f'.repeat(32) }]);
  await clock.advance(100);
  expect(one.received.map(({ kind }) => kind)).toEqual(['complete']);
});

test.each([
  ['a node that goes down', (tx: WriteTransaction) => setNode(tx, 'n1', { State: 'down', Addr: '192.0.2.1' }), false],
  ['a node of which nobody knows', (tx: WriteTransaction) => setNode(tx, 'n1', { State: 'unknown', Addr: '192.0.2.1' }), true],
  ['a task that shall stop', (tx: WriteTransaction) => move(tx, 't', 'running', 'shutdown'), false],
  ['a task that shall go', (tx: WriteTransaction) => move(tx, 't', 'running', 'remove'), false],
])('%s: its endpoint serves: %#', async (_, change, serving) => {
  const { readers, write } = await setUp();
  const [one] = readers as [Reader];
  one.connect();
  await write((tx) => {
    joinAll(tx);
    tx.tasks.create(task('t', 'n1', { Status: { State: 'running', Timestamp: '' } }));
  });
  expect(one.tables.get('net1')?.endpoints.get('t')?.serving).toBe(true);
  await write(change);
  expect(one.tables.get('net1')?.endpoints.get('t')?.serving).toBe(serving);
});

const setNode = (tx: WriteTransaction, id: string, Status: Node['Status']) => tx.nodes.update({ ...(tx.nodes.get(id) as Node), Status });

async function withRunningTask() {
  const world = await setUp();
  await world.write((tx) => {
    joinAll(tx);
    tx.tasks.create(task('t', 'n1', { Status: { State: 'running', Timestamp: '' } }));
  });
  for (const reader of world.readers) reader.connect();
  await world.clock.advance(1000);
  return world;
}

test('a stop is held back until every connected node has applied the table without the task', async () => {
  const { side, readers, released, store, clock } = await withRunningTask();
  const [, , slow] = readers as [Reader, Reader, Reader];
  slow.speaks = false;
  await store.update((tx) => move(tx, 't', 'running', 'shutdown'));
  await clock.advance(200);
  expect(side.heldDesiredState('t')).toBe('running');
  expect(released).toEqual([]);
  slow.speaks = true;
  slow.sayAll();
  expect(side.heldDesiredState('t')).toBeUndefined();
  expect(released).toEqual(['t']);
});

test.each([
  [
    'a node that does not answer is waited for two seconds',
    (world: Awaited<ReturnType<typeof withRunningTask>>) => world.clock.advance(HOLD_MS),
  ],
  ['a node that is lost is not waited for', async (world: Awaited<ReturnType<typeof withRunningTask>>) => world.readers[2]?.disconnect()],
  [
    'a task that ended by itself holds nothing',
    (world: Awaited<ReturnType<typeof withRunningTask>>) => world.write((tx) => move(tx, 't', 'failed', 'shutdown')),
  ],
])('%s', async (_, then) => {
  const world = await withRunningTask();
  world.readers[2]!.speaks = false;
  await world.store.update((tx) => move(tx, 't', 'running', 'shutdown'));
  await world.clock.advance(HOLD_MS - 200);
  expect(world.released).toEqual([]);
  await then(world);
  expect(world.released).toEqual(['t']);
  expect(world.side.heldDesiredState('t')).toBeUndefined();
});

test('what was to stop when its node went away waits anew when the node is back', async () => {
  const { side, readers, released, store, clock } = await withRunningTask();
  const [own, , slow] = readers as [Reader, Reader, Reader];
  slow.speaks = false;
  own.disconnect();
  await store.update((tx) => move(tx, 't', 'running', 'shutdown'));
  await clock.advance(HOLD_MS * 2);
  expect(side.heldDesiredState('t')).toBeUndefined();
  own.connect();
  expect(side.heldDesiredState('t')).toBe('running');
  slow.speaks = true;
  slow.sayAll();
  expect(side.heldDesiredState('t')).toBeUndefined();
  expect(released).toEqual(['t']);
});

test.each([
  ['without networks', { attachments: [] }],
  ['that did not run yet', { Status: { State: 'starting' as const, Timestamp: '' } }],
])('the stop of a task %s is not held back', async (_, fields) => {
  const { side, readers, write, store } = await setUp();
  await write(joinAll);
  for (const reader of readers) reader.connect();
  await write((tx) => tx.tasks.create(task('t', 'n1', fields)));
  await store.update((tx) => tx.tasks.update({ ...(tx.tasks.get('t') as Task), DesiredState: 'shutdown' }));
  expect(side.heldDesiredState('t')).toBeUndefined();
});

test('five thousand endpoints go in parts of bounded size, and one change of them is small', async () => {
  const { readers, write } = await setUp();
  const [one] = readers as [Reader];
  one.connect();
  await write((tx) => {
    joinAll(tx);
    for (let n = 0; n < 5_000; n += 1) {
      const attachments = [{ networkID: asID<Network['ID']>('net1'), addresses: [`10.0.${n >> 8}.${n & 255}/16`] }];
      tx.tasks.create(task(`task${n}`.padEnd(25, 'x'), 'n1', { Slot: n, attachments, Status: { State: 'running', Timestamp: '' } }));
    }
  });
  expect(one.tables.get('net1')?.endpoints.size).toBe(5_000);
  expect(Math.max(...one.received.map((part) => JSON.stringify(part).length))).toBeLessThan(48 * 1024);
  one.received.length = 0;
  await write((tx) => move(tx, 'task7'.padEnd(25, 'x'), 'failed'));
  expect(one.received).toHaveLength(1);
  expect(JSON.stringify(one.received).length).toBeLessThan(500);
});

const pick = (list: readonly string[]) => fc.constantFrom(...list);
const TASKS = ['t1', 't2', 't3', 't4'];
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('task' as const), id: pick(TASKS), node: pick(NODES), network: pick(NETWORKS) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('state' as const),
      id: pick(TASKS),
      state: fc.constantFrom<ObservedState>('running', 'starting', 'failed'),
      desired: fc.constantFrom<DesiredState>('running', 'shutdown'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reap' as const), id: pick(TASKS) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('gateway' as const), node: pick(NODES), network: pick(NETWORKS) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('service' as const), networks: fc.subarray(NETWORKS) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('network' as const), id: pick(NETWORKS) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('down' as const),
      node: pick(NODES),
      state: fc.constantFrom('down' as const, 'ready' as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('session' as const), node: pick(NODES) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('deaf' as const), node: pick(NODES) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.nat(60) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function write(tx: WriteTransaction, action: Step): void {
  switch (action.kind) {
    case 'task':
      if (tx.tasks.get(action.id) !== undefined || tx.networks.get(action.network) === undefined) return;
      tx.tasks.create(task(action.id, action.node, { attachments: [{ networkID: asID(action.network), addresses: ['10.0.0.9/16'] }] }));
      return;
    case 'state':
      if (tx.tasks.get(action.id) !== undefined) move(tx, action.id, action.state, action.desired);
      return;
    case 'reap':
      if (tx.tasks.get(action.id) !== undefined) tx.tasks.remove(action.id);
      return;
    case 'gateway': {
      const id = gatewayID(action.network, action.node);
      if (tx.gateways.get(id) !== undefined) tx.gateways.remove(id);
      else if (tx.networks.get(action.network) !== undefined) tx.gateways.create(gateway(action.network, action.node));
      return;
    }
    case 'service': {
      const { Version } = tx.services.get('web') as Service;
      tx.services.update({ ...web(action.networks), Version, CreatedAt: '', UpdatedAt: '' });
      return;
    }
    case 'network':
      if (tx.networks.get(action.id) === undefined) addNetwork(tx, action.id, NETWORKS.indexOf(action.id));
      else if (!isUsed(tx, action.id)) {
        for (const { ID } of tx.gateways.by('network', action.id)) tx.gateways.remove(ID);
        tx.networks.remove(action.id);
      }
      return;
    case 'down':
      setNode(tx, action.node, { State: action.state, Addr: '192.0.2.9' });
      return;
  }
}

/** Then admission refuses to remove it. */
function isUsed(tx: WriteTransaction, networkID: string): boolean {
  const isAttached = tx.tasks.all().some(({ attachments = [] }) => attachments.some((one) => one.networkID === networkID));
  return isAttached || tx.services.by('network', networkID).length > 0;
}

function expectAllEqual(store: Store, side: NetworkSide, readers: readonly Reader[]): void {
  const rebuilt = new NetworkTables(store);
  for (const networkID of NETWORKS) {
    const table = rebuilt.get(networkID);
    for (const reader of readers) {
      const has = table !== undefined && store.view((tx) => tx.gateways.get(gatewayID(networkID, reader.nodeID)) !== undefined);
      expect(reader.checksum(networkID), `${networkID} on ${reader.nodeID}`).toBe(has ? table.checksum : undefined);
    }
    if (table !== undefined) expect(tableChecksum(table)).toBe(table.checksum);
  }
  expect(TASKS.map((id) => side.heldDesiredState(id))).toEqual(TASKS.map(() => undefined));
}

test('after any changes, with sessions that break and updates that are lost, all nodes have what a new manager would derive', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, store, side, readers } = await setUp();
      for (const reader of readers) reader.connect();
      for (const action of steps) {
        const reader = 'node' in action ? readers[NODES.indexOf(action.node)]! : undefined;
        if (action.kind === 'time') await clock.advance(action.ms);
        else if (action.kind === 'deaf') reader!.hears = !reader!.hears;
        else if (action.kind === 'session') {
          if (reader!.feed === undefined) reader!.connect();
          else reader!.disconnect();
        } else await store.update((tx) => write(tx, action));
      }
      // A link that lost something breaks; then everyone is there, and says what it has on the slow tick.
      for (const reader of readers) {
        reader.hears = true;
        reader.connect();
      }
      await clock.advance(HOLD_MS + 100);
      for (const reader of readers) reader.sayAll();
      await clock.advance(100);
      expectAllEqual(store, side, readers);
    }),
    { numRuns: 150 },
  );
});
