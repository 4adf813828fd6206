import type { Clock } from '@swarm/shared/runtime/clock';
import type { ContainerPlace } from '../seams/task-containers.ts';

/** Execs that are remembered at once. */
const MAX_EXECS = 10_000;
/** An engine forgets an exec that has ended after five minutes; one that nobody asks about for an hour is not missed. */
const KEEP_MS = 60 * 60_000;

/**
 * Where the execs run that were made through this manager: their ids are the engine's own and say nothing of the node.
 * Kept in order of use, so that what goes first is what was used longest ago.
 */
export class ExecDirectory {
  readonly #clock: Clock;
  readonly #places = new Map<string, { readonly place: ContainerPlace; readonly usedAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  remember(execID: string, place: ContainerPlace): void {
    const now = this.#clock.monotonicMs();
    this.#places.delete(execID);
    this.#places.set(execID, { place, usedAt: now });
    for (const [oldest, { usedAt }] of this.#places) {
      if (this.#places.size <= MAX_EXECS && now - usedAt <= KEEP_MS) break;
      this.#places.delete(oldest);
    }
  }

  find(execID: string): ContainerPlace | undefined {
    const known = this.#places.get(execID);
    if (known === undefined) return undefined;
    if (this.#clock.monotonicMs() - known.usedAt > KEEP_MS) {
      this.#places.delete(execID);
      return undefined;
    }
    this.remember(execID, known.place);
    return known.place;
  }
}
