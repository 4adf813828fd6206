import type { ProbeNetwork, ProbePeer } from './verdict.ts';

export interface Pair {
  readonly peer: ProbePeer;
  readonly network: ProbeNetwork;
}

/** The key of a pair, for who remembers something of it. */
export function pairKey({ peer, network }: Pair): string {
  return `${peer.nodeID} ${network.networkID}`;
}

/**
 * Which pairs to look at now: at most `count`, so that what probing costs a host does not grow with the cluster. Those
 * not looked at for longest come first; of those that were looked at together, each peer's first network before any's
 * second. `lookedAt`: the number of the round, by key.
 */
export function pickPairs(peers: readonly ProbePeer[], lookedAt: ReadonlyMap<string, number>, count: number): readonly Pair[] {
  const pairs = peers.flatMap((peer) =>
    peer.networks.map((network, place) => ({ pair: { peer, network }, key: pairKey({ peer, network }), place })),
  );
  const last = (key: string) => lookedAt.get(key) ?? -1;
  return pairs
    .sort((a, b) => last(a.key) - last(b.key) || a.place - b.place || (a.key < b.key ? -1 : 1))
    .slice(0, count)
    .map(({ pair }) => pair);
}
