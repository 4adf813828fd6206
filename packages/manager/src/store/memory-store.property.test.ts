import { systemClock } from '@swarm/shared/runtime/clock';
import { asID } from '@swarm/shared/runtime/ids';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryJournal } from './memory-journal.ts';
import { openStore } from './memory-store.ts';
import { type Commit, type ReadTransaction, type Store, StoreConflict, StoreStopped, type WriteTransaction } from './store.ts';

/**
 * The store against a plain model: a map of rows, and a snapshot of it for every version. Transactions pile up before
 * any is durable, appends fail with and without effect, the store is opened anew.
 */
type Row = { readonly table: 'secrets' | 'nodes'; readonly id: string; readonly name: string; readonly version: number };
type Snapshot = ReadonlyMap<string, Row>;

interface Operation {
  readonly kind: 'create' | 'put' | 'remove';
  readonly table: Row['table'];
  readonly id: string;
  readonly name: string;
  /** Names a version that is not the current one. */
  readonly stale: boolean;
}

type Step =
  | { readonly kind: 'transaction'; readonly operations: readonly Operation[]; readonly throws: boolean }
  | { readonly kind: 'settle' }
  /** So many microtasks go by: some appends end, some do not. */
  | { readonly kind: 'wait'; readonly turns: number }
  | { readonly kind: 'fail'; readonly outcome: 'fenced' | 'unknown'; readonly written: boolean }
  | { readonly kind: 'reopen' };

const operation: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constantFrom('create', 'create', 'put', 'put', 'remove'),
  table: fc.constantFrom('secrets', 'nodes'),
  id: fc.constantFrom('a', 'ab', 'abc', 'b', 'ba'),
  name: fc.constantFrom('One', 'one', 'two', 'three'),
  stale: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('transaction'),
      operations: fc.array(operation, { maxLength: 4 }),
      throws: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: 'settle' }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('fail'), outcome: fc.constantFrom('fenced', 'unknown'), written: fc.boolean() }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('wait'), turns: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' }) },
);

class Planned extends Error {}

/** Runs the operations on a copy of the model. Undefined when one of them conflicts. */
function applyToModel(before: Snapshot, operations: readonly Operation[], version: number): Snapshot | undefined {
  const rows = new Map(before);
  for (const { kind, table, id, name, stale } of operations) {
    const current = rows.get(`${table}/${id}`);
    if (kind === 'create' ? current !== undefined : current === undefined || (kind === 'put' && stale)) return undefined;
    if (kind === 'remove') rows.delete(`${table}/${id}`);
    else rows.set(`${table}/${id}`, { table, id, name, version });
  }
  return rows;
}

function applyToStore(tx: WriteTransaction, operations: readonly Operation[]): void {
  for (const { kind, table, id, name, stale } of operations) {
    if (kind === 'remove') {
      tx[table].remove(id);
    } else if (kind === 'create') {
      if (table === 'secrets') tx.secrets.create({ ID: asID(id), Spec: { Name: name, Labels: {} } });
      else tx.nodes.create(node(id, name));
    } else {
      const current = tx[table].get(id);
      if (current === undefined) throw new StoreConflict(table, id, 'is gone');
      const Version = stale ? { Index: current.Version.Index + 1 } : current.Version;
      if (table === 'secrets') tx.secrets.update({ ...current, ID: asID(id), Version, Spec: { Name: name, Labels: {} } });
      else tx.nodes.update({ ...current, ...node(id, name), Version });
    }
    checkIndexes(tx);
  }
}

function node(id: string, fingerprint: string) {
  return {
    ID: asID<never>(id),
    Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
    Status: { State: 'ready', Addr: '' },
    role: 'worker',
    keyFingerprint: fingerprint,
  } as const;
}

/** Indexes say what a pass over the table says. */
function checkIndexes(tx: ReadTransaction): void {
  const secrets = tx.secrets.all();
  const nodes = tx.nodes.all();
  expect([tx.secrets.size, tx.nodes.size]).toEqual([secrets.length, nodes.length]);
  for (const name of ['one', 'two', 'three', 'none']) {
    const named = secrets.filter((secret) => secret.Spec.Name.toLowerCase() === name);
    expect(tx.secrets.by('name', name)).toEqual(named);
    expect(tx.secrets.count('name', name)).toBe(named.length);
    expect(tx.nodes.by('keyFingerprint', name)).toEqual(nodes.filter((each) => each.keyFingerprint === name));
  }
  for (const prefix of ['', 'a', 'ab', 'c']) {
    expect(tx.nodes.byIDPrefix(prefix, 2)).toEqual(nodes.filter((each) => each.ID.startsWith(prefix)).slice(0, 2));
  }
  expect(nodes.map((each) => each.ID)).toEqual(nodes.map((each) => each.ID).sort());
  expect([...tx.nodes.unordered()].sort((a, b) => (a.ID < b.ID ? -1 : 1))).toEqual(nodes);
}

function snapshotOf(tx: ReadTransaction): Snapshot {
  const rows = new Map<string, Row>();
  for (const { ID, Spec, Version } of tx.secrets.all()) {
    rows.set(`secrets/${ID}`, { table: 'secrets', id: ID, name: Spec.Name, version: Version.Index });
  }
  for (const { ID, keyFingerprint, Version } of tx.nodes.all()) {
    rows.set(`nodes/${ID}`, { table: 'nodes', id: ID, name: keyFingerprint, version: Version.Index });
  }
  return rows;
}

