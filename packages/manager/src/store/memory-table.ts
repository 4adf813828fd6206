import type { ReadTable } from './store.ts';
import { INDEXES, type IndexName, type Keys, type TableName, type Tables } from './tables.ts';

type IndexKeys<Name extends TableName> = (object: Tables[Name]) => Keys;

/** Ids are ASCII, so code units order them as everyone expects. */
export function compareIDs(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface Index<Name extends TableName> {
  readonly keysOf: IndexKeys<Name>;
  readonly ids: Postings;
}

/** Key → ids. Most keys of large tables have one id (a slot, a container), and a set for each would be half the store. */
type Postings = Map<string, string | Set<string>>;

/**
 * One table in memory with its indexes. Lists come out ordered by id, so that equal states give equal plans.
 * `on-demand` builds the indexes when one is first asked for and drops them with the last object: for the short-lived
 * layers that most transactions never search, where keeping indexes costs several times the write itself.
 */
export class MemoryTable<Name extends TableName> implements ReadTable<Name> {
  readonly #objects = new Map<string, Tables[Name]>();
  readonly #definitions: readonly (readonly [string, IndexKeys<Name>])[];
  readonly #onDemand: boolean;
  /** By name; undefined while nobody has asked for one. */
  #indexes: ReadonlyMap<string, Index<Name>> | undefined;
  /** All ids in order; undefined when one was added or removed since. */
  #ordered: string[] | undefined;

  constructor(name: Name, indexing: 'eager' | 'on-demand' = 'eager') {
    this.#definitions = Object.entries(INDEXES[name] as Readonly<Record<string, IndexKeys<Name>>>);
    this.#onDemand = indexing === 'on-demand';
    if (!this.#onDemand) this.#indexes = this.#buildIndexes();
  }

  get size(): number {
    return this.#objects.size;
  }

  get(id: string): Tables[Name] | undefined {
    return this.#objects.get(id);
  }

  all(): readonly Tables[Name][] {
    return this.#list(this.#orderedIDs());
  }

  unordered(): Iterable<Tables[Name]> {
    return this.#objects.values();
  }

  by(index: IndexName<Name>, key: string): readonly Tables[Name][] {
    return this.#list([...this.idsBy(index, key)].sort(compareIDs));
  }

  count(index: IndexName<Name>, key: string): number {
    const ids = this.#index(index).ids.get(key);
    return typeof ids === 'string' ? 1 : (ids?.size ?? 0);
  }

  byIDPrefix(prefix: string, limit: number): readonly Tables[Name][] {
    const ids = this.#orderedIDs();
    let low = 0;
    let high = ids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ids[middle] as string) < prefix) low = middle + 1;
      else high = middle;
    }
    const found: string[] = [];
    for (let at = low; at < ids.length && found.length < limit; at += 1) {
      const id = ids[at] as string;
      if (!id.startsWith(prefix)) break;
      found.push(id);
    }
    return this.#list(found);
  }

  ids(): Iterable<string> {
    return this.#objects.keys();
  }

  idsBy(index: string, key: string): ReadonlySet<string> {
    const ids = this.#index(index).ids.get(key) ?? EMPTY;
    return typeof ids === 'string' ? new Set([ids]) : ids;
  }

  put(object: Tables[Name]): void {
    const indexes = this.#indexes;
    if (indexes === undefined) {
      const former = this.#objects.size;
      this.#objects.set(object.ID, object);
      if (this.#objects.size !== former) this.#ordered = undefined;
      return;
    }
    const before = this.#objects.get(object.ID);
    this.#objects.set(object.ID, object);
    if (before === undefined) this.#ordered = undefined;
    for (const { keysOf, ids } of indexes.values()) {
      const keys = keysOf(object);
      const former = before === undefined ? undefined : keysOf(before);
      if (sameKeys(keys, former)) continue;
      for (const key of listed(former)) if (!listed(keys).includes(key)) removeFrom(ids, key, object.ID);
      for (const key of listed(keys)) addTo(ids, key, object.ID);
    }
  }

  delete(id: string): void {
    const before = this.#objects.get(id);
    if (before === undefined) return;
    this.#objects.delete(id);
    this.#ordered = undefined;
    if (this.#onDemand && this.#objects.size === 0) this.#indexes = undefined;
    for (const { keysOf, ids } of this.#indexes?.values() ?? []) for (const key of listed(keysOf(before))) removeFrom(ids, key, id);
  }

  #list(ids: readonly string[]): Tables[Name][] {
    return ids.map((id) => this.#objects.get(id) as Tables[Name]);
  }

  #orderedIDs(): readonly string[] {
    this.#ordered ??= [...this.#objects.keys()].sort(compareIDs);
    return this.#ordered;
  }

  #index(name: string): Index<Name> {
    this.#indexes ??= this.#buildIndexes();
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`no index "${name}"`);
    return index;
  }

  #buildIndexes(): ReadonlyMap<string, Index<Name>> {
    const indexes = new Map(this.#definitions.map(([index, keysOf]) => [index, { keysOf, ids: emptyPostings() }]));
    for (const { keysOf, ids } of indexes.values()) {
      for (const object of this.#objects.values()) for (const key of listed(keysOf(object))) addTo(ids, key, object.ID);
    }
    return indexes;
  }
}

const emptyPostings = (): Postings => new Map();
const EMPTY: ReadonlySet<string> = new Set();
const NO_KEYS: readonly string[] = [];

function listed(keys: Keys): readonly string[] {
  return keys === undefined ? NO_KEYS : typeof keys === 'string' ? [keys] : keys;
}

/** Called for every index with every write, and nearly always true: so it builds no lists. */
function sameKeys(a: Keys, b: Keys): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  return a.length === b.length && a.every((key, at) => key === b[at]);
}

function addTo(postings: Postings, key: string, id: string): void {
  const ids = postings.get(key);
  if (ids === undefined) postings.set(key, id);
  else if (typeof ids !== 'string') ids.add(id);
  else if (ids !== id) postings.set(key, new Set([ids, id]));
}

function removeFrom(postings: Postings, key: string, id: string): void {
  const ids = postings.get(key);
  if (ids === undefined) return;
  if (typeof ids === 'string') {
    if (ids === id) postings.delete(key);
    return;
  }
  ids.delete(id);
  if (ids.size === 0) postings.delete(key);
}
