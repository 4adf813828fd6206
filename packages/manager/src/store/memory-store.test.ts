import { systemClock } from '@swarm/shared/runtime/clock';
import { asID } from '@swarm/shared/runtime/ids';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { MemoryJournal } from './memory-journal.ts';
import { openStore } from './memory-store.ts';
import type { Store } from './store.ts';

const secret = (id: string, Name = id) => ({ ID: asID<never>(id), Spec: { Name } });

test('a write is visible once it is durable, and a later transaction builds on one that is not yet', async () => {
  const store = await openStore({ journal: new MemoryJournal(), clock: systemClock, onFailure: () => undefined });
  const first = store.update((tx) => tx.secrets.create(secret('a')));
  const second = store.update((tx) => tx.secrets.by('name', 'a').length);
  expect(store.view((tx) => tx.secrets.size)).toBe(0);
  expect(await second).toBe(1);
  await first;
  expect(store.view((tx) => tx.secrets.by('name', 'a').map((s) => s.ID))).toEqual(['a']);
});

test('a stale version is refused and changes nothing', async () => {
  const store = await openStore({ journal: new MemoryJournal(), clock: systemClock, onFailure: () => undefined });
  const created = await store.update((tx) => tx.secrets.create(secret('a')));
  const updated = await store.update((tx) => tx.secrets.update({ ...created, Spec: { Name: 'b' } }));
  await expect(
    store.update((tx) => {
      tx.secrets.create(secret('c'));
      tx.secrets.update(created);
    }),
  ).rejects.toThrow('is at version 2');
  expect(store.view((tx) => tx.secrets.all())).toEqual([updated]);
});

test('what is written later has a later time, also when the clock was set back, and in the next life of the store', async () => {
  const clock = new VirtualClock();
  const journal = new MemoryJournal();
  const open = () => openStore({ journal, clock, onFailure: () => undefined });
  const write = (store: Store, name: string) => store.update((tx) => tx.secrets.create(secret(name)).CreatedAt);
  const store = await open();
  const first = await write(store, 'first');
  clock.jump(-3_600_000);
  clock.stall(10);
  const second = await write(store, 'second');
  const third = await write(await open(), 'third');
  expect([first, second, third].sort()).toEqual([first, second, third]);
  expect(new Set([first, second]).size).toBe(2);
});