/** One store's life, from opening to failure or closing. */
async function startEra(journal: MemoryJournal, history: Snapshot[]) {
  const failures: string[] = [];
  const store: Store = await openStore({ journal, clock: systemClock, onFailure: (kind) => failures.push(kind) });
  const { version, rows } = store.view((tx) => ({ version: tx.version, rows: snapshotOf(tx) }));
  // What was loaded is one of the states that were committed, and later ones never were.
  expect(rows).toEqual(history[version]);
  history.length = version + 1;

  let watched = version;
  let seen = rows;
  /** What a commit broke: a listener must not throw, so it is told afterwards. */
  const violations: unknown[] = [];
  store.watch((commit) => {
    try {
      check(commit);
    } catch (error) {
      violations.push(error);
    }
  });
  return { store, failures, violations };

  function check(commit: Commit): void {
    expect(commit.version).toBe(watched + 1);
    watched = commit.version;
    store.view((tx) => {
      expect(tx.version).toBe(commit.version);
      const now = snapshotOf(tx);
      expect(now).toEqual(history[commit.version]);
      checkIndexes(tx);
      const touched = commit.changes.map((change) => `${change.table}/${change.id}`);
      for (const change of commit.changes) {
        const place = `${change.table}/${change.id}`;
        expect(change.before?.Version.Index).toBe(seen.get(place)?.version);
        expect(change.after?.Version.Index).toBe(now.get(place)?.version);
      }
      // And nothing else has changed.
      for (const place of new Set([...seen.keys(), ...now.keys()])) {
        if (!touched.includes(place)) expect(now.get(place)?.version).toBe(seen.get(place)?.version);
      }
      seen = now;
    });
  }
}

test('exactly what was acknowledged is there, in order, whatever fails and however transactions overlap', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const journal = new MemoryJournal();
      /** The state after each version; index 0 is the empty store. */
      const history: Snapshot[] = [new Map()];
      let era = await startEra(journal, history);
      let acknowledged = 0;
      const waiting: Promise<unknown>[] = [];

      for (const now of steps) {
        if (now.kind === 'transaction') runTransaction(now.operations, now.throws);
        else if (now.kind === 'settle') await Promise.all(waiting.splice(0));
        else if (now.kind === 'wait') for (let turn = 0; turn < now.turns; turn += 1) await Promise.resolve();
        else if (now.kind === 'fail') {
          journal.faults = () => ({ outcome: { kind: now.outcome, reason: 'planned' }, written: now.written && now.outcome === 'unknown' });
        } else await reopen();
      }
      await reopen();
      // Every state was the one of its version: `startEra` has compared them.
      expect(history.length - 1).toBeGreaterThanOrEqual(acknowledged);

      async function reopen() {
        await era.store.close();
        await Promise.all(waiting.splice(0));
        expect(era.violations).toEqual([]);
        expect(era.failures.length).toBeLessThanOrEqual(1);
        journal.faults = undefined;
        const { version } = await journal.load(() => undefined);
        expect(version).toBeGreaterThanOrEqual(acknowledged);
        era = await startEra(journal, history);
      }

      function runTransaction(operations: readonly Operation[], throws: boolean) {
        const version = history.length;
        const before = history[version - 1] ?? new Map();
        const after = throws ? undefined : applyToModel(before, operations, version);
        const stopped = era.failures.length > 0;
        const result = era.store.update((tx) => {
          expect(snapshotOf(tx)).toEqual(before);
          applyToStore(tx, operations);
          if (throws) throw new Planned();
          return tx.version;
        });
        const changed = after !== undefined && !stopped && changes(before, after);
        if (changed) history.push(after);
        waiting.push(
          result.then(
            (mine) => {
              expect(after).toBeDefined();
              expect(mine).toBe(version);
              if (!changed) return;
              expect(version).toBeGreaterThan(acknowledged);
              acknowledged = version;
            },
            (error: unknown) => {
              if (error instanceof StoreStopped) return;
              expect(after).toBeUndefined();
              expect(error instanceof StoreConflict || error instanceof Planned).toBe(true);
            },
          ),
        );
      }
    }),
    { numRuns: 600 },
  );
});

/** A row that was removed and created again has a new version, so it differs. */
function changes(before: Snapshot, after: Snapshot): boolean {
  return before.size !== after.size || [...after].some(([place, row]) => before.get(place)?.version !== row.version);
}

test('an object that has no JSON form is refused and changes nothing', async () => {
  const store = await openStore({ journal: new MemoryJournal(), clock: systemClock, onFailure: () => undefined });
  const circular: Record<string, string> = {};
  Object.assign(circular, { self: circular });
  await expect(store.update((tx) => tx.secrets.create({ ID: asID('a'), Spec: { Name: 'a', Labels: circular } }))).rejects.toThrow(
    'circular',
  );
  expect(await store.update((tx) => tx.secrets.size)).toBe(0);
});

test('a transaction within a transaction is refused', async () => {
  const store = await openStore({ journal: new MemoryJournal(), clock: systemClock, onFailure: () => undefined });
  const nested = store.update((tx) => {
    tx.secrets.create({ ID: asID('a'), Spec: { Name: 'a', Labels: {} } });
    void store.update((inner) => inner.secrets.create({ ID: asID('b'), Spec: { Name: 'b', Labels: {} } }));
  });
  await expect(nested).rejects.toThrow('within a transaction');
  expect(store.view((tx) => tx.secrets.size)).toBe(0);
});
