import type { Clock } from '@swarm/shared/runtime/clock';
import type { ManagerReach } from './worker-ports.ts';

/**
 * Whether a manager can be reached now. No session for a heartbeat period means that none can: a shorter gap is a
 * reconnect, and nothing may be decided in it that the manager would decide otherwise.
 */
export class Reach {
  readonly #clock: Clock;
  readonly #listeners = new Set<(reach: ManagerReach) => void>();
  #now: ManagerReach = 'uncertain';
  #cancelTimer: () => void;
  #stopped = false;

  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock;
    this.#cancelTimer = this.#giveUpAfter(patienceMs);
  }

  get now(): ManagerReach {
    return this.#now;
  }

  connected(): void {
    this.#cancelTimer();
    this.#set('connected');
  }

  lost(patienceMs: number): void {
    if (this.#stopped || this.#now !== 'connected') return;
    this.#cancelTimer = this.#giveUpAfter(patienceMs);
    this.#set('uncertain');
  }

  watch(listener: (reach: ManagerReach) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Nothing is waited for any more; what happens afterwards changes nothing. */
  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
    this.#listeners.clear();
  }

  #giveUpAfter(patienceMs: number): () => void {
    return this.#clock.setTimer(patienceMs, () => this.#set('unreachable'));
  }

  #set(reach: ManagerReach): void {
    if (this.#now === reach) return;
    this.#now = reach;
    for (const listener of this.#listeners) listener(reach);
  }
}
