import { decideNetworkAllocation } from '@swarm/shared/domain/network-allocation';
import type { Gateway, Guest } from '@swarm/shared/domain/objects';
import { asID, systemRandom } from '@swarm/shared/runtime/ids';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import type { Draft, WriteTransaction } from '../store/store.ts';
import { REST_MS } from './address-range.ts';
import { KEEP_IDLE_MS } from './gateway-usage.ts';
import { startAllocator } from './start-allocator.ts';

const SUBNET = '192.168.0.0/27';

/** Two nodes, and a network whose hosts are .2 to .23; guests are what hosts ask for. */
async function setUp() {
  const clock = new VirtualClock();
  const onFailure = (error: unknown) => {
    throw error;
  };
  const store = await openStore({ journal: new MemoryJournal(), clock, onFailure });
  const allocator = startAllocator({ store, clock, random: systemRandom, onFailure });
  const write = async (change: (tx: WriteTransaction) => void) => {
    await store.update(change);
    await clock.advance(0);
    await allocator.idle();
  };
  await write((tx) => {
    for (const id of ['n1', 'n2']) {
      tx.nodes.create({
        ID: asID(id),
        Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
        Status: { State: 'ready', Addr: '' },
        role: 'worker',
        keyFingerprint: id,
      });
    }
    const Spec = { Name: 'net', Attachable: true, IPAM: { Config: [{ Subnet: SUBNET }] } };
    const outcome = decideNetworkAllocation(Spec, { pools: [], subnetSize: 24, networks: [], hostAddresses: [] });
    if (!outcome.ok) throw new Error(outcome.reason);
    tx.networks.create({ ID: asID('net'), Spec, allocation: outcome.allocation });
  });
  const add = (id: string, over: Partial<Draft<Guest>> = {}) =>
    write((tx) => {
      tx.guests.create({ ID: asID(id), networkID: asID('net'), nodeID: asID('n1'), name: id, aliases: [], running: false, ...over });
    });
  const guest = (id: string) => store.view((tx) => tx.guests.get(id));
  const gateways = () => store.view((tx) => tx.gateways.all().map(({ ID }) => ID as string));
  const remove = (id: string) => write((tx) => tx.guests.remove(id));
  return { clock, store, allocator, write, add, remove, guest, gateways };
}

test('a guest gets an address and brings the network to its node', async () => {
  const { add, guest, gateways, allocator } = await setUp();
  await add('a');
  expect(guest('a')).toMatchObject({ address: expect.stringMatching(/^192\.168\.0\.\d+$/) });
  expect(gateways()).toEqual(['net.n1']);
  await allocator.stop();
});

test.each<[string, string, string, RegExp]>([
  ['one that another guest has', '192.168.0.9', 'permission-denied', /is that of container first on node n1/],
  ['the gateway of the network', '192.168.0.1', 'permission-denied', /is kept for the network itself/],
  ['a virtual one', '192.168.0.30', 'invalid-argument', /is kept for virtual IPs/],
  ['one of elsewhere', '10.1.1.1', 'invalid-argument', /is not among the addresses of containers, 192\.168\.0\.0 to 192\.168\.0\.23/],
  ['nonsense', 'ten', 'invalid-argument', /out of range: ten/],
])('an address that cannot be had is refused with the reason: %s', async (_, wanted, kind, text) => {
  const { add, guest, allocator } = await setUp();
  await add('first', { wanted: '192.168.0.9' });
  await add('second', { wanted });
  expect(guest('second')?.refusal).toEqual({ kind, text: expect.stringMatching(text) });
  expect(guest('second')?.address).toBeUndefined();
  await allocator.stop();
});

test('the gateway of a node is nobody else’s', async () => {
  const { add, store, guest, allocator } = await setUp();
  await add('a');
  const gateway = store.view((tx) => tx.gateways.get('net.n1'))?.address as string;
  await add('b', { wanted: gateway });
  expect(guest('b')?.refusal?.text).toContain('node n1, the gateway of its containers');
  await allocator.stop();
});

