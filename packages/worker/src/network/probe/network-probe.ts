import type { NetworkProblem } from '@swarm/shared/protocol/network-state';
import type { Clock } from '@swarm/shared/runtime/clock';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import { startLoop } from '@swarm/shared/runtime/loop';
import { type Pair, pairKey, pickPairs } from './decide/sample.ts';
import {
  decideAilment,
  decideIsolation,
  describeFindings,
  type Finding,
  type Outcome,
  type ProbePeer,
  type Seen,
} from './decide/verdict.ts';
import type { ProbeWire } from './probe-wire.ts';

export interface NetworkProbeDeps {
  /** The nodes that share networks with this one, now. */
  readonly peers: () => readonly ProbePeer[];
  readonly wire: ProbeWire;
  readonly clock: Clock;
  /** The whole list whenever it is another one. */
  readonly onProblems: (problems: readonly NetworkProblem[]) => void;
  readonly onFailure: (error: unknown) => void;
}

const BEAT_MS = 5_000;
/** Of the pairs that are well, in each third beat: all of them where there are no more; else in turns. */
const PAIRS_PER_ROUND = 20;
const BEATS_PER_ROUND = 3;
/** Of those that are not, in each beat. */
const SUSPECTS_PER_BEAT = 20;
/** A packet is lost now and then: a silence is believed when it holds for so many tries, and in so many beats. */
const TRIES = 3;
const BEATS_BEFORE_REPORT = 2;

interface Suspicion {
  readonly finding: Finding;
  readonly beats: number;
}

/**
 * Looks, from this host, whether packets come through each network from each other host, and says what ails those pairs
 * through which they do not. The other host's name server is what answers: it stands on its address in each network, and
 * its port has to be open there anyway. The underlay is asked only where a network is silent: firewalls may close
 * everything on it but what the cluster needs, and that is no fault.
 */
export function startNetworkProbe(deps: NetworkProbeDeps): { stop(): Promise<void> } {
  const { wire, clock } = deps;
  const lookedAt = new Map<string, number>();
  const suspicions = new Map<string, Suspicion>();
  let beat = 0;
  let reported: readonly NetworkProblem[] = [];

  async function pass(signal: AbortSignal): Promise<void> {
    const peers = deps.peers();
    const pairs = new Map(
      peers.flatMap((peer) => peer.networks.map((network) => [pairKey({ peer, network }), { peer, network }] as const)),
    );
    for (const key of [...lookedAt.keys()]) if (!pairs.has(key)) lookedAt.delete(key);
    for (const key of [...suspicions.keys()]) if (!pairs.has(key)) suspicions.delete(key);
    await Promise.all(due(peers).map((pair) => look(pair)));
    beat += 1;
    if (!signal.aborted) report(peers);
  }

  function due(peers: readonly ProbePeer[]): readonly Pair[] {
    const suspected = pickPairs(
      keep(peers, (key) => suspicions.has(key)),
      lookedAt,
      SUSPECTS_PER_BEAT,
    );
    const isWell = (key: string) => !suspicions.has(key);
    // Whether it is the path or one network that ails, the others of the same two tell.
    const ofSuspects = peers.filter((peer) => peer.networks.some((network) => suspicions.has(pairKey({ peer, network }))));
    const beside = pickPairs(keep(ofSuspects, isWell), lookedAt, SUSPECTS_PER_BEAT - suspected.length);
    const inTurn = beat % BEATS_PER_ROUND === 0 ? pickPairs(keep(peers, isWell), lookedAt, PAIRS_PER_ROUND) : [];
    return [...new Map([...suspected, ...beside, ...inTurn].map((pair) => [pairKey(pair), pair])).values()];
  }

  /** Something comes through between this host and that one. */
  function isReached(peer: ProbePeer): boolean {
    return peer.networks.some((network) => {
      const key = pairKey({ peer, network });
      return lookedAt.has(key) && !suspicions.has(key);
    });
  }

  async function look(pair: Pair): Promise<void> {
    const key = pairKey(pair);
    const ailment = decideAilment(await see(wire, pair), pair.network.hasNames);
    lookedAt.set(key, beat);
    if (ailment === undefined) suspicions.delete(key);
    else suspicions.set(key, { finding: { ...pair, ailment }, beats: (suspicions.get(key)?.beats ?? 0) + 1 });
  }

  function report(peers: readonly ProbePeer[]): void {
    const reached = new Set(peers.filter(isReached).map(({ nodeID }) => nodeID));
    const findings = [...suspicions.values()]
      .filter(({ beats }) => beats >= BEATS_BEFORE_REPORT)
      .map(({ finding }) => (reached.has(finding.peer.nodeID) ? { ...finding, alone: true } : finding));
    const isolation = decideIsolation(peers, findings);
    const problems = [...(isolation === undefined ? [] : [isolation]), ...describeFindings(findings)];
    if (deepEqual(problems, reported)) return;
    reported = problems;
    deps.onProblems(problems);
  }

  const loop = startLoop({ clock, pass, onFailure: deps.onFailure, tickMs: BEAT_MS });
  return { stop: () => loop.stop() };
}

function keep(peers: readonly ProbePeer[], wanted: (key: string) => boolean): readonly ProbePeer[] {
  return peers.map((peer) => ({ ...peer, networks: peer.networks.filter((network) => wanted(pairKey({ peer, network }))) }));
}

async function see(wire: ProbeWire, { peer, network }: Pair): Promise<Seen> {
  const small = await persist(() => wire.askUdp(network.gateway));
  const tcp = await persist(() => wire.askTcp(network.gateway));
  if (small !== 'silent') return { small, tcp, full: await persist(() => wire.askUdp(network.gateway, network.mtu)) };
  if (tcp !== 'silent') return { small, tcp };
  const [overTcp, overUdp] = await Promise.all([persist(() => wire.knockTcp(peer.address)), persist(() => wire.knockUdp(peer.address))]);
  return { small, tcp, underlay: { tcp: overTcp, udp: overUdp } };
}

async function persist(send: () => Promise<Outcome>): Promise<Outcome> {
  let outcome: Outcome = 'silent';
  for (let attempt = 0; attempt < TRIES && outcome === 'silent'; attempt += 1) outcome = await send();
  return outcome;
}
