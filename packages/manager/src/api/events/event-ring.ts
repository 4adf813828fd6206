import type { Clock } from '@swarm/shared/runtime/clock';
import type { Store } from '../../store/store.ts';
import { eventOf, type SwarmEvent } from './swarm-event.ts';

/** As many as Docker's daemon keeps for clients that ask for the past. */
const KEPT = 256;

/** The cluster's latest events, and those who listen. Follows the store of whichever manager runs here now. */
export class EventRing {
  readonly #clock: Clock;
  readonly #kept: SwarmEvent[] = [];
  readonly #listeners = new Set<(event: SwarmEvent) => void>();
  #store: Store | undefined;
  #stop: () => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  attach(store: Store | undefined): void {
    if (store === this.#store) return;
    this.#stop();
    this.#store = store;
    this.#stop = store === undefined ? () => undefined : this.#follow(store);
  }

  /** The events since then that are still known, oldest first. */
  since(epochMs: number): readonly SwarmEvent[] {
    return this.#kept.filter((event) => event.timeNano >= epochMs * 1_000_000);
  }

  listen(listener: (event: SwarmEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #follow(store: Store): () => void {
    return store.watch((commit) => {
      const now = this.#clock.now();
      for (const change of commit.changes) {
        const event = eventOf(change, now);
        if (event === undefined) continue;
        this.#kept.push(event);
        if (this.#kept.length > KEPT) this.#kept.shift();
        for (const listener of this.#listeners) listener(event);
      }
    });
  }
}
