import type { Clock } from './clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/**
 * Time that moves only when told to, for tests and the simulation. Timers run one by one in the order in which they are
 * due (ties: in which they were set), and between two of them everything that needs no timer comes to rest.
 */
export class VirtualClock implements Clock {
  #elapsedMs = 0;
  #epochMs: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(epochMs = Date.UTC(2030, 0, 1)) {
    this.#epochMs = epochMs;
  }

  now(): number {
    return this.#epochMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    this.#order += 1;
    const timer: Timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#order, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Runs everything that is due within the next `durationMs`, then stands at that time. */
  async advance(durationMs: number): Promise<void> {
    const untilMs = this.#elapsedMs + durationMs;
    for (;;) {
      await settle();
      const timer = this.#next(untilMs);
      if (timer === undefined) break;
      this.#timers.delete(timer);
      this.#elapsedMs = Math.max(this.#elapsedMs, timer.dueMs);
      timer.callback();
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
  }

  /** Advances in small steps until `condition` holds. @throws when it does not within `limitMs`. */
  async advanceUntil(condition: () => boolean, limitMs: number, what = 'the condition'): Promise<void> {
    const limit = this.#elapsedMs + limitMs;
    await settle();
    while (!condition()) {
      const timer = this.#next(limit);
      if (timer === undefined) throw new Error(`${what} did not come about within ${limitMs} ms`);
      await this.advance(Math.max(0, timer.dueMs - this.#elapsedMs));
    }
  }

  /** Time passes and no timer runs: a blocked event loop, or a suspended machine. What was due runs at the next advance. */
  stall(durationMs: number): void {
    this.#elapsedMs += durationMs;
  }

  /** The wall clock is set to another time; durations do not notice. */
  jump(byMs: number): void {
    this.#epochMs += byMs;
  }

  #next(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.dueMs > untilMs) continue;
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) next = timer;
    }
    return next;
  }
}

/** A turn of the event loop: every promise that can resolve without the outside has done so by then. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
