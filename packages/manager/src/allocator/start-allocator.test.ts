import { decideNetworkAllocation } from '@swarm/shared/domain/network-allocation';
import type { Service, Task } from '@swarm/shared/domain/objects';
import type { NetworkSpec } from '@swarm/shared/engine-api/payload-specs';
import type { ServiceSpec } from '@swarm/shared/engine-api/service-spec';
import { asID, systemRandom } from '@swarm/shared/runtime/ids';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import type { Draft, Store, WriteTransaction } from '../store/store.ts';
import { KEEP_IDLE_MS } from './gateway-usage.ts';
import { startAllocator } from './start-allocator.ts';

async function setUp() {
  const clock = new VirtualClock();
  const onFailure = (error: unknown) => {
    throw error;
  };
  const journal = new MemoryJournal();
  const store = await openStore({ journal, clock, onFailure });
  const allocator = startAllocator({ store, clock, random: systemRandom, onFailure });
  const write = async (change: (tx: WriteTransaction) => void) => {
    await store.update(change);
    await clock.advance(0);
    await allocator.idle();
  };
  await write((tx) => {
    for (const id of ['n1', 'n2']) addNode(tx, id);
    addNetwork(tx, { Name: 'ingress', Ingress: true });
  });
  return { clock, journal, store, allocator, write, read: reader(store) };
}

const reader = (store: Store) => ({
  task: (id: string) => store.view((tx) => tx.tasks.get(id)) as Task,
  service: (id: string) => store.view((tx) => tx.services.get(id)) as Service,
  gateways: () => store.view((tx) => tx.gateways.all().map(({ ID, address }) => `${ID} ${address}`)),
});

function addNode(tx: WriteTransaction, id: string): void {
  tx.nodes.create({
    ID: asID(id),
    Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
    Status: { State: 'ready', Addr: '' },
    role: 'worker',
    keyFingerprint: id,
  });
}

function addNetwork(tx: WriteTransaction, spec: NetworkSpec & { Name: string }): void {
  const outcome = decideNetworkAllocation(spec, { pools: ['10.0.0.0/8'], subnetSize: 24, networks: tx.networks.all(), hostAddresses: [] });
  if (!outcome.ok) throw new Error(outcome.reason);
  tx.networks.create({ ID: asID(spec.Name), Spec: spec, allocation: outcome.allocation });
}

function addService(tx: WriteTransaction, id: string, networks: readonly string[], more: Partial<ServiceSpec> = {}): void {
  const TaskTemplate = { Networks: networks.map((Target) => ({ Target })) };
  const Spec: ServiceSpec = { Name: id, Labels: {}, TaskTemplate, Mode: {}, ...more };
  const endpoint = Spec.EndpointSpec;
  const shared = { serviceName: id, serviceLabels: {}, global: false, spec: TaskTemplate, ...(endpoint && { endpoint }) };
  const template = tx.templates.create({ ID: asID(`${id} template`), serviceID: asID(id), ...shared });
  const Endpoint = { ...(endpoint && { Spec: endpoint }), ...(endpoint?.Ports && { Ports: endpoint.Ports }) };
  tx.services.create({ ID: asID(id), Spec, specVersion: 1, templateID: template.ID, Endpoint });
}

function addTask(tx: WriteTransaction, id: string, service: string, more: Partial<Draft<Task>> = {}): void {
  tx.tasks.create({
    ID: asID(id),
    ServiceID: asID(service),
    templateID: asID(`${service} template`),
    specVersion: 1,
    Slot: 1,
    DesiredState: 'running',
    Status: { State: 'new', Timestamp: '', Message: 'created' },
    ...more,
  });
}

const assign = (tx: WriteTransaction, id: string, node: string) => {
  const task = tx.tasks.get(id) as Task;
  tx.tasks.update({ ...task, NodeID: asID(node), Status: { State: 'assigned', Timestamp: '' } });
};
const end = (tx: WriteTransaction, id: string) => {
  const task = tx.tasks.get(id) as Task;
  tx.tasks.update({ ...task, Status: { State: 'failed', Timestamp: '' } });
};
const small = { IPAM: { Config: [{ Subnet: '192.168.0.0/29' }] } };

