import { ID_ALPHABET, ID_LENGTH, type Random } from '@swarm/shared/runtime/ids';

/** The one source of chance of a run: everything that is random comes from its seed, also what the product draws. */
export class Chance implements Random {
  #state: number;

  constructor(seed: number | string) {
    this.#state = hashText(`seed ${seed}`) || 1;
  }

  /** Mulberry32: small, fast, and good enough to choose faults with. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  id(): string {
    let id = '';
    for (let at = 0; at < ID_LENGTH; at += 1) id += ID_ALPHABET[Math.floor(this.fraction() * ID_ALPHABET.length)];
    return id;
  }

  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new Error('nothing to pick from');
    return items[Math.floor(this.fraction() * items.length)] as Item;
  }

  /** A stream of its own, so that what one part draws does not move what another one gets. */
  fork(name: string): Chance {
    return new Chance(`${this.fraction()} ${name}`);
  }
}

/** FNV-1a, 32 bits. */
export function hashText(text: string, start = 0x811c9dc5): number {
  let hash = start;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
