import type { Clock } from '../runtime/clock.ts';
import { type Link, MAX_MESSAGE_BYTES } from './link.ts';

export type Direction = 'forth' | 'back';

/** How the network under an in-memory link behaves. Without hooks every message arrives in the next turn. */
export interface MemoryNetwork {
  readonly clock: Clock;
  /** How long the next message takes. Messages of one direction never overtake one another. */
  readonly delayMs?: (direction: Direction) => number;
  /** True loses the message, and with it the link: nothing after it arrives, both ends learn of it later. */
  readonly loses?: (direction: Direction) => boolean;
  /** How long the ends take to notice a broken link. */
  readonly noticeMs?: number;
}

export interface MemoryLinkPair {
  readonly near: Link;
  readonly far: Link;
  /** The cable is cut: messages are held, as TCP would, and neither end is told. */
  cut(): void;
  /** The cable is whole again: what was held arrives in order. */
  heal(): void;
  /** The connection is lost: nothing more arrives, both ends notice after `noticeMs`. */
  sever(reason: string): void;
}

/** Two ends of one link in memory: the fake behind the `Link` seam. */
export function memoryLinkPair(network: MemoryNetwork): MemoryLinkPair {
  const near = new MemoryLink('forth', network);
  const far = new MemoryLink('back', network);
  near.peer = far;
  far.peer = near;
  const both = [near, far];
  return {
    near,
    far,
    cut: () => {
      for (const link of both) link.held = true;
    },
    heal: () => {
      for (const link of both) link.release();
    },
    sever: (reason) => {
      for (const link of both) link.lose(reason);
    },
  };
}

class MemoryLink implements Link {
  peer: MemoryLink | undefined;
  held = false;
  bufferedBytes = 0;
  onDrain: () => void = () => undefined;
  onClose: (reason: string) => void = () => undefined;
  readonly #direction: Direction;
  readonly #network: MemoryNetwork;
  /** Sent and not yet arrived, oldest first: a message, or the close that follows the last one. */
  #inFlight: ({ readonly text: string } | { readonly closed: string })[] = [];
  /** Arrived before `onMessage` was set. */
  #early: (() => void)[] = [];
  #onMessage: ((message: unknown) => void) | undefined;
  #lastDueMs = 0;
  #lost = false;
  #closed = false;

  constructor(direction: Direction, network: MemoryNetwork) {
    this.#direction = direction;
    this.#network = network;
  }

  get onMessage(): (message: unknown) => void {
    return this.#onMessage ?? (() => undefined);
  }

  set onMessage(listener: (message: unknown) => void) {
    this.#onMessage = listener;
    if (this.#early.length === 0) return;
    this.#network.clock.setTimer(0, () => {
      for (const deliver of this.#early.splice(0)) deliver();
    });
  }

  send(message: unknown): void {
    if (this.#closed || this.#lost) return;
    const text = JSON.stringify(message);
    if (text.length > MAX_MESSAGE_BYTES) {
      this.close(`a message of ${text.length} bytes is over the bound of ${MAX_MESSAGE_BYTES}`);
      return;
    }
    if (this.#network.loses?.(this.#direction) === true) {
      this.lose('connection lost');
      this.peer?.lose('connection lost');
      return;
    }
    this.bufferedBytes += text.length;
    this.#post({ text });
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#post({ closed: reason });
    this.#end(reason);
  }

  release(): void {
    this.held = false;
    for (const _ of this.#inFlight) this.#network.clock.setTimer(this.#delay(), () => this.#arrive());
  }

  lose(reason: string): void {
    this.#lost = true;
    this.#inFlight = [];
    this.#network.clock.setTimer(this.#network.noticeMs ?? 0, () => this.#end(reason));
  }

  #post(parcel: { readonly text: string } | { readonly closed: string }): void {
    if (this.#lost) return;
    this.#inFlight.push(parcel);
    if (!this.held) this.#network.clock.setTimer(this.#delay(), () => this.#arrive());
  }

  #delay(): number {
    const now = this.#network.clock.monotonicMs();
    this.#lastDueMs = Math.max(this.#lastDueMs, now + (this.#network.delayMs?.(this.#direction) ?? 0));
    return this.#lastDueMs - now;
  }

  /** The oldest parcel reaches the peer. Each has a timer of its own; one that finds the cable cut leaves it to `release`. */
  #arrive(): void {
    if (this.held || this.#lost) return;
    const parcel = this.#inFlight.shift();
    if (parcel === undefined) return;
    if ('closed' in parcel) {
      this.peer?.receive(() => this.peer?.hear(parcel.closed));
      return;
    }
    this.bufferedBytes -= parcel.text.length;
    const message: unknown = JSON.parse(parcel.text);
    this.peer?.receive(() => this.peer?.take(message));
    if (this.bufferedBytes === 0 && !this.#closed) this.onDrain();
  }

  receive(deliver: () => void): void {
    if (this.#onMessage === undefined || this.#early.length > 0) this.#early.push(deliver);
    else deliver();
  }

  take(message: unknown): void {
    if (!this.#closed) this.#onMessage?.(message);
  }

  hear(reason: string): void {
    this.#end(reason);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#network.clock.setTimer(0, () => this.onClose(reason));
  }
}
