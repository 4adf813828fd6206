import type { Clock } from '@swarm/shared/runtime/clock';
import { epochMs, timestamp } from '@swarm/shared/runtime/clock';
import { steadyTime } from '@swarm/shared/runtime/steady-time';
import type { Journal, JournalEntry } from './journal.ts';
import { LayeredTable } from './layered-table.ts';
import { MemoryTable } from './memory-table.ts';
import {
  type Change,
  type Commit,
  type ReadTransaction,
  type Store,
  StoreConflict,
  StoreStopped,
  type WriteTable,
  type WriteTransaction,
} from './store.ts';
import { TABLE_NAMES, type TableName, type Tables } from './tables.ts';

export interface StoreDeps {
  readonly journal: Journal;
  readonly clock: Clock;
  /** Called once when the journal failed: the manager must stop, and load the store anew. */
  readonly onFailure: (kind: 'fenced' | 'unknown', reason: string) => void;
}

type PerTable<Kind extends 'memory' | 'layered'> = {
  readonly [Name in TableName]: Kind extends 'memory' ? MemoryTable<Name> : LayeredTable<Name>;
};

/** A transaction that has run and waits for the journal. One without changes waits too: it may have read what is not durable. */
interface Pending {
  readonly version: number;
  readonly changes: readonly Change[];
  readonly entry: JournalEntry | undefined;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

/** The most entries that go into one append: keeps a single fsync from delaying the first of them for long. */
const MAX_ENTRIES_PER_APPEND = 4096;

/**
 * Opens the store: loads the journal, then serves. Transactions run one by one on the newest state; their journal
 * entries are written in groups: at once when idle, all that have come meanwhile when the journal is busy.
 */
export async function openStore(deps: StoreDeps): Promise<Store> {
  const base = makeTables((name) => new MemoryTable(name)) as PerTable<'memory'>;
  const known = new Set<string>(TABLE_NAMES);
  let newest = '';
  const loaded = await deps.journal.load((table, id, value) => {
    if (!known.has(table)) throw new Error(`journal holds a table "${table}" that this version does not know (object ${id})`);
    const object = JSON.parse(value) as Tables[TableName];
    if (object.UpdatedAt > newest) newest = object.UpdatedAt;
    (base[table as TableName] as MemoryTable<TableName>).put(object);
  });
  return new MemoryStore(deps, base, loaded.version, newest === '' ? 0 : epochMs(newest));
}

class MemoryStore implements Store {
  readonly now: () => number;
  readonly #deps: StoreDeps;
  /** What is durable. */
  readonly #base: PerTable<'memory'>;
  /** What has run and is not durable yet, over the base. */
  readonly #pendingLayer: PerTable<'layered'>;
  readonly #listeners = new Set<(commit: Commit) => void>();
  #visibleVersion: number;
  #newestVersion: number;
  #queue: Pending[] = [];
  #appending: Promise<void> | undefined;
  #stopped: string | undefined;
  #writing = false;

  constructor(deps: StoreDeps, base: PerTable<'memory'>, version: number, newestMs: number) {
    this.#deps = deps;
    this.now = steadyTime(deps.clock, newestMs);
    this.#base = base;
    this.#pendingLayer = makeTables((name) => new LayeredTable(name, base[name] as never)) as PerTable<'layered'>;
    this.#visibleVersion = version;
    this.#newestVersion = version;
  }

