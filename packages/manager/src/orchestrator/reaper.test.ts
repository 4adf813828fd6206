import { asID } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import { startReaper } from './reaper.ts';
import { facts, T0, task } from './testing/build.ts';

async function setUp(limit: number | undefined) {
  const clock = new VirtualClock(T0);
  const onFailure = (error: unknown) => {
    throw error;
  };
  const store = await openStore({ journal: new MemoryJournal(), clock, onFailure });
  const { service, template } = facts();
  await store.update((tx) => {
    tx.services.create(service);
    tx.templates.create(template);
    tx.templates.create({ ...template, ID: asID('unused') });
    for (let slot = 1; slot <= 1_500; slot += 1) {
      tx.tasks.create(task(`live${slot}`, { slot }));
      tx.tasks.create(task(`dead${slot}`, { slot, state: 'failed', desired: 'shutdown' }));
    }
    if (limit === undefined) return;
    tx.clusters.create({
      ID: asID('cluster'),
      Spec: { Orchestration: { TaskHistoryRetentionLimit: limit } },
      TLSInfo: {},
      RootRotationInProgress: false,
      DefaultAddrPool: [],
      SubnetSize: 24,
      DataPathPort: 4789,
      JoinTokens: { Worker: '', Manager: '' },
      ca: { certificate: '', privateKey: '' },
    });
  });
  const reaper = startReaper({ store, clock, random: { id: () => '', fraction: () => 0 }, logger: silentLogger, onFailure });
  return { clock, store, reaper, count: () => store.view((tx) => tx.tasks.size) };
}

test('a start looks at all there is, a bounded part at a time', async () => {
  const { clock, store, reaper, count } = await setUp(1);
  const sizes = new Set<number>();
  store.watch(() => sizes.add(count()));
  await clock.advanceUntil(() => count() === 1_500, 10_000);
  expect([...sizes].every((size, index, all) => (all[index - 1] ?? 3_000) - size <= 500)).toBe(true);
  expect(store.view((tx) => tx.templates.all().map(({ ID }) => ID))).toEqual(['current']);
  await reaper.stop();
});

test('a lower limit takes effect on what is there', async () => {
  const { clock, store, reaper, count } = await setUp(5);
  await clock.advance(10_000);
  expect(count()).toBe(3_000);
  await store.update((tx) => {
    const [cluster] = tx.clusters.all();
    if (cluster !== undefined) tx.clusters.update({ ...cluster, Spec: { Orchestration: { TaskHistoryRetentionLimit: 0 } } });
  });
  await clock.advanceUntil(() => count() === 1_500, 10_000);
  await reaper.stop();
});
