import type { Clock } from '@swarm/shared/runtime/clock';

export interface NewsRoundsDeps {
  readonly clock: Clock;
  /** Who is to hear of news of this network, as it is now. */
  readonly nodesOf: (networkID: string) => Iterable<string>;
  readonly tell: (nodeID: string, networkID: string) => void;
}

/**
 * Nodes told in one turn of the event loop. What goes to a node is in memory, sealed for it, until the turn is over: to
 * thousands at once that is gigabytes, and malloc gives little of that back.
 */
const AT_ONCE = 100;

/** Tells all nodes of a network that there is news, in rounds: what comes while one goes around is told by the next. */
export class NewsRounds {
  readonly #deps: NewsRoundsDeps;
  /** Networks with a round under way: whether there has been more news since. */
  readonly #isThereMore = new Map<string, boolean>();

  constructor(deps: NewsRoundsDeps) {
    this.#deps = deps;
  }

  /** The first nodes are told at once. */
  start(networkID: string): void {
    if (this.#isThereMore.has(networkID)) this.#isThereMore.set(networkID, true);
    else this.#tell(networkID, [...this.#deps.nodesOf(networkID)]);
  }

  #tell(networkID: string, nodeIDs: readonly string[]): void {
    for (const nodeID of nodeIDs.slice(0, AT_ONCE)) this.#deps.tell(nodeID, networkID);
    const left = nodeIDs.slice(AT_ONCE);
    if (left.length > 0) {
      if (!this.#isThereMore.has(networkID)) this.#isThereMore.set(networkID, false);
      this.#deps.clock.setTimer(0, () => this.#tell(networkID, left));
      return;
    }
    const isThereMore = this.#isThereMore.get(networkID) === true;
    this.#isThereMore.delete(networkID);
    if (isThereMore) this.start(networkID);
  }
}
