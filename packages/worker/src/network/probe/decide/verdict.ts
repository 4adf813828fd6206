import type { NetworkProblem } from '@swarm/shared/protocol/network-state';

/** Of one packet or connection: an answer came; the other host said that nobody listens there; nothing came. */
export type Outcome = 'answered' | 'refused' | 'silent';

/** Another node and the networks that it shares with this one. */
export interface ProbePeer {
  readonly nodeID: string;
  /** For texts. */
  readonly hostname: string;
  /** On the underlay. */
  readonly address: string;
  readonly networks: readonly ProbeNetwork[];
}

export interface ProbeNetwork {
  readonly networkID: string;
  readonly name: string;
  /** The other node's address in the network. */
  readonly gateway: string;
  /** Bytes of the largest packet that containers of the network send. */
  readonly mtu: number;
  /** Whether names are answered there; not in ingress, where a refusal is the sign of life that is looked for. */
  readonly hasNames: boolean;
  /** UDP port of its VXLAN packets. */
  readonly dataPort: number;
}

/** What was seen between this node and another, through one network. What lies behind a silence was not looked at. */
export interface Seen {
  /** A small question over UDP. */
  readonly small: Outcome;
  /** The same in a packet as large as the network allows. */
  readonly full?: Outcome;
  /** The same over TCP. */
  readonly tcp: Outcome;
  /** To the host itself, beside the network; only where nothing came through it. */
  readonly underlay?: { readonly tcp: Outcome; readonly udp: Outcome };
}

/** What ails a pair in one network. */
export type Ailment = 'host-silent' | 'overlay-closed' | 'udp-blocked' | 'tcp-blocked' | 'mtu' | 'names';

export interface Finding {
  readonly peer: ProbePeer;
  readonly network: ProbeNetwork;
  readonly ailment: Ailment;
  /** Other networks of the two are well: the path between them is, and this one ails. */
  readonly alone?: boolean;
}

/** Undefined: all is well. A refusal shows that packets pass both ways as well as an answer does. */
export function decideAilment({ small, full, tcp, underlay }: Seen, hasNames: boolean): Ailment | undefined {
  if (small === 'silent' && tcp === 'silent') {
    const alive = underlay !== undefined && (underlay.tcp !== 'silent' || underlay.udp !== 'silent');
    return alive ? 'overlay-closed' : 'host-silent';
  }
  if (small === 'silent') return 'udp-blocked';
  if (full === 'silent') return 'mtu';
  if (tcp === 'silent') return 'tcp-blocked';
  return hasNames && (small === 'refused' || tcp === 'refused') ? 'names' : undefined;
}

const KINDS: Readonly<Record<Ailment, NetworkProblem['kind']>> = {
  'host-silent': 'unreachable',
  'overlay-closed': 'unreachable',
  'udp-blocked': 'unreachable',
  'tcp-blocked': 'unreachable',
  mtu: 'mtu',
  names: 'names',
};

const NAMED_NETWORKS = 3;
/** A report takes 200, of all that is wrong with the host. */
const MAX_FINDINGS = 150;

/** One problem for each node and ailment, however many networks show it, in the order of the node's ids. */
export function describeFindings(findings: readonly Finding[]): readonly NetworkProblem[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.peer.nodeID} ${finding.ailment}`;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, MAX_FINDINGS)
    .flatMap(([, group]) => {
      const sorted = group.toSorted((a, b) => (a.network.networkID < b.network.networkID ? -1 : 1));
      const [first] = sorted;
      if (first === undefined) return [];
      return [
        {
          ...(sorted.length === 1 && { networkID: first.network.networkID }),
          peerNodeID: first.peer.nodeID,
          kind: first.alone === true && KINDS[first.ailment] === 'unreachable' ? 'not-applied' : KINDS[first.ailment],
          text: explain(first, nameNetworks(sorted)),
        },
      ];
    });
}

/** With one peer it cannot be told which of the two is cut off. */
const LEAST_ALIVE = 2;

/**
 * Whether this host as a whole is cut off from the networks: nothing comes through any of them to any other host, though
 * at least two of those are alive. Hosts that are silent altogether prove nothing: they may be off, and this one may be
 * the last that can take their tasks.
 */
export function decideIsolation(peers: readonly ProbePeer[], findings: readonly Finding[]): NetworkProblem | undefined {
  const ailments = new Map(findings.map(({ peer, network, ailment }) => [`${peer.nodeID} ${network.networkID}`, ailment]));
  let alive = 0;
  for (const { nodeID, networks } of peers) {
    const own = networks.map(({ networkID }) => ailments.get(`${nodeID} ${networkID}`));
    if (!own.every((ailment) => ailment === 'overlay-closed' || ailment === 'host-silent')) return undefined;
    if (own.includes('overlay-closed')) alive += 1;
  }
  const dataPort = findings[0]?.network.dataPort;
  if (alive < LEAST_ALIVE || dataPort === undefined) return undefined;
  return {
    kind: 'unreachable',
    text: `nothing comes through any network between this host and the ${peers.length} others, though ${alive} of them answer: port ${dataPort}/udp is closed on this host; open it in its firewall and in the cloud's security group; until then it takes no new tasks`,
  };
}

function nameNetworks(findings: readonly Finding[]): string {
  const names = findings.map(({ network }) => `"${network.name}"`);
  const more = names.length - NAMED_NETWORKS;
  const shown = names.slice(0, NAMED_NETWORKS).join(', ');
  return `${names.length === 1 ? 'network' : 'networks'} ${shown}${more > 0 ? ` and ${more} more` : ''}`;
}

function explain({ peer, network, ailment, alone = false }: Finding, networks: string): string {
  const { dataPort } = network;
  const who = `${peer.hostname} (${peer.address})`;
  if (alone && (ailment === 'host-silent' || ailment === 'overlay-closed')) {
    return `nothing from ${who} comes back through ${networks}, though it does through others: that host has not made it yet, or cannot, which it says itself; or its firewall drops 53/udp and 53/tcp from the bridges of the networks, and its containers find no names`;
  }
  switch (ailment) {
    case 'host-silent':
      return `nothing from ${who} comes back, neither through ${networks} nor from the host itself: it is off or cut off, or a firewall between drops everything; the hosts need ${dataPort}/udp to each other, and 2377/tcp to managers`;
    case 'overlay-closed':
      return `${who} itself answers, but nothing comes through ${networks}: port ${dataPort}/udp is closed between the two hosts; open it both ways in the firewalls of both and in the cloud's security group`;
    case 'udp-blocked':
      return `UDP does not come through ${networks} to ${who}, TCP does: a firewall on one of the two drops UDP from the bridges of the networks; allow 53/udp from them`;
    case 'tcp-blocked':
      return `connections over TCP do not come through ${networks} to ${who}, UDP does: a firewall on one of the two drops TCP from the bridges of the networks; allow 53/tcp from them`;
    case 'mtu':
      return `packets of ${network.mtu} bytes do not come through ${networks} to ${who}, small ones do: the path between the hosts takes less than ${network.mtu + 50} bytes and drops the rest, so connections hang once they carry data; make the path's MTU equal on both hosts, or create the network with a smaller one (--opt com.docker.network.driver.mtu)`;
    case 'names':
      return `${who} is reached through ${networks} but answers no names there, so its containers find no service: its process "swarm net" does not run or its port 53 is taken by another; see the log of its daemon`;
  }
}
