/** How long an address that was given up is kept from other hosts: bridges forget where an address was after 300 s. */
export const REST_MS = 300_000;

/** Who asks for an address. One that was given up may go back to its seat on its node at once. */
export interface Claim {
  /** Who holds it then. */
  readonly owner: string;
  /** A slot, a node or a service: what outlives the owner. */
  readonly seat: string;
  /** Absent: bound to no host. */
  readonly nodeID?: string;
}

interface Rest {
  readonly untilMs: number;
  readonly place: string;
  readonly nodeID: string | undefined;
}

/**
 * A run of addresses: who holds which, and which rest. What is taken is derived from live objects only; what rests is
 * remembered for a while. A pick goes on after the last one, so an address comes again as late as possible.
 */
export class AddressRange {
  readonly #first: number;
  readonly #last: number;
  readonly #reserved: ReadonlySet<number>;
  readonly #holders = new Map<number, string>();
  /** In the order of their ends. */
  readonly #resting = new Map<number, Rest>();
  /** The newest resting address of a seat on a node. */
  readonly #bySeat = new Map<string, number>();
  #next: number;

  constructor(first: number, last: number, reserved: ReadonlySet<number> = new Set()) {
    this.#first = first;
    this.#last = last;
    this.#reserved = new Set([...reserved].filter((address) => address >= first && address <= last));
    this.#next = first;
  }

  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#last;
  }

  /** How many addresses can be given at all. */
  get size(): number {
    return this.#last - this.#first + 1 - this.#reserved.size;
  }

  get held(): number {
    return this.#holders.size;
  }

  holder(address: number): string | undefined {
    return this.#holders.get(address);
  }

  covers(address: number): boolean {
    return address >= this.#first && address <= this.#last;
  }

  isReserved(address: number): boolean {
    return this.#reserved.has(address);
  }

  /** It was given up on another host, or by another seat of this one that may come back, and rests. */
  restsElsewhere(address: number, { seat, nodeID }: Claim, nowMs: number): boolean {
    this.#endRests(nowMs);
    const rest = this.#resting.get(address);
    return rest !== undefined && rest.nodeID !== nodeID && rest.place !== placeOf(seat, nodeID);
  }

  hold(address: number, owner: string): void {
    this.#wake(address);
    this.#holders.set(address, owner);
  }

  /** `untilMs` undefined: it was never used, and needs no rest. */
  release(address: number, { owner, seat, nodeID }: Claim, untilMs: number | undefined): void {
    if (this.#holders.get(address) !== owner) return;
    this.#holders.delete(address);
    if (untilMs === undefined) return;
    const place = placeOf(seat, nodeID);
    this.#resting.set(address, { untilMs, place, nodeID });
    this.#bySeat.set(place, address);
  }

  /** The next pick begins after this address. */
  goOnAfter(address: number): void {
    if (this.covers(address)) this.#next = address + 1;
  }

  /** The address for a claim, not yet held; undefined when there is none. */
  pick({ seat, nodeID }: Claim, nowMs: number): number | undefined {
    this.#endRests(nowMs);
    return this.#bySeat.get(placeOf(seat, nodeID)) ?? this.#pickFresh() ?? this.#pickRested(nodeID);
  }

  #pickFresh(): number | undefined {
    if (this.#holders.size + this.#resting.size >= this.size) return undefined;
    for (;;) {
      const address = this.#next > this.#last ? this.#first : this.#next;
      this.#next = address + 1;
      if (!this.#holders.has(address) && !this.#resting.has(address) && !this.#reserved.has(address)) return address;
    }
  }

  /** What rests may stay on its host; what is bound to no host may be given again when there is nothing else. */
  #pickRested(nodeID: string | undefined): number | undefined {
    for (const [address, rest] of this.#resting) if (rest.nodeID === nodeID) return address;
    return undefined;
  }

  #endRests(nowMs: number): void {
    for (const [address, { untilMs }] of this.#resting) {
      if (untilMs > nowMs) return;
      this.#wake(address);
    }
  }

  #wake(address: number): void {
    const rest = this.#resting.get(address);
    if (rest === undefined) return;
    this.#resting.delete(address);
    if (this.#bySeat.get(rest.place) === address) this.#bySeat.delete(rest.place);
  }
}

function placeOf(seat: string, nodeID: string | undefined): string {
  return `${seat} ${nodeID ?? ''}`;
}
