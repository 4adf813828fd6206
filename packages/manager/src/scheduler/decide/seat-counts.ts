import type { Seat } from './inventory.ts';

/**
 * How many active tasks a service has on each node, nodes without any left out. Most services have tasks on one node
 * only, and a map for each of them would be most of the inventory: the map comes with the second node.
 */
export class SeatCounts {
  #seat: Seat | undefined;
  #count = 0;
  #rest: Map<Seat, number> | undefined;

  get size(): number {
    return (this.#count > 0 ? 1 : 0) + (this.#rest?.size ?? 0);
  }

  get(seat: Seat): number {
    return seat === this.#seat ? this.#count : (this.#rest?.get(seat) ?? 0);
  }

  add(seat: Seat, change: number): void {
    if (this.#count === 0 && !this.#rest?.has(seat)) this.#seat = seat;
    if (seat === this.#seat) {
      this.#count = Math.max(0, this.#count + change);
      if (this.#count === 0) this.#seat = undefined;
      return;
    }
    this.#rest ??= new Map();
    const count = (this.#rest.get(seat) ?? 0) + change;
    if (count > 0) this.#rest.set(seat, count);
    else this.#rest.delete(seat);
  }

  *[Symbol.iterator](): Iterator<readonly [Seat, number]> {
    if (this.#seat !== undefined) yield [this.#seat, this.#count];
    if (this.#rest !== undefined) yield* this.#rest;
  }
}