  view<T>(read: (tx: ReadTransaction) => T): T {
    return read({ ...this.#base, version: this.#visibleVersion } as ReadTransaction);
  }

  update<T>(write: (tx: WriteTransaction) => T): Promise<T> {
    if (this.#stopped !== undefined) return Promise.reject(new StoreStopped(this.#stopped));
    const version = this.#newestVersion + 1;
    const now = timestamp(this.now());
    // One for all that the transaction writes: most of what is stored is small.
    const written = Object.freeze({ Index: version });
    const writers = new Map<TableName, Writer<TableName>>();
    const tables = new TablesOfTransaction(version, (name) => {
      let writer = writers.get(name);
      if (writer === undefined) {
        writer = new Writer(name, this.#pendingLayer[name] as never, written, now);
        writers.set(name, writer);
      }
      return writer;
    });
    let result: T;
    let changes: readonly Change[];
    let entry: JournalEntry | undefined;
    if (this.#writing) throw new Error('store.update was called within a transaction: two transactions would have one version');
    this.#writing = true;
    try {
      result = write(tables as unknown as WriteTransaction);
      changes = TABLE_NAMES.flatMap((name) => writers.get(name)?.changes() ?? []);
      // Before anything is laid down: an object that has no JSON form must change nothing.
      if (changes.length > 0) entry = { version, changes: changes.map(encodeChange) };
    } catch (error) {
      return Promise.reject(error);
    } finally {
      this.#writing = false;
    }
    for (const change of changes) this.#layChange(change, version);
    if (changes.length > 0) this.#newestVersion = version;
    return new Promise((resolve, reject) => {
      this.#queue.push({
        version: this.#newestVersion,
        changes,
        entry,
        resolve: () => resolve(result),
        reject,
      });
      this.#flush();
    });
  }

  watch(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  viewAndWatch<T>(read: (tx: ReadTransaction) => T, listener: (commit: Commit) => void) {
    return { value: this.view(read), stop: this.watch(listener) };
  }

  async close(): Promise<void> {
    this.#stopped ??= 'it was closed';
    while (this.#appending !== undefined) await this.#appending;
  }

  #layChange(change: Change, version: number): void {
    const layer = this.#pendingLayer[change.table] as LayeredTable<TableName>;
    if (change.after === undefined) layer.delete(change.id, version);
    else layer.put(change.after);
  }

  #flush(): void {
    if (this.#appending !== undefined || this.#queue.length === 0) return;
    const batch = this.#queue.splice(0, MAX_ENTRIES_PER_APPEND);
    this.#appending = this.#append(batch).finally(() => {
      this.#appending = undefined;
      this.#flush();
    });
  }

  async #append(batch: readonly Pending[]): Promise<void> {
    const entries = batch.flatMap((pending) => pending.entry ?? []);
    if (entries.length > 0) {
      const outcome = await this.#deps.journal
        .append(entries)
        .catch((error: unknown) => ({ kind: 'unknown' as const, reason: String(error) }));
      if (outcome.kind !== 'durable') {
        this.#fail(outcome.kind, outcome.reason, batch);
        return;
      }
    }
    for (const pending of batch) {
      this.#makeVisible(pending);
      pending.resolve();
    }
  }

  #makeVisible(pending: Pending): void {
    for (const { table, id, after } of pending.changes) {
      const base = this.#base[table] as MemoryTable<TableName>;
      if (after === undefined) base.delete(id);
      else base.put(after);
      (this.#pendingLayer[table] as LayeredTable<TableName>).settle(id, after, pending.version);
    }
    this.#visibleVersion = pending.version;
    if (pending.changes.length === 0) return;
    const commit: Commit = { version: pending.version, changes: pending.changes };
    for (const listener of this.#listeners) listener(commit);
  }

  #fail(kind: 'fenced' | 'unknown', reason: string, batch: readonly Pending[]): void {
    this.#stopped = reason;
    for (const pending of [...batch, ...this.#queue.splice(0)]) pending.reject(new StoreStopped(reason));
    this.#deps.onFailure(kind, reason);
  }
}

/**
 * The tables of a running transaction, each made when it is first asked for: there are many, a transaction needs few, and
 * what was made for nothing was most of its garbage.
 */
class TablesOfTransaction {
  readonly version: number;
  readonly #open: (name: TableName) => Writer<TableName>;

  constructor(version: number, open: (name: TableName) => Writer<TableName>) {
    this.version = version;
    this.#open = open;
  }

  static {
    for (const name of TABLE_NAMES) {
      Object.defineProperty(TablesOfTransaction.prototype, name, {
        get(this: TablesOfTransaction) {
          return this.#open(name);
        },
      });
    }
  }
}

/** One table of a running transaction: a layer of its own, and the record of what changed. */
class Writer<Name extends TableName> implements WriteTable<Name> {
  readonly #name: Name;
  readonly #layer: LayeredTable<Name>;
  /** What was there before the transaction, by the id of everything that it wrote. */
  readonly #touched = new Map<string, Tables[Name] | undefined>();
  readonly #version: { readonly Index: number };
  readonly #now: string;

  constructor(name: Name, below: LayeredTable<Name>, version: { readonly Index: number }, now: string) {
    this.#name = name;
    this.#layer = new LayeredTable(name, below);
    this.#version = version;
    this.#now = now;
  }

  get size(): number {
    return this.#layer.size;
  }
  get(id: string) {
    return this.#layer.get(id);
  }
  all() {
    return this.#layer.all();
  }
  unordered() {
    return this.#layer.unordered();
  }
  by(...args: Parameters<WriteTable<Name>['by']>) {
    return this.#layer.by(...args);
  }
  count(...args: Parameters<WriteTable<Name>['count']>) {
    return this.#layer.count(...args);
  }
  byIDPrefix(prefix: string, limit: number) {
    return this.#layer.byIDPrefix(prefix, limit);
  }

  create(draft: Parameters<WriteTable<Name>['create']>[0]): Tables[Name] {
    if (this.#layer.get(draft.ID) !== undefined) throw new StoreConflict(this.#name, draft.ID, 'exists already');
    const created = {
      ...draft,
      Version: this.#version,
      CreatedAt: this.#now,
      UpdatedAt: this.#now,
    } as unknown as Tables[Name];
    return this.#put(created, undefined);
  }

  update(object: Tables[Name]): Tables[Name] {
    const current = this.#layer.get(object.ID);
    if (current === undefined) throw new StoreConflict(this.#name, object.ID, 'is gone');
    if (current.Version.Index !== object.Version.Index) {
      throw new StoreConflict(
        this.#name,
        object.ID,
        `is at version ${current.Version.Index}, the change was made for ${object.Version.Index}`,
      );
    }
    return this.#put({ ...object, Version: this.#version, CreatedAt: current.CreatedAt, UpdatedAt: this.#now }, current);
  }

  remove(id: string): void {
    const current = this.#layer.get(id);
    if (current === undefined) throw new StoreConflict(this.#name, id, 'is gone');
    this.#touch(id, current);
    this.#layer.delete(id, this.#version.Index);
  }

  changes(): Change[] {
    const changes: Change[] = [];
    for (const [id, before] of this.#touched) {
      const after = this.#layer.get(id);
      if (before === undefined && after === undefined) continue;
      changes.push(buildChange(this.#name, id, before, after));
    }
    return changes;
  }

  /** `current`: what `put` replaces; undefined when there is no such object. */
  #put(object: Tables[Name], current: Tables[Name] | undefined): Tables[Name] {
    this.#touch(object.ID, current);
    this.#layer.put(object);
    return object;
  }

  #touch(id: string, current: Tables[Name] | undefined): void {
    if (!this.#touched.has(id)) this.#touched.set(id, current);
  }
}

function buildChange<Name extends TableName>(
  table: Name,
  id: string,
  before: Tables[Name] | undefined,
  after: Tables[Name] | undefined,
): Change {
  // Three shapes, each with its fields in place: there is one for everything that is ever written.
  const change = before === undefined ? { table, id, after } : after === undefined ? { table, id, before } : { table, id, before, after };
  return change as unknown as Change;
}

function encodeChange(change: Change) {
  return { table: change.table, id: change.id, value: change.after === undefined ? null : JSON.stringify(change.after) };
}

function makeTables(make: (name: TableName) => unknown): Record<TableName, unknown> {
  return Object.fromEntries(TABLE_NAMES.map((name) => [name, make(name)])) as Record<TableName, unknown>;
}
