import type { ServiceID } from '@swarm/shared/runtime/ids';
import type { SeatRef } from './dirty-set.ts';
import type { Scope } from './scope.ts';

/**
 * What is still to be decided, over as many passes as it takes: a task that has failed does not wait until a thousand new
 * services have their tasks. Of services those come first that have changed, first come first served, then those that are
 * due for a look although nothing has happened. What is taken together is committed together: a seat alone and a service
 * as a whole are not, since both would fill the same seat.
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

  /** Each is taken off as it is given. A seat of a service that has changed is left to that service's turn. */
  *takeSeats(): Generator<SeatRef> {
    for (const [key, ref] of this.#seats) {
      this.#seats.delete(key);
      if (!this.#changed.has(ref.serviceID)) yield ref;
    }
  }

  /** Each is taken off as it is given. */
  *takeServices(): Generator<ServiceID> {
    for (const id of this.#changed) {
      this.#changed.delete(id);
      this.#routine.delete(id);
      yield id;
    }
    for (const id of this.#routine) {
      this.#routine.delete(id);
      yield id;
    }
  }
}