test('what is given up is free on its own node at once, on another when bridges have forgotten it', async () => {
  const { add, remove, guest, clock, allocator } = await setUp();
  await add('a', { wanted: '192.168.0.9' });
  await remove('a');
  await add('elsewhere', { wanted: '192.168.0.9', nodeID: asID('n2') });
  expect(guest('elsewhere')?.refusal?.text).toContain('was in use on another node less than 5 minutes ago');
  await add('here', { wanted: '192.168.0.9' });
  expect(guest('here')?.address).toBe('192.168.0.9');
  await remove('here');
  await clock.advance(REST_MS);
  await add('later', { wanted: '192.168.0.9', nodeID: asID('n2') });
  expect(guest('later')?.address).toBe('192.168.0.9');
  await allocator.stop();
});

test('a container that starts again has the address it had, or another one where that is taken', async () => {
  const { add, remove, guest, allocator } = await setUp();
  await add('a', { containerID: 'c1' });
  const had = guest('a')?.address as string;
  await remove('a');
  await add('b', { containerID: 'c1', preferred: had });
  expect(guest('b')?.address).toBe(had);
  await remove('b');
  await add('heir', { wanted: had });
  await add('c', { containerID: 'c1', preferred: had });
  expect(guest('c')).toMatchObject({ address: expect.not.stringMatching(`^${had}$`) });
  await allocator.stop();
});

test('a full network refuses, and gives again what came free', async () => {
  const { add, remove, guest, allocator } = await setUp();
  for (let n = 0; n < 21; n += 1) await add(`g${n}`);
  await add('late');
  expect(guest('late')?.refusal).toEqual({ kind: 'unavailable', text: expect.stringContaining('no address is left in network "net"') });
  await remove('g3');
  await add('later');
  expect(guest('later')?.address).toBeDefined();
  await allocator.stop();
});

test('a node keeps a network while a guest is there, and no longer', async () => {
  const { add, remove, gateways, clock, allocator } = await setUp();
  await add('a');
  await clock.advance(3 * KEEP_IDLE_MS);
  expect(gateways()).toEqual(['net.n1']);
  await remove('a');
  await clock.advance(3 * KEEP_IDLE_MS);
  expect(gateways()).toEqual([]);
  await allocator.stop();
});

test('a node keeps a network, and its address there, for a container that has ended, until that is gone', async () => {
  const { store, add, remove, write, gateways, clock, allocator } = await setUp();
  const keep = (kept: { readonly kept?: true }) =>
    write((tx) => {
      const { kept: _, ...gateway } = tx.gateways.get('net.n1') as Gateway;
      tx.gateways.update({ ...gateway, ...kept });
    });
  await add('a');
  const address = () => store.view((tx) => tx.gateways.get('net.n1')?.address);
  const had = address();
  await remove('a');
  await clock.advance(KEEP_IDLE_MS / 2);
  await keep({ kept: true });
  await clock.advance(3 * KEEP_IDLE_MS);
  expect(address()).toBe(had);
  await keep({});
  await clock.advance(KEEP_IDLE_MS / 2);
  expect(address()).toBe(had);
  await clock.advance(KEEP_IDLE_MS);
  expect(gateways()).toEqual([]);
  await allocator.stop();
});

test('a node or a network that is gone takes its guests along', async () => {
  const { add, write, guest, allocator } = await setUp();
  await add('a');
  await add('b', { nodeID: asID('n2') });
  await write((tx) => tx.nodes.remove('n1'));
  expect([guest('a'), guest('b')?.ID]).toEqual([undefined, 'b']);
  await write((tx) => tx.networks.remove('net'));
  expect(guest('b')).toBeUndefined();
  await allocator.stop();
});

test('a manager that starts knows what guests have', async () => {
  const { add, store, guest, clock, allocator } = await setUp();
  await add('a', { wanted: '192.168.0.9' });
  await allocator.stop();
  const next = startAllocator({
    store,
    clock,
    random: systemRandom,
    onFailure: (error) => {
      throw error;
    },
  });
  await add('b', { wanted: '192.168.0.9' });
  await next.idle();
  expect(guest('b')?.refusal?.text).toContain('Address already in use');
  await next.stop();
});