test.each([
  ['no network', []],
  ["the host's own networks", ['predefinedhost00000000000']],
  ['a network of the cluster', ['net']],
])('a new task on %s is passed to the scheduler', async (_, networks) => {
  const { write, read, allocator } = await setUp();
  await write((tx) => {
    addNetwork(tx, { Name: 'net' });
    addService(tx, 'web', networks);
    addTask(tx, 't', 'web');
  });
  expect(read.task('t').Status).toMatchObject({ State: 'pending', Message: 'pending task scheduling' });
  expect(read.task('t').attachments).toBeUndefined();
  await allocator.stop();
});

test('a task has its addresses once it has its node: in the order of its networks, ingress last', async () => {
  const { write, read, allocator } = await setUp();
  await write((tx) => {
    for (const Name of ['one', 'two']) addNetwork(tx, { Name });
    addService(tx, 'web', ['two', 'one'], { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 80 }] } });
    addTask(tx, 't', 'web');
  });
  await write((tx) => assign(tx, 't', 'n1'));
  expect(read.task('t').attachments).toEqual([
    { networkID: 'two', addresses: ['10.1.1.3/24'] },
    { networkID: 'one', addresses: ['10.1.0.3/24'] },
    { networkID: 'ingress', addresses: ['10.0.0.4/16'] },
  ]);
  expect(read.gateways()).toEqual(['ingress.n1 10.0.0.2', 'ingress.n2 10.0.0.3', 'one.n1 10.1.0.2', 'two.n1 10.1.1.2']);
  expect(read.service('web').Endpoint.VirtualIPs).toEqual([
    { NetworkID: 'two', Addr: '10.1.1.192/24' },
    { NetworkID: 'one', Addr: '10.1.0.192/24' },
    { NetworkID: 'ingress', Addr: '10.0.192.0/16' },
  ]);
  await allocator.stop();
});

test('dnsrr takes no virtual IP, and gives back the one there was', async () => {
  const { write, read, allocator } = await setUp();
  await write((tx) => {
    addNetwork(tx, { Name: 'net' });
    addService(tx, 'web', ['net']);
  });
  expect(read.service('web').Endpoint.VirtualIPs).toHaveLength(1);
  await write((tx) => {
    const service = tx.services.get('web') as Service;
    tx.services.update({ ...service, Spec: { ...service.Spec, EndpointSpec: { Mode: 'dnsrr' } } });
  });
  expect(read.service('web').Endpoint).toEqual({});
  await allocator.stop();
});

test('a task on a network that is not there says so, once, and goes on when it comes', async () => {
  const { write, read, allocator } = await setUp();
  await write((tx) => {
    addService(tx, 'web', ['lost']);
    addTask(tx, 't', 'web');
  });
  expect(read.task('t').Status).toMatchObject({
    State: 'new',
    Err: expect.stringMatching(/^waiting for network lost: not in this cluster/),
  });
  const version = read.task('t').Version.Index;
  await write((tx) => addNetwork(tx, { Name: 'other' }));
  expect(read.task('t').Version.Index).toBe(version);
  await write((tx) => addNetwork(tx, { Name: 'lost' }));
  expect(read.task('t').Status).not.toHaveProperty('Err');
  expect(read.task('t').Status.State).toBe('pending');
  await allocator.stop();
});

test('a task that nobody wants any more is left as it is', async () => {
  const { write, read, allocator } = await setUp();
  await write((tx) => {
    addService(tx, 'web', []);
    addTask(tx, 't', 'web', { DesiredState: 'remove' });
  });
  expect(read.task('t').Status.State).toBe('new');
  await allocator.stop();
});

