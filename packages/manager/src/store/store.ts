import type { IndexName, TableName, Tables } from './tables.ts';

/**
 * The store: the only meeting place of the manager's parts. In memory on the leader, made durable by the journal.
 * Nothing is visible to readers, watchers or workers before it is durable. Objects are never edited in place.
 */
export interface ReadTable<Name extends TableName> {
  get(id: string): Tables[Name] | undefined;
  /** All objects, ordered by id. Costs a pass over the table: prefer `by`. */
  all(): readonly Tables[Name][];
  /** All objects in no order, for whoever adds up or sorts himself: sorting a large table costs more than reading it. */
  unordered(): Iterable<Tables[Name]>;
  /** The objects that an index has under `key`, ordered by id. */
  by(index: IndexName<Name>, key: string): readonly Tables[Name][];
  /** How many objects `by` would give, without building the list. */
  count(index: IndexName<Name>, key: string): number;
  /** The objects whose id starts with `prefix`, ordered by id, at most `limit`. */
  byIDPrefix(prefix: string, limit: number): readonly Tables[Name][];
  readonly size: number;
}

export type ReadTransaction = { readonly [Name in TableName]: ReadTable<Name> } & {
  /** Of the newest transaction this view contains. */
  readonly version: number;
};

/** An object without what the store itself gives: version and times. */
export type Draft<Object extends { ID: string }> = Omit<Object, 'Version' | 'CreatedAt' | 'UpdatedAt'>;

export interface WriteTable<Name extends TableName> extends ReadTable<Name> {
  /** @throws StoreConflict when the id exists. */
  create(draft: Draft<Tables[Name]>): Tables[Name];
  /**
   * Replaces the object of the same id. `object.Version` names the version that was read.
   * @throws StoreConflict when the object has changed since, or is gone.
   */
  update(object: Tables[Name]): Tables[Name];
  /** @throws StoreConflict when there is no such object. */
  remove(id: string): void;
}

export type WriteTransaction = { readonly [Name in TableName]: WriteTable<Name> } & {
  /** The version that this transaction's writes will have. */
  readonly version: number;
};

/** One object's change. `before` absent: created; `after` absent: removed. */
export type Change = {
  readonly [Name in TableName]: {
    readonly table: Name;
    readonly id: string;
    readonly before?: Tables[Name];
    readonly after?: Tables[Name];
  };
}[TableName];

export interface Commit {
  readonly version: number;
  readonly changes: readonly Change[];
}

export interface Store {
  /** A consistent view of what is durable. Synchronous: keep `read` short, return values, not tables. */
  view<T>(read: (tx: ReadTransaction) => T): T;
  /**
   * Runs `write` at once on the newest state, not yet durable transactions included, and resolves with its result when
   * its changes are durable and visible. What `write` throws rejects the promise and changes nothing.
   * @throws StoreStopped when the journal has failed or the store was closed: whether earlier changes are durable may then be unknown.
   */
  update<T>(write: (tx: WriteTransaction) => T): Promise<T>;
  /**
   * Calls `listener` for every commit, in order, right after it became visible. The listener is synchronous, cheap and
   * never throws: it marks what is dirty and wakes a loop. Returns the function that ends the watch.
   */
  watch(listener: (commit: Commit) => void): () => void;
  /** As `view` and `watch` in one step: no commit falls between them. */
  viewAndWatch<T>(read: (tx: ReadTransaction) => T, listener: (commit: Commit) => void): { readonly value: T; readonly stop: () => void };
  /**
   * The cluster's time, milliseconds since the epoch: what objects are stamped with. It never goes back, also when the
   * clock of the host is set back or the store is loaded anew. Whoever compares with a stored time asks here.
   */
  now(): number;
  /** Waits for what is under way, then refuses further updates. */
  close(): Promise<void>;
}

export class StoreConflict extends Error {
  readonly table: TableName;
  readonly id: string;

  constructor(table: TableName, id: string, reason: string) {
    super(`${table} ${id}: ${reason}`);
    this.name = 'StoreConflict';
    this.table = table;
    this.id = id;
  }
}

export class StoreStopped extends Error {
  constructor(reason: string) {
    super(`the store has stopped: ${reason}`);
    this.name = 'StoreStopped';
  }
}
