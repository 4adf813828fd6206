import { compareIDs, MemoryTable } from './memory-table.ts';
import type { ReadTable } from './store.ts';
import type { IndexName, TableName, Tables } from './tables.ts';

interface Readable<Name extends TableName> extends ReadTable<Name> {
  ids(): Iterable<string>;
  idsBy(index: string, key: string): Iterable<string>;
}

/**
 * Changes laid over another table without touching it. One layer holds the transactions that are not durable yet, a
 * second one the writes of the transaction that is running: dropping a layer is the rollback.
 */
export class LayeredTable<Name extends TableName> implements Readable<Name> {
  readonly #below: Readable<Name>;
  /** The objects written in this layer, with the same indexes. */
  readonly #written: MemoryTable<Name>;
  /** The ids removed in this layer, with the version of the transaction that did it. */
  readonly #removed = new Map<string, number>();

  constructor(name: Name, below: Readable<Name>) {
    this.#below = below;
    this.#written = new MemoryTable(name, 'on-demand');
  }

  get size(): number {
    let size = this.#below.size;
    for (const id of this.#removed.keys()) if (this.#below.get(id) !== undefined) size -= 1;
    for (const id of this.#written.ids()) if (this.#below.get(id) === undefined) size += 1;
    return size;
  }

  get(id: string): Tables[Name] | undefined {
    const written = this.#written.get(id);
    if (written !== undefined) return written;
    return this.#removed.size > 0 && this.#removed.has(id) ? undefined : this.#below.get(id);
  }

  all(): readonly Tables[Name][] {
    return this.#list(this.ids());
  }

  by(index: IndexName<Name>, key: string): readonly Tables[Name][] {
    return this.#list(this.idsBy(index, key));
  }

  count(index: IndexName<Name>, key: string): number {
    let count = 0;
    for (const _ of this.idsBy(index, key)) count += 1;
    return count;
  }

  byIDPrefix(prefix: string, limit: number): readonly Tables[Name][] {
    const below = this.#below.byIDPrefix(prefix, limit + this.#removed.size).map((object) => object.ID);
    const written = this.#written.byIDPrefix(prefix, limit).map((object) => object.ID);
    const ids = [...new Set([...below, ...written])].filter((id) => !this.#removed.has(id));
    return this.#list(ids).slice(0, limit);
  }

  *unordered(): Iterable<Tables[Name]> {
    for (const id of this.ids()) yield this.get(id) as Tables[Name];
  }

  *ids(): Iterable<string> {
    for (const id of this.#below.ids()) if (!this.#hides(id)) yield id;
    yield* this.#written.ids();
  }

  *idsBy(index: string, key: string): Iterable<string> {
    for (const id of this.#below.idsBy(index, key)) if (!this.#hides(id)) yield id;
    yield* this.#written.idsBy(index, key);
  }

  put(object: Tables[Name]): void {
    if (this.#removed.size > 0) this.#removed.delete(object.ID);
    this.#written.put(object);
  }

  delete(id: string, version: number): void {
    this.#written.delete(id);
    this.#removed.set(id, version);
  }

  /** The table below now has what transaction `version` made of `id`: forgets it here, unless a later one wrote it again. */
  settle(id: string, object: Tables[Name] | undefined, version: number): void {
    if (object === undefined && this.#removed.get(id) === version) this.#removed.delete(id);
    else if (object !== undefined && this.#written.get(id) === object) this.#written.delete(id);
  }

  #hides(id: string): boolean {
    return this.#removed.has(id) || this.#written.get(id) !== undefined;
  }

  #list(ids: Iterable<string>): Tables[Name][] {
    return [...ids].sort(compareIDs).map((id) => this.get(id) as Tables[Name]);
  }
}