test('a slot keeps its address on its node, and only there', async () => {
  const { clock, write, read, allocator } = await setUp();
  const address = (id: string) => read.task(id).attachments?.[0]?.addresses[0];
  await write((tx) => {
    addNetwork(tx, { Name: 'net' });
    addService(tx, 'web', ['net']);
    addTask(tx, 't1', 'web');
  });
  await write((tx) => assign(tx, 't1', 'n1'));
  const first = address('t1');
  await write((tx) => end(tx, 't1'));
  await write((tx) => addTask(tx, 't2', 'web', { Slot: 2 }));
  await write((tx) => assign(tx, 't2', 'n1'));
  expect(address('t2')).not.toBe(first);
  await write((tx) => addTask(tx, 't3', 'web'));
  await write((tx) => assign(tx, 't3', 'n1'));
  expect(address('t3')).toBe(first);
  await write((tx) => end(tx, 't3'));
  await write((tx) => addTask(tx, 't4', 'web'));
  await write((tx) => assign(tx, 't4', 'n2'));
  expect(address('t4')).not.toBe(first);
  await clock.advance(0);
  await allocator.stop();
});

test('a network that is full says so; what moves to another host waits for its rest to end', async () => {
  const { clock, write, read, allocator } = await setUp();
  // .0 and .1 are the network and its gateway, .6 is the one VIP: two nodes and two tasks have room.
  await write((tx) => {
    addNetwork(tx, { Name: 'net', ...small });
    addService(tx, 'web', ['net']);
    for (const n of [1, 2, 3, 4]) addTask(tx, `t${n}`, 'web', { Slot: n });
  });
  await write((tx) => assign(tx, 't1', 'n1'));
  await write((tx) => assign(tx, 't2', 'n2'));
  expect(read.task('t1').attachments).toBeDefined();
  expect(read.task('t2').attachments).toBeDefined();
  await write((tx) => assign(tx, 't3', 'n1'));
  expect(read.task('t3').Status.Err).toBe(
    'no address is left in network "net" (192.168.0.0/29): 4 of 4 are in use by tasks and the gateways of nodes; scale a service down, or make the network anew with a larger subnet',
  );
  await write((tx) => end(tx, 't2'));
  expect(read.task('t3').attachments).toBeUndefined();
  expect(read.task('t3').Status.Err).toContain('1 more were in use on other nodes less than 5 minutes ago');
  await clock.advance(320_000);
  await allocator.idle();
  expect(read.task('t3').attachments).toHaveLength(1);
  expect(read.task('t3').Status).not.toHaveProperty('Err');
  await allocator.stop();
});

test('a network that tasks on their way will fill says so, and blames no rest for it', async () => {
  const { write, read, allocator } = await setUp();
  await write((tx) => {
    addNetwork(tx, { Name: 'net', ...small });
    addService(tx, 'web', ['net']);
    for (const n of [1, 2, 3, 4, 5]) addTask(tx, `t${n}`, 'web', { Slot: n });
  });
  expect(read.task('t4').Status.State).toBe('pending');
  expect(read.task('t5').Status.Err).toBe(
    'no address is left in network "net" (192.168.0.0/29): 0 of 4 are in use by tasks and the gateways of nodes, 4 more are for tasks on their way; scale a service down, or make the network anew with a larger subnet',
  );
  await allocator.stop();
});

test('virtual IPs that are used up are named as the reason, with the way out', async () => {
  const { write, read, allocator } = await setUp();
  await write((tx) => {
    addNetwork(tx, { Name: 'net', ...small });
    addService(tx, 'one', ['net']);
  });
  await write((tx) => {
    addService(tx, 'two', ['net']);
    addTask(tx, 't', 'two');
  });
  expect(read.task('t').Status.Err).toMatch(/^no virtual IP is left in network "net" .* use endpoint mode dnsrr/);
  await write((tx) => tx.services.remove('one'));
  expect(read.service('two').Endpoint.VirtualIPs).toHaveLength(1);
  expect(read.task('t').Status.State).toBe('pending');
  await allocator.stop();
});

