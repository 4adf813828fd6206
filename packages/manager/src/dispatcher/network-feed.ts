import { SharedMessage } from '@swarm/shared/protocol/link';
import type { NetworksApplied, NetworkUpdate } from '@swarm/shared/protocol/network-state';
import type { Clock } from '@swarm/shared/runtime/clock';
import { goneUpdate } from './decide/network-parts.ts';
import { MAX_BUFFERED_BYTES } from './decide/parts.ts';
import type { LiveTable } from './live-table.ts';
import type { NetworkTables } from './network-tables.ts';

export interface NetworkFeedDeps {
  readonly nodeID: string;
  readonly tables: NetworkTables;
  readonly clock: Clock;
  readonly link: { readonly bufferedBytes: number; send(message: SharedMessage<NetworkUpdate>): void };
  /** All that the node has use for has been sent once: what rests on it may follow. */
  readonly onFirstSent: () => void;
  /** A network that the node could not use before has been sent. */
  readonly onSent: (networkID: string) => void;
}

/** After changes have gone out, what comes within this time goes out together. The first after a quiet time goes at once. */
const GATHER_MS = 20;
/** How long a new session may take to say what the host has; without a word, it gets everything. */
const FIRST_WORD_MS = 500;

/** What the node has of a network, as far as it has been told. */
interface Held {
  /** What the node calls its revision. */
  readonly wire: number;
  /** The revision here that it equals. */
  readonly base: number;
  readonly checksum: string;
  /** The node finds itself in it: it can be used. */
  readonly isUsable: boolean;
}

/**
 * Keeps one connected node's networks as the tables have them. Only names of networks wait here: a slow node gets the
 * newest state when it is ready for it. A node that comes back with what it had is sent only what it lacks.
 */
export class NetworkFeed {
  readonly #deps: NetworkFeedDeps;
  readonly #held = new Map<string, Held>();
  /** What the node said it has applied, in this session: as revisions here, where it calls them otherwise. */
  readonly #applied = new Map<string, number>();
  readonly #dirty: Set<string>;
  /** The node cannot use a change of these. */
  readonly #lost = new Set<string>();
  #state: 'listening' | 'first' | 'following' | 'stopped' = 'listening';
  #sending:
    | { readonly networkID: string; readonly held: Held | undefined; readonly parts: readonly SharedMessage<NetworkUpdate>[]; next: number }
    | undefined;
  #quietUntilMs = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(deps: NetworkFeedDeps) {
    this.#deps = deps;
    this.#dirty = new Set(deps.tables.networksOfNode(deps.nodeID));
    this.#cancelTimer = deps.clock.setTimer(this.#dirty.size === 0 ? 0 : FIRST_WORD_MS, () => this.#begin());
  }

  changed(networkID: string): void {
    if (!this.#held.has(networkID) && this.#sending?.networkID !== networkID) return;
    this.#dirty.add(networkID);
    this.#wake();
  }

  /** The node has the network since now, or no longer. */
  moved(networkID: string): void {
    this.#dirty.add(networkID);
    this.#wake();
  }

  /** The node has the table of the network, with itself in it. */
  hasSent(networkID: string): boolean {
    return this.#held.get(networkID)?.isUsable === true;
  }

  /** The node follows this network, as it has said in this session, and has not applied this revision yet. */
  isBehind(networkID: string, revision: number): boolean {
    const applied = this.#applied.get(networkID);
    return applied !== undefined && applied < revision;
  }

  /** Undefined: the node has not said in this session that it has the network. */
  appliedRevision(networkID: string): number | undefined {
    return this.#applied.get(networkID);
  }

  /** What the node says it has. Where that is not what it should be, it is told anew. */
  applied(networks: NetworksApplied['networks']): void {
    const { tables, nodeID } = this.#deps;
    for (const { networkID, revision, checksum } of networks) {
      this.#applied.set(networkID, revision);
      const held = this.#held.get(networkID);
      const table = tables.get(networkID);
      if (table === undefined || !tables.has(nodeID, networkID)) this.#dirty.add(networkID);
      else if (this.#state === 'listening' && checksum === table.checksum) {
        this.#held.set(networkID, { wire: revision, base: table.revision, checksum, isUsable: table.peers.has(nodeID) });
      } else if (held !== undefined && (revision > held.wire || (revision === held.wire && checksum !== held.checksum))) {
        this.sendComplete(networkID);
      }
      const now = this.#held.get(networkID);
      // Under the name that it had with another manager, which may be older than that of the same table here.
      if (now !== undefined && now.wire === revision && now.checksum === checksum) this.#applied.set(networkID, now.base);
    }
    if (this.#state === 'listening') this.#begin();
    else this.#wake();
  }

  /** The node has lost the chain. */
  sendComplete(networkID: string): void {
    this.#lost.add(networkID);
    this.#dirty.add(networkID);
    this.#wake();
  }

  /** The link has room again. */
  drained(): void {
    if (this.#sending !== undefined) this.#pump();
    else this.#wake();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#cancelTimer?.();
  }

  #begin(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#state = 'first';
    this.#pump();
  }

  #wake(): void {
    if (this.#state === 'listening' || this.#state === 'stopped' || this.#cancelTimer !== undefined || this.#sending !== undefined) return;
    if (this.#dirty.size === 0) return;
    const wait = Math.max(0, this.#quietUntilMs - this.#deps.clock.monotonicMs());
    this.#cancelTimer = this.#deps.clock.setTimer(wait, () => {
      this.#cancelTimer = undefined;
      this.#pump();
    });
  }

  /** Sends while there is room. Comes back by `drained` when there is none. */
  #pump(): void {
    const { link, clock } = this.#deps;
    while (this.#state !== 'stopped' && link.bufferedBytes <= MAX_BUFFERED_BYTES) {
      this.#sending ??= this.#nextNetwork();
      const sending = this.#sending;
      if (sending === undefined) {
        this.#quietUntilMs = clock.monotonicMs() + GATHER_MS;
        if (this.#state === 'first') {
          this.#state = 'following';
          this.#deps.onFirstSent();
        }
        return;
      }
      const part = sending.parts[sending.next];
      sending.next += 1;
      // Before it is sent: the answer to it must find what it answers.
      if (sending.next >= sending.parts.length) this.#finish(sending.networkID, sending.held);
      if (part !== undefined) link.send(part);
    }
  }

  #finish(networkID: string, held: Held | undefined): void {
    this.#sending = undefined;
    const isNew = held?.isUsable === true && !this.hasSent(networkID);
    if (held === undefined) this.#held.delete(networkID);
    else this.#held.set(networkID, held);
    if (isNew) this.#deps.onSent(networkID);
  }

  #nextNetwork() {
    const { tables, nodeID } = this.#deps;
    for (const networkID of this.#dirty) {
      this.#dirty.delete(networkID);
      const table = tables.get(networkID);
      if (table === undefined || !tables.has(nodeID, networkID)) {
        this.#applied.delete(networkID);
        return { networkID, held: undefined, parts: [new SharedMessage(goneUpdate(networkID))], next: 0 };
      }
      const held = this.#held.get(networkID);
      const isLost = this.#lost.delete(networkID);
      if (held?.base === table.revision && !isLost) continue;
      const parts = (held && !isLost && table.changeSince(held.base, held.wire)) || table.complete();
      return { networkID, held: heldOf(table, nodeID), parts, next: 0 };
    }
    return undefined;
  }
}

function heldOf({ revision, checksum, peers }: LiveTable, nodeID: string): Held {
  return { wire: revision, base: revision, checksum, isUsable: peers.has(nodeID) };
}
