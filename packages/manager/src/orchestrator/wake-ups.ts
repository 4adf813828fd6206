import type { Clock } from '@swarm/shared/runtime/clock';

/** Times at which something is to be looked at again, one per key, with a single timer for the nearest. */
export class WakeUps<Subject> {
  readonly #clock: Clock;
  readonly #onDue: (due: readonly Subject[]) => void;
  readonly #times = new Map<string, { readonly atMs: number; readonly subject: Subject }>();
  #armedForMs = Number.POSITIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, onDue: (due: readonly Subject[]) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** `atMs` undefined: no more. */
  set(key: string, subject: Subject, atMs: number | undefined): void {
    if (atMs === undefined) {
      this.#times.delete(key);
      return;
    }
    this.#times.set(key, { atMs, subject });
    if (atMs < this.#armedForMs) this.#arm(atMs);
  }

  stop(): void {
    this.#cancel?.();
    this.#times.clear();
  }

  #arm(atMs: number): void {
    this.#cancel?.();
    this.#armedForMs = atMs;
    this.#cancel = this.#clock.setTimer(Math.max(0, atMs - this.#clock.now()), () => this.#ring());
  }

  #ring(): void {
    this.#armedForMs = Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    const due: Subject[] = [];
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [key, { atMs, subject }] of this.#times) {
      if (atMs <= now) {
        due.push(subject);
        this.#times.delete(key);
      } else {
        nextMs = Math.min(nextMs, atMs);
      }
    }
    if (Number.isFinite(nextMs)) this.#arm(nextMs);
    if (due.length > 0) this.#onDue(due);
  }
}