test('the port by which hosts send each other packets of networks is chosen for no service', async () => {
  const { write, read, allocator } = await setUp();
  await write((tx) => {
    tx.clusters.create({
      ID: asID('cluster'),
      Spec: {},
      TLSInfo: {},
      RootRotationInProgress: false,
      DefaultAddrPool: [],
      SubnetSize: 24,
      DataPathPort: 30_000,
      JoinTokens: { Worker: '', Manager: '' },
      ca: { certificate: '', privateKey: '' },
    });
    addService(tx, 'open', [], { EndpointSpec: { Ports: [{ TargetPort: 81, Protocol: 'udp' }] } });
  });
  expect(read.service('open').Endpoint.Ports?.map((port) => port.PublishedPort)).toEqual([30_001]);
  await allocator.stop();
});

test('published ports are chosen from 30000 to 32767, never one that is taken; when all are, tasks say so', async () => {
  const { write, read, allocator } = await setUp();
  const publish = (Ports: object[]): Partial<ServiceSpec> => ({ EndpointSpec: { Ports } });
  await write((tx) => {
    addService(
      tx,
      'fixed',
      [],
      publish([
        { TargetPort: 80, PublishedPort: 30_001 },
        { TargetPort: 81, PublishMode: 'host' },
      ]),
    );
    addService(tx, 'open', [], publish([{ TargetPort: 80 }, { TargetPort: 81, Protocol: 'udp' }, { TargetPort: 82 }]));
  });
  expect(read.service('open').Endpoint.Ports?.map((port) => port.PublishedPort)).toEqual([30_000, 30_001, 30_002]);
  expect(read.service('fixed').Endpoint.Ports?.[1]).not.toHaveProperty('PublishedPort');
  const all = Array.from({ length: 2_768 }, (_, n) => ({ TargetPort: 80, PublishedPort: 30_000 + n }));
  await write((tx) => addService(tx, 'greedy', [], publish(all)));
  await write((tx) => {
    addService(tx, 'late', [], publish([{ TargetPort: 80 }]));
    addTask(tx, 't', 'late');
  });
  expect(read.task('t').Status.Err).toMatch(/^no port is left to publish: all from 30000 to 32767 are taken/);
  await write((tx) => tx.services.remove('greedy'));
  expect(read.task('t').Status.State).toBe('pending');
  await allocator.stop();
});

test('a node leaves a network it has not used for long, but never ingress; one that is removed leaves all', async () => {
  const { clock, write, read, allocator } = await setUp();
  await write((tx) => {
    addNetwork(tx, { Name: 'net' });
    addService(tx, 'web', ['net']);
    addTask(tx, 't', 'web');
  });
  await write((tx) => assign(tx, 't', 'n1'));
  await clock.advance(KEEP_IDLE_MS * 2);
  expect(read.gateways()).toContain('net.n1 10.1.0.2');
  await write((tx) => end(tx, 't'));
  await clock.advance(KEEP_IDLE_MS / 2);
  expect(read.gateways()).toContain('net.n1 10.1.0.2');
  await clock.advance(KEEP_IDLE_MS);
  expect(read.gateways()).toEqual(['ingress.n1 10.0.0.2', 'ingress.n2 10.0.0.3']);
  await write((tx) => tx.nodes.remove('n1'));
  expect(read.gateways()).toEqual(['ingress.n2 10.0.0.3']);
  await write((tx) => addNode(tx, 'n3'));
  expect(read.gateways()).toEqual(['ingress.n2 10.0.0.3', 'ingress.n3 10.0.0.4']);
  await write((tx) => tx.networks.remove('ingress'));
  expect(read.gateways()).toEqual([]);
  await allocator.stop();
});

test('what a node had is given back also when it was removed just before the manager ended', async () => {
  const { clock, store, allocator, write, read } = await setUp();
  await write((tx) => addNetwork(tx, { Name: 'net', Attachable: true }));
  await allocator.stop();
  await store.update((tx) => {
    tx.guests.create({ ID: asID('g'), networkID: asID('net'), nodeID: asID('n1'), name: 'by-hand', aliases: [], running: false });
    tx.nodes.remove('n1');
  });
  const next = startAllocator({ store, clock, random: systemRandom, onFailure: (error) => expect.unreachable(String(error)) });
  await clock.advance(0);
  await next.idle();
  expect(read.gateways()).toEqual(['ingress.n2 10.0.0.3']);
  expect(store.view((tx) => tx.guests.all())).toEqual([]);
  await next.stop();
});

