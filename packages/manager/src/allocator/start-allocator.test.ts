import { asID } from '@swarm/shared/runtime/ids';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import type { Draft } from '../store/store.ts';
import type { Tables } from '../store/tables.ts';
import { startAllocator } from './start-allocator.ts';

async function setUp(networks: readonly string[], more: Partial<Draft<Tables['tasks']>> = {}) {
  const clock = new VirtualClock();
  const onFailure = (error: unknown) => {
    throw error;
  };
  const store = await openStore({ journal: new MemoryJournal(), clock, onFailure });
  const allocator = startAllocator({ store, clock, onFailure });
  await store.update((tx) => {
    tx.networks.create({ ID: asID('net1'), Spec: { Name: 'shop_default' } });
    tx.templates.create({
      ID: asID('p'),
      serviceID: asID('s'),
      serviceName: 'web',
      serviceLabels: {},
      spec: { Networks: networks.map((Target) => ({ Target })) },
      global: false,
    });
    tx.tasks.create({
      ID: asID('t'),
      ServiceID: asID('s'),
      templateID: asID('p'),
      specVersion: 1,
      Slot: 1,
      DesiredState: 'running',
      Status: { State: 'new', Timestamp: '', Message: 'created' },
      ...more,
    });
  });
  await clock.advance(0);
  return { clock, store, allocator, status: () => store.view((tx) => tx.tasks.get('t')?.Status) };
}

test.each([
  ['no network', []],
  ["the host's own networks", ['host', 'bridge', 'none']],
  ["a stack's default network, by id", ['net1']],
  ["a stack's default network, by name", ['Shop_Default']],
])('a new task on %s is passed to the scheduler', async (_, networks) => {
  const { allocator, status } = await setUp(networks);
  expect(status()).toMatchObject({ State: 'pending', Message: 'pending task scheduling' });
  await allocator.stop();
});

test('a task on a network that is not there says so, once, and goes on when it comes', async () => {
  const { clock, store, allocator, status } = await setUp(['host', 'lost']);
  expect(status()).toMatchObject({ State: 'new', Err: expect.stringMatching(/^waiting for network lost: not in this cluster/) });
  const version = store.view((tx) => tx.tasks.get('t')?.Version.Index);
  await store.update((tx) => tx.networks.create({ ID: asID('other'), Spec: { Name: 'other' } }));
  await clock.advance(0);
  expect(store.view((tx) => tx.tasks.get('t')?.Version.Index)).toBe(version);
  await store.update((tx) => tx.networks.create({ ID: asID('net2'), Spec: { Name: 'lost' } }));
  await clock.advance(0);
  expect(status()?.State).toBe('pending');
  expect(status()?.Err).toBeUndefined();
  await allocator.stop();
});

test('a task that nobody wants any more is left as it is', async () => {
  const { allocator, status } = await setUp([], { DesiredState: 'remove' });
  expect(status()?.State).toBe('new');
  await allocator.stop();
});
