import { asID } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import { startReaper } from './reaper.ts';
import { clusterWithHistory, facts, node, serviceSpec, T0, task } from './testing/build.ts';

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
    tx.clusters.create(clusterWithHistory(limit));
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

test('a node that is removed takes the history of its global tasks along', async () => {
  const { clock, store, reaper } = await setUp(5);
  const { service, template } = facts(serviceSpec({}, { Mode: { Global: {} }, Name: 'global' }), { templateID: asID('everywhere') });
  const global = { ServiceID: asID<typeof service.ID>('global'), templateID: template.ID };
  await store.update((tx) => {
    tx.services.create({ ...service, ID: global.ServiceID });
    tx.templates.create({ ...template, serviceID: global.ServiceID });
    for (const name of ['A', 'B']) {
      tx.nodes.create(node(name));
      tx.tasks.create({ ...task(`dead on ${name}`, { state: 'failed', desired: 'shutdown', perNode: true, node: name }), ...global });
    }
  });
  const left = () => store.view((tx) => tx.tasks.by('service', global.ServiceID).map(({ ID }) => ID));
  await clock.advance(10_000);
  expect(left()).toEqual(['dead on A', 'dead on B']);
  await store.update((tx) => tx.nodes.remove(asID('A')));
  await clock.advanceUntil(() => left().length === 1, 10_000);
  expect(left()).toEqual(['dead on B']);
  await reaper.stop();
});

test('when fewer attempts are counted less is kept', async () => {
  const { clock, store, reaper } = await setUp(5);
  const restarts = (tasks: number) => Array.from({ length: tasks }, (_, index) => `restart ${index}`);
  await store.update((tx) => {
    for (const [index, name] of restarts(4).entries()) {
      tx.tasks.create(task(name, { state: 'failed', desired: 'shutdown', slot: 1, createdS: index, origin: { kind: 'restart' } }));
    }
  });
  const left = () => store.view((tx) => tx.tasks.all().filter(({ Slot }) => Slot === 1).length);
  await clock.advance(10_000);
  expect(left()).toBe(5);
  await store.update((tx) => {
    const [service] = tx.services.all();
    if (service === undefined) return;
    const { template } = facts(serviceSpec({ RestartPolicy: { MaxAttempts: 1 } }), { templateID: asID('once') });
    tx.templates.create(template);
    tx.services.update({ ...service, templateID: template.ID, Spec: { ...service.Spec, TaskTemplate: template.spec } });
  });
  await clock.advanceUntil(() => left() === 2, 10_000);
  await reaper.stop();
});