test('a container that asks for a place in the moment in which its node is removed is forgotten', async () => {
  const { store, allocator, write, read } = await setUp();
  await write((tx) => {
    addNetwork(tx, { Name: 'net', Attachable: true });
    tx.nodes.remove('n1');
  });
  await write((tx) => {
    tx.guests.create({ ID: asID('g'), networkID: asID('net'), nodeID: asID('n1'), name: 'by-hand', aliases: [], running: false });
  });
  expect(store.view((tx) => tx.guests.all())).toEqual([]);
  expect(read.gateways()).toEqual(['ingress.n2 10.0.0.3']);
  await allocator.stop();
});

test('a manager that starts goes on from what lives: no address twice, none moved', async () => {
  const first = await setUp();
  await first.write((tx) => {
    addNetwork(tx, { Name: 'net' });
    addService(tx, 'web', ['net']);
    for (const n of [1, 2, 3]) addTask(tx, `t${n}`, 'web', { Slot: n });
  });
  await first.write((tx) => {
    for (const n of [1, 2]) assign(tx, `t${n}`, 'n1');
  });
  await first.allocator.stop();
  const before = [first.read.task('t1'), first.read.task('t2'), first.read.service('web')];
  const fail = (error: unknown) => {
    throw error;
  };
  const allocator = startAllocator({ store: first.store, clock: first.clock, random: systemRandom, onFailure: fail });
  await first.clock.advance(0);
  expect([first.read.task('t1'), first.read.task('t2'), first.read.service('web')]).toEqual(before);
  await first.store.update((tx) => assign(tx, 't3', 'n2'));
  await first.clock.advance(0);
  expect(first.read.task('t3').attachments?.[0]?.addresses).toEqual(['10.1.0.6/24']);
  await allocator.stop();
});

test('a manager that starts with many tasks lets others work in between, and counts what is on its way before it lets more through', async () => {
  const { clock, store, allocator } = await setUp();
  await allocator.stop();
  await store.update((tx) => {
    addNetwork(tx, { Name: 'net' });
    addService(tx, 'web', ['net']);
    for (let at = 0; at < 4_500; at += 1) addTask(tx, `a${at}`, 'web', { Slot: at + 1 });
    for (let at = 0; at < 100; at += 1) addTask(tx, `z${at}`, 'web', { Slot: 5_000 + at, Status: { State: 'pending', Timestamp: '' } });
  });
  const count = (is: (task: Task) => boolean) => store.view((tx) => tx.tasks.by('service', 'web').filter(is).length);
  const isUntouched = ({ Status }: Task) => Status.State === 'new' && Status.Err === undefined;
  // What comes while tasks are looked at does not wait for the last of them.
  let late: Promise<void> | undefined;
  let untouchedWhenServed = 0;
  const stopWatch = store.watch(({ changes }) => {
    late ??= store.update((tx) => addService(tx, 'late', ['net']));
    const isServed = changes.some(({ table, id, before }) => table === 'services' && id === 'late' && before !== undefined);
    if (isServed) untouchedWhenServed = count(isUntouched);
  });
  const next = startAllocator({ store, clock, random: systemRandom, onFailure: (error) => expect.unreachable(String(error)) });
  await clock.advance(0);
  await next.idle();
  stopWatch();
  await late;
  expect(untouchedWhenServed).toBeGreaterThan(0);
  expect(count(isUntouched)).toBe(0);
  // As many as there are addresses: of 256, the network's own two and a quarter for virtual IPs are not for tasks.
  expect(count(({ Status }) => Status.State === 'pending')).toBe(190);
  await next.stop();
});
