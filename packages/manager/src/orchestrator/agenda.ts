import type { ServiceID } from '@swarm/shared/runtime/ids';
import type { SeatRef } from './dirty-set.ts';
import type { Scope } from './scope.ts';

/** Seats that are looked at before the next service has its turn. */
const SEATS_PER_SERVICE = 100;

/**
 * What is still to be decided, over as many passes as it takes: a task that has failed does not wait until a thousand new
 * services have their tasks. Single seats come first, a service between them now and then; of services those that have
 * changed, first come first served, then those that are due for a look although nothing has happened.
 */
export class Agenda {
  readonly #seats = new Map<string, SeatRef>();
  readonly #changed = new Set<ServiceID>();
  readonly #routine = new Set<ServiceID>();

  get isEmpty(): boolean {
    return this.#seats.size + this.#changed.size + this.#routine.size === 0;
  }

  add({ services, seats }: Scope): void {
    for (const id of services) this.#changed.add(id);
    for (const ref of seats) this.#seats.set(ref.key, ref);
  }

  addRoutine(services: Iterable<ServiceID>): void {
    for (const id of services) this.#routine.add(id);
  }

  /** What is next, taken off as it is given; ends when nothing is left. */
  *take(): Generator<ServiceID | SeatRef> {
    while (!this.isEmpty) {
      yield* this.#takeSeats();
      const [id] = this.#changed.size > 0 ? this.#changed : this.#routine;
      if (id === undefined) continue;
      this.#changed.delete(id);
      this.#routine.delete(id);
      yield id;
    }
  }

  /** A seat of a service that is to be decided as a whole is decided with it. */
  *#takeSeats(): Generator<SeatRef> {
    let taken = 0;
    for (const [key, ref] of this.#seats) {
      if (taken === SEATS_PER_SERVICE) return;
      this.#seats.delete(key);
      if (this.#changed.has(ref.serviceID)) continue;
      taken += 1;
      yield ref;
    }
  }
}
