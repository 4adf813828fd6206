import { systemClock } from '@swarm/shared/runtime/clock';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { commitPlan, type PlanPart } from './commit-plan.ts';
import { MemoryJournal } from './memory-journal.ts';
import { openStore } from './memory-store.ts';

const draft = (id: string, Name = id) => ({ ID: asID<never>(id), Spec: { Name } });
const creating = (...ids: string[]): PlanPart => ({
  changes: ids.map((id) => ({ kind: 'create', table: 'secrets', draft: draft(id) })),
});
const open = () =>
  openStore({
    journal: new MemoryJournal(),
    clock: systemClock,
    onFailure: (_, reason) => {
      throw new Error(reason);
    },
  });

test('a part made for an older version is refused whole, the parts beside it are written', async () => {
  const store = await open();
  const read = await store.update((tx) => tx.secrets.create(draft('a')));
  await store.update((tx) => tx.secrets.update({ ...read, Spec: { Name: 'changed' } }));

  const outcome = await commitPlan(store, [
    {
      changes: [
        { kind: 'create', table: 'secrets', draft: draft('b') },
        { kind: 'update', table: 'secrets', object: { ...read, Spec: { Name: 'mine' } } },
      ],
    },
    creating('c'),
  ]);

  expect(outcome.committed).toBe(1);
  expect(outcome.refused.map((refusal) => refusal.reason)).toEqual(['secrets a: is at version 2; the plan was made for version 1']);
  expect(store.view((tx) => tx.secrets.all().map((secret) => secret.Spec.Name))).toEqual(['changed', 'c']);
});

test.each<[string, Omit<PlanPart, 'changes'>, string | undefined]>([
  ['a premise that still holds lets the part pass', { premises: [{ table: 'secrets', id: 'a', version: 1 }] }, undefined],
  [
    'a premise that was written since refuses it',
    { premises: [{ table: 'secrets', id: 'a', version: 7 }] },
    'secrets a: is at version 1; the plan was made for version 7',
  ],
  [
    'a premise that is gone refuses it',
    { premises: [{ table: 'secrets', id: 'x', version: 7 }] },
    'secrets x: is gone; the plan was made for version 7',
  ],
  [
    'a premise that something is absent refuses it once it is there',
    { premises: [{ table: 'secrets', id: 'a' }] },
    'secrets a: exists already, at version 1',
  ],
  [
    'the check of the decision refuses it with its own sentence',
    { check: (tx) => (tx.secrets.size > 0 ? 'no room' : undefined) },
    'no room',
  ],
])('%s', async (_, conditions, reason) => {
  const store = await open();
  await store.update((tx) => tx.secrets.create(draft('a')));
  const outcome = await commitPlan(store, [{ ...creating('b'), ...conditions }]);
  expect(outcome.refused.map((refusal) => refusal.reason)).toEqual(reason === undefined ? [] : [reason]);
  expect(store.view((tx) => tx.secrets.size)).toBe(reason === undefined ? 2 : 1);
});

test('a later part is checked against what an earlier part of the same plan wrote', async () => {
  const store = await open();
  const outcome = await commitPlan(store, [creating('a'), creating('a', 'b')]);
  expect(outcome.refused).toHaveLength(1);
  expect(store.view((tx) => tx.secrets.size)).toBe(1);
});

test('a large plan is written in several transactions and keeps its parts whole', async () => {
  const store = await open();
  const versions = new Map<string, number>();
  store.watch((commit) => {
    for (const change of commit.changes) versions.set(change.id, commit.version);
  });
  const plan = Array.from({ length: 400 }, (_, index) => creating(`${index}-a`, `${index}-b`, `${index}-c`));
  expect(await commitPlan(store, plan)).toEqual({ committed: 400, refused: [] });
  expect(new Set(versions.values()).size).toBeGreaterThan(1);
  for (let index = 0; index < 400; index += 1) {
    expect(new Set([`${index}-a`, `${index}-b`, `${index}-c`].map((id) => versions.get(id))).size).toBe(1);
  }
});
