import { hashText } from './chance.ts';
import type { SimulatedTime } from './time.ts';

/** What happened, in order: the log a person reads when a seed fails, and the hash by which two runs are compared. */
export class Story {
  readonly #time: SimulatedTime;
  readonly #keepsAll: boolean;
  readonly #lines: string[] = [];
  #hash = 0x811c9dc5;

  /** `keepsAll`: also what the product did, commit by commit. Without it only faults and operations are kept as text. */
  constructor(time: SimulatedTime, keepsAll: boolean) {
    this.#time = time;
    this.#keepsAll = keepsAll;
  }

  /** Something done to the cluster. */
  tell(text: string): void {
    this.#mix(text);
    this.#lines.push(`${this.#stamp()}  ${text}`);
  }

  /** Something the cluster did. `text` is only built when it is kept. */
  note(key: string, text: () => string): void {
    this.#mix(key);
    if (this.#keepsAll) this.#lines.push(`${this.#stamp()}      ${text()}`);
  }

  get keepsAll(): boolean {
    return this.#keepsAll;
  }

  get hash(): string {
    return this.#hash.toString(16).padStart(8, '0');
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  #mix(text: string): void {
    this.#hash = hashText(text, (this.#hash ^ this.#time.monotonicMs()) >>> 0);
  }

  #stamp(): string {
    const ms = this.#time.monotonicMs();
    const minutes = Math.floor(ms / 60_000);
    const seconds = ((ms % 60_000) / 1000).toFixed(3).padStart(6, '0');
    return `${String(minutes).padStart(3)}:${seconds}`;
  }
}
