/** A binary heap of values: the one that `isBefore` puts first is on top. */
export class Heap<Value> {
  readonly #values: Value[];
  readonly #isBefore: (a: Value, b: Value) => boolean;

  constructor(isBefore: (a: Value, b: Value) => boolean, values: Value[] = []) {
    this.#isBefore = isBefore;
    this.#values = values;
    for (let at = (values.length >>> 1) - 1; at >= 0; at -= 1) this.#sink(at);
  }

  get top(): Value | undefined {
    return this.#values[0];
  }

  push(value: Value): void {
    const values = this.#values;
    let at = values.length;
    values.push(value);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = values[parent] as Value;
      if (!this.#isBefore(value, above)) break;
      values[at] = above;
      at = parent;
    }
    values[at] = value;
  }

  pop(): void {
    const last = this.#values.pop();
    if (last === undefined || this.#values.length === 0) return;
    this.#values[0] = last;
    this.#sink(0);
  }

  /** The value on top now ranks later than it did. */
  sinkTop(): void {
    if (this.#values.length > 1) this.#sink(0);
  }

  #sink(start: number): void {
    const values = this.#values;
    const value = values[start] as Value;
    let at = start;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= values.length) break;
      if (child + 1 < values.length && this.#isBefore(values[child + 1] as Value, values[child] as Value)) child += 1;
      if (!this.#isBefore(values[child] as Value, value)) break;
      values[at] = values[child] as Value;
      at = child;
    }
    values[at] = value;
  }
}

/**
 * A binary heap of small integers, each with a key of its own; the smallest key is on top. It knows where each member
 * stands, so that a key can change, or a member leave, in O(log n). Several heaps may share `keys` and `places` as long
 * as an integer is in one of them at a time.
 */
export class KeyedHeap {
  readonly #members: number[] = [];
  readonly #keys: Float64Array;
  /** Where a member stands in its heap; -1 outside. */
  readonly #places: Int32Array;

  constructor(keys: Float64Array, places: Int32Array) {
    this.#keys = keys;
    this.#places = places;
  }

  get size(): number {
    return this.#members.length;
  }

  get top(): number | undefined {
    return this.#members[0];
  }

  /** Adds the member, or moves it to where its new key belongs. */
  put(member: number, key: number): void {
    const place = this.#places[member] as number;
    if (place < 0) {
      this.#keys[member] = key;
      this.#members.push(member);
      this.#rise(this.#members.length - 1, member);
      return;
    }
    const former = this.#keys[member] as number;
    this.#keys[member] = key;
    if (key < former) this.#rise(place, member);
    else if (key > former) this.#sink(place, member);
  }

  remove(member: number): void {
    const place = this.#places[member] as number;
    if (place < 0) return;
    this.#places[member] = -1;
    const last = this.#members.pop() as number;
    if (last === member) return;
    if ((this.#keys[last] as number) < (this.#keys[member] as number)) this.#rise(place, last);
    else this.#sink(place, last);
  }

  #rise(start: number, member: number): void {
    const key = this.#keys[member] as number;
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = this.#members[parent] as number;
      if ((this.#keys[above] as number) <= key) break;
      this.#members[at] = above;
      this.#places[above] = at;
      at = parent;
    }
    this.#members[at] = member;
    this.#places[member] = at;
  }

  #sink(start: number, member: number): void {
    const key = this.#keys[member] as number;
    const size = this.#members.length;
    let at = start;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      const other = child + 1;
      if (other < size && (this.#keys[this.#members[other] as number] as number) < (this.#keys[this.#members[child] as number] as number)) {
        child = other;
      }
      const below = this.#members[child] as number;
      if ((this.#keys[below] as number) >= key) break;
      this.#members[at] = below;
      this.#places[below] = at;
      at = child;
    }
    this.#members[at] = member;
    this.#places[member] = at;
  }
}
