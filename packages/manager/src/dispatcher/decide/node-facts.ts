import type { Node } from '@swarm/shared/domain/objects';
import type { NodeDescription } from '@swarm/shared/engine-api/cluster-spec';
import type { NetworkProblem } from '@swarm/shared/protocol/network-state';
import type { EngineHealth } from '@swarm/shared/protocol/session';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';

/** What a session has learned of its node. */
export interface NodeFacts {
  readonly description?: NodeDescription;
  readonly engineHealth: EngineHealth;
  /** Without port. */
  readonly address: string;
  readonly dataPathAddr?: string;
  /** Absent: the node has not said anything of its networks in this session. */
  readonly networkProblems?: readonly NetworkProblem[];
}

/** Reasons as users of Docker know them. */
export const MESSAGE_UNKNOWN = 'Node moved to "unknown" state due to leadership change in cluster';
export const MESSAGE_SILENT = 'heartbeat failure';
export const MESSAGE_SILENT_UNKNOWN = 'heartbeat failure for node in "unknown" state';

/**
 * The node while its session is open; undefined when the store has it so already. A host that reaches no other takes no
 * new tasks, and keeps those it has.
 */
export function decideReady(node: Node, facts: NodeFacts): Node | undefined {
  const { description, engineHealth, address, dataPathAddr } = facts;
  const { networkProblems: known = [], dataPathAddr: _, ...before } = node;
  const problems = facts.networkProblems ?? known;
  const isolation = problems.find(isIsolation);
  const next: Node = {
    ...before,
    ...(description === undefined ? {} : { Description: description }),
    Status: isolation === undefined ? { State: 'ready', Addr: address } : { State: 'disconnected', Message: isolation.text, Addr: address },
    engineHealth,
    ...(dataPathAddr === undefined ? {} : { dataPathAddr }),
    ...(problems.length === 0 ? {} : { networkProblems: problems }),
  };
  return deepEqual(next, node) ? undefined : next;
}

/** The host as a whole reaches nobody. */
function isIsolation({ kind, networkID, peerNodeID }: NetworkProblem): boolean {
  return kind === 'unreachable' && networkID === undefined && peerNodeID === undefined;
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
