import type { Clock } from '@swarm/shared/runtime/clock';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  callback: (() => void) | undefined;
}

/** Turns after which the event loop gets its own, so that a test runner stays alive. */
const TURNS_PER_BREATH = 20_000;

/**
 * The time of a run: it jumps from one timer to the next. Between two timers everything that needs no timer comes to
 * rest: nothing here does real input or output, so that is when the queue of promises is empty.
 */
export class SimulatedTime implements Clock {
  #elapsedMs = 0;
  #order = 0;
  #turns = 0;
  readonly #epochMs = Date.UTC(2030, 0, 1);
  /** Binary heap, the nearest first; ties in the order in which they were set. */
  readonly #heap: Timer[] = [];

  now(): number {
    return this.#epochMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  get turns(): number {
    return this.#turns;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    this.#order += 1;
    const timer: Timer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#order, callback };
    this.#push(timer);
    return () => {
      timer.callback = undefined;
    };
  }

  /** Runs until `untilMs`, or until `isOver` says so after a turn. Rejects with what a timer throws. */
  run(untilMs: number, isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const rest = (next: () => void) => {
        this.#turns += 1;
        if (this.#turns % TURNS_PER_BREATH === 0) setImmediate(next);
        // A tick that is asked for by a promise's callback comes when the queue of promises is empty, and not before.
        else queueMicrotask(() => process.nextTick(next));
      };
      const turn = () => {
        try {
          if (isOver()) return resolve();
          const timer = this.#next(untilMs);
          if (timer === undefined) {
            this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
            return resolve();
          }
          this.#elapsedMs = timer.dueMs;
          const { callback } = timer;
          timer.callback = undefined;
          callback?.();
        } catch (error) {
          return reject(error);
        }
        rest(turn);
      };
      rest(turn);
    });
  }

  #next(untilMs: number): Timer | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined) return undefined;
      if (first.callback !== undefined && first.dueMs > untilMs) return undefined;
      this.#pop();
      if (first.callback !== undefined) return first;
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Timer;
      if (!isBefore(timer, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child += 1;
      if (!isBefore(heap[child] as Timer, last)) break;
      heap[at] = heap[child] as Timer;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
