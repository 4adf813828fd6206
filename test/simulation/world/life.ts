import type { Clock } from '@swarm/shared/runtime/clock';
import type { SimulatedTime } from './time.ts';

/** The wall clock of one host, which somebody may set. */
export interface WallClock {
  offsetMs: number;
}

/**
 * One life of a process, from its start to its sudden end. All it can learn of the world comes through here: once it
 * is dead nothing reaches it any more, and what it asked for is done or not but never answered; while it is frozen
 * everything waits.
 */
export class Life implements Clock {
  readonly #time: SimulatedTime;
  readonly #wall: WallClock;
  #isDead = false;
  #isFrozen = false;
  #held: (() => void)[] = [];

  constructor(time: SimulatedTime, wall: WallClock) {
    this.#time = time;
    this.#wall = wall;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  now(): number {
    return this.#time.now() + this.#wall.offsetMs;
  }

  monotonicMs(): number {
    return this.#time.monotonicMs();
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    if (this.#isDead) return () => undefined;
    let isCancelled = false;
    const cancel = this.#time.setTimer(delayMs, () => this.reach(() => isCancelled || callback()));
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  /** Lets the process notice something: now, when it thaws, or never. */
  reach(notice: () => void): void {
    if (this.#isDead) return;
    if (this.#isFrozen) this.#held.push(notice);
    else notice();
  }

  /** The answer to a call that the process made: it comes as long as there is somebody to get it. */
  answer<Value>(call: () => Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.#isDead) return;
      call().then(
        (value) => this.reach(() => resolve(value)),
        (error: unknown) => this.reach(() => reject(error)),
      );
    });
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const notice of this.#held.splice(0)) this.#time.setTimer(0, () => this.reach(notice));
  }

  end(): void {
    this.#isDead = true;
    this.#held = [];
  }
}
