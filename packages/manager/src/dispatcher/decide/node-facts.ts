import type { Node } from '@swarm/shared/domain/objects';
import type { NodeDescription } from '@swarm/shared/engine-api/cluster-spec';
import type { NetworkProblem } from '@swarm/shared/protocol/network-state';
import type { EngineHealth, TrustReport } from '@swarm/shared/protocol/session';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';

/** What a session has learned of its node. */
export interface NodeFacts {
  readonly description?: NodeDescription;
  readonly engineHealth: EngineHealth;
  /** Absent where its link needs no certificates. */
  readonly trust?: TrustReport;
  /** Without port. */
  readonly address: string;
  readonly dataPathAddr?: string;
  /** Absent: the node has not said anything of its networks in this session. */
  readonly networkProblems?: readonly NetworkProblem[];
}

/** What the reports of a node are measured by. */
export interface Surroundings {
  /** The other nodes that are connected now. */
  readonly others: () => readonly string[];
  readonly ingressID: string | undefined;
}

/** Reasons as users of Docker know them. */
export const MESSAGE_UNKNOWN = 'Node moved to "unknown" state due to leadership change in cluster';
export const MESSAGE_SILENT = 'heartbeat failure';
export const MESSAGE_SILENT_UNKNOWN = 'heartbeat failure for node in "unknown" state';

/**
 * The node while its session is open; undefined when the store has it so already. A host that reaches no other takes no
 * new tasks, and keeps those it has.
 */
export function decideReady(node: Node, facts: NodeFacts, surroundings: Surroundings): Node | undefined {
  const { engineHealth, trust, address, dataPathAddr } = facts;
  const { networkProblems: known = [], dataPathAddr: _, lacksNetworks: _lacks, ...before } = node;
  const description = describedWith(trust, facts.description ?? node.Description);
  const reported = networkProblemsOf({ networkProblems: known }, facts);
  const others = reported.length === 0 ? [] : surroundings.others();
  // That a host which is away is not reached is no fault of the networks.
  const problems = reported.filter(({ peerNodeID }) => peerNodeID === undefined || others.includes(peerNodeID));
  const isolation = explainIsolation(problems, others);
  const next: Node = {
    ...before,
    ...(description === undefined ? {} : { Description: description }),
    Status: isolation === undefined ? { State: 'ready', Addr: address } : { State: 'disconnected', Message: isolation, Addr: address },
    engineHealth,
    ...(trust === undefined ? {} : { trustedRoots: trust.roots }),
    ...(dataPathAddr === undefined ? {} : { dataPathAddr }),
    ...(problems.length === 0 ? {} : { networkProblems: problems }),
    ...(problems.some((problem) => isLack(problem, surroundings.ingressID)) ? { lacksNetworks: true } : {}),
  };
  return deepEqual(next, node) ? undefined : next;
}

/** A host describes its machine and engine; what its certificates are it reports apart, at once when they change. */
function describedWith(trust: TrustReport | undefined, description: NodeDescription | undefined): NodeDescription | undefined {
  return trust === undefined || description === undefined ? description : { ...description, TLSInfo: trust.tlsInfo };
}

/** What the host says now of its networks; until it has said something, what it said last. */
export function networkProblemsOf({ networkProblems = [] }: Pick<Node, 'networkProblems'>, facts: NodeFacts): readonly NetworkProblem[] {
  return facts.networkProblems ?? networkProblems;
}

/** With two hosts that do not reach each other nobody knows whose fault it is, and neither is shut out. */
const OTHERS_TO_JUDGE = 2;

/** Why the host counts as cut off: it reaches none of several others that are there. */
function explainIsolation(problems: readonly NetworkProblem[], others: readonly string[]): string | undefined {
  const unreachable = problems.filter(({ kind }) => kind === 'unreachable');
  const whole = unreachable.find(({ networkID, peerNodeID }) => networkID === undefined && peerNodeID === undefined);
  if (whole !== undefined) return whole.text;
  const missing = new Set(unreachable.map(({ peerNodeID }) => peerNodeID));
  if (others.length < OTHERS_TO_JUDGE || !others.every((id) => missing.has(id))) return undefined;
  return `the networks of this host reach none of the ${others.length} other nodes, so it takes no new tasks: ${unreachable[0]?.text ?? ''}`;
}

/** Every node is in the ingress network: a host that cannot have it can have none. */
function isLack({ kind, networkID }: NetworkProblem, ingressID: string | undefined): boolean {
  return kind === 'unsupported' && (networkID === undefined || networkID === ingressID);
}

/** The node after silence; undefined when it was given up before. */
export function decideDown(node: Node): Node | undefined {
  if (node.Status.State === 'down') return undefined;
  const Message = node.Status.State === 'unknown' ? MESSAGE_SILENT_UNKNOWN : MESSAGE_SILENT;
  return { ...node, Status: { ...node.Status, State: 'down', Message } };
}

/** The node as a manager that has just started sees it. What was down stays down until it is heard. */
export function decideUnknown(node: Node): Node | undefined {
  if (node.Status.State === 'down') return undefined;
  const next: Node = { ...node, Status: { ...node.Status, State: 'unknown', Message: MESSAGE_UNKNOWN } };
  return deepEqual(next, node) ? undefined : next;
}
