import type { ReadTable } from './store.ts';
import { INDEXES, type IndexName, type TableName, type Tables } from './tables.ts';

type IndexKeys<Name extends TableName> = (object: Tables[Name]) => readonly string[];

/** Ids are ASCII, so code units order them as everyone expects. */
export function compareIDs(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** One table in memory with its indexes. Lists come out ordered by id, so that equal states give equal plans. */
export class MemoryTable<Name extends TableName> implements ReadTable<Name> {
  readonly #objects = new Map<string, Tables[Name]>();
  readonly #indexes: ReadonlyMap<string, { readonly keysOf: IndexKeys<Name>; readonly ids: Map<string, Set<string>> }>;
  /** All ids in order; undefined when one was added or removed since. */
  #ordered: string[] | undefined;

  constructor(name: Name) {
    const definitions = INDEXES[name] as Readonly<Record<string, IndexKeys<Name>>>;
    this.#indexes = new Map(Object.entries(definitions).map(([index, keysOf]) => [index, { keysOf, ids: new Map() }]));
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

  by(index: IndexName<Name>, key: string): readonly Tables[Name][] {
    return this.#list([...this.idsBy(index, key)].sort(compareIDs));
  }

  count(index: IndexName<Name>, key: string): number {
    return this.idsBy(index, key).size;
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
    return this.#index(index).ids.get(key) ?? EMPTY;
  }

  put(object: Tables[Name]): void {
    const before = this.#objects.get(object.ID);
    this.#objects.set(object.ID, object);
    if (before === undefined) this.#ordered = undefined;
    for (const { keysOf, ids } of this.#indexes.values()) {
      const keys = keysOf(object);
      if (before !== undefined) {
        for (const key of keysOf(before)) if (!keys.includes(key)) removeFrom(ids, key, object.ID);
      }
      for (const key of keys) {
        const set = ids.get(key);
        if (set === undefined) ids.set(key, new Set([object.ID]));
        else set.add(object.ID);
      }
    }
  }

  delete(id: string): void {
    const before = this.#objects.get(id);
    if (before === undefined) return;
    this.#objects.delete(id);
    this.#ordered = undefined;
    for (const { keysOf, ids } of this.#indexes.values()) for (const key of keysOf(before)) removeFrom(ids, key, id);
  }

  #list(ids: readonly string[]): Tables[Name][] {
    return ids.map((id) => this.#objects.get(id) as Tables[Name]);
  }

  #orderedIDs(): readonly string[] {
    this.#ordered ??= [...this.#objects.keys()].sort(compareIDs);
    return this.#ordered;
  }

  #index(name: string) {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new Error(`no index "${name}"`);
    return index;
  }
}

const EMPTY: ReadonlySet<string> = new Set();

function removeFrom(ids: Map<string, Set<string>>, key: string, id: string): void {
  const set = ids.get(key);
  if (set === undefined) return;
  set.delete(id);
  if (set.size === 0) ids.delete(key);
}
