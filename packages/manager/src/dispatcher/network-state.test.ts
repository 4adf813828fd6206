import type { Network, Task } from '@swarm/shared/domain/objects';
import { decodeManagerMessage } from '@swarm/shared/protocol/decode';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import type { WriteTransaction } from '../store/store.ts';
import { NetworkSide } from './network-side.ts';
import { HOLD_MS } from './stop-gate.ts';
import { addNode, gateway, move, NODES, type Reader, setNode, setUp, task } from './testing/network-world.ts';

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

test('a node can read what it is told, also of an alias that is longer than any name', async () => {
  const { readers, write } = await setUp();
  const [one] = readers as [Reader];
  one.connect();
  await write((tx) => tx.gateways.create(gateway('net1', 'n1')));
  await write((tx) => {
    const service = tx.services.get('web')!;
    const { TaskTemplate } = service.Spec;
    const Networks = [{ Target: 'net1', Aliases: ['db', 'a'.repeat(256)] }];
    tx.services.update({ ...service, Spec: { ...service.Spec, TaskTemplate: { ...TaskTemplate, Networks } } });
  });
  expect(one.tables.get('net1')?.services.get('web')?.aliases).toEqual(['db', 'web']);
  expect(one.received.map((update) => decodeManagerMessage(update).ok)).toEqual([true, true]);
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
  [
    'a task that is stopped for its health',
    (tx: WriteTransaction) => {
      const now = tx.tasks.get('t') as Task;
      tx.tasks.update({ ...now, Status: { ...now.Status, Err: 'dockerexec: unhealthy container' } });
    },
    false,
  ],
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
    'a node that does not answer is waited for ten seconds',
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

test('a new manager waits for no node that has the newest table, whatever the one before it called that table', async () => {
  const { store, clock, readers, write } = await withRunningTask();
  await store.update((tx) => move(tx, 't', 'running', 'shutdown'));
  await clock.advance(200);
  await write((tx) => addNode(tx, 'another', '192.0.2.9'));
  const next = new NetworkSide({ store, clock, onRelease: () => undefined });
  const [own, ...others] = readers.map((reader) => reader.meets(next)) as [Reader, Reader, Reader];
  for (const reader of others) reader.connect();
  own.connect();
  expect(next.heldDesiredState('t')).toBeUndefined();
});

test.each([
  ['a network that is removed', (tx: WriteTransaction) => tx.networks.remove('net1')],
  ['a node that has the network no more', (tx: WriteTransaction) => tx.gateways.remove('net1.n3')],
])('%s holds no stop back: nothing will be said of it any more', async (_, remove) => {
  const { store, clock, readers, released, side } = await withRunningTask();
  readers[2]!.speaks = false;
  await store.update((tx) => move(tx, 't', 'running', 'remove'));
  await store.update(remove);
  await clock.advance(200);
  expect([side.heldDesiredState('t'), released]).toEqual([undefined, ['t']]);
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
