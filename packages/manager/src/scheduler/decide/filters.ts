import { meetsConstraints, meetsPlatforms } from '@swarm/shared/domain/constraints';
import type { Node } from '@swarm/shared/domain/objects';
import { HOST_PORT_IN_USE } from '@swarm/shared/domain/placement-reasons';
import type { FilterName } from '../../seams/placement-preview.ts';
import type { Demand, PluginDemand } from './demand.ts';
import { claimGeneric } from './generic-resources.ts';
import type { NodeLoad } from './node-load.ts';

/**
 * The filters, in the order in which they are asked; the first that refuses is the cause that the user is told.
 * Source of order and wording: Docker Engine API, swarm routes, "Scheduler".
 */
export interface Filter {
  readonly name: FilterName;
  /** What the verdict looks at: the node object only, the load of the node too, or the service's own tasks on it. */
  readonly looksAt: 'node' | 'load' | 'service';
  /** False: tasks with this demand pass on every node. */
  applies(demand: Demand): boolean;
  /** `own` is the number of active tasks of the same service on the node. */
  check(demand: Demand, node: Node, load: NodeLoad, own: number): boolean;
  /** Why a task was not placed, when this filter refused `count` nodes. */
  explain(count: number): string;
}

const nodes = (count: number) => (count === 1 ? '1 node' : `${count} nodes`);

const ready: Filter = {
  name: 'ready',
  looksAt: 'node',
  applies: () => true,
  /** A host whose engine does not answer takes no new tasks; absent health is that of a node nobody has probed yet. */
  check: (_demand, node) =>
    node.Status.State === 'ready' &&
    node.Spec.Availability === 'active' &&
    node.Description !== undefined &&
    node.damped === undefined &&
    node.engineHealth?.ok !== false,
  explain: (count) => `${nodes(count)} not available for new tasks`,
};

const resources: Filter = {
  name: 'resources',
  looksAt: 'load',
  applies: ({ nanoCPUs, memoryBytes, generic }) =>
    nanoCPUs > 0 || memoryBytes > 0 || generic.discrete.length > 0 || generic.named.length > 0,
  check(demand, node, load) {
    const total = node.Description?.Resources;
    if (total === undefined) return false;
    if (demand.nanoCPUs > 0 && load.nanoCPUs + demand.nanoCPUs > total.NanoCPUs) return false;
    if (demand.memoryBytes > 0 && load.memoryBytes + demand.memoryBytes > total.MemoryBytes) return false;
    if (demand.generic.discrete.length === 0 && demand.generic.named.length === 0) return true;
    return claimGeneric(demand.generic, total.GenericResources ?? [], load.generic) !== undefined;
  },
  explain: (count) => `insufficient resources on ${nodes(count)}`,
};

const plugin: Filter = {
  name: 'plugin',
  looksAt: 'node',
  applies: ({ plugins }) => plugins.length > 0,
  check: ({ plugins }, node) => plugins.every((wanted) => hasPlugin(node, wanted)),
  explain: (count) => `missing plugin on ${nodes(count)}`,
};

function hasPlugin(node: Node, { type, name }: PluginDemand): boolean {
  const ofType = (node.Description?.Engine.Plugins ?? []).filter((installed) => installed.Type === type);
  // Engines that name no log driver at all do not tell; they have the usual ones.
  if (type === 'Log' && ofType.length === 0) return true;
  return ofType.some((installed) => installed.Name === name || installed.Name === `${name}:latest`);
}

/** A host that says it cannot have networks between hosts, or this encrypted one, still runs what needs none of them. */
const network: Filter = {
  name: 'network',
  looksAt: 'node',
  applies: ({ networks }) => networks,
  check: ({ encrypted }, node) => node.lacksNetworks !== true && encrypted.every((id) => refusalOf(node, id) === undefined),
  explain: (count) => `no networks between hosts, or none that are encrypted, on ${nodes(count)}`,
};

/** Why a host cannot have a network, as it says itself. */
export function refusalOf({ networkProblems = [] }: Pick<Node, 'networkProblems'>, networkID: string): string | undefined {
  return networkProblems.find((problem) => problem.kind === 'unsupported' && problem.networkID === networkID)?.text;
}

const constraint: Filter = {
  name: 'constraint',
  looksAt: 'node',
  applies: ({ placement }) => (placement?.Constraints ?? []).length > 0,
  check: ({ placement }, node) => meetsConstraints(placement?.Constraints, node),
  explain: (count) => `scheduling constraints not satisfied on ${nodes(count)}`,
};

const platform: Filter = {
  name: 'platform',
  looksAt: 'node',
  applies: ({ placement }) => (placement?.Platforms ?? []).length > 0,
  check: ({ placement }, node) => meetsPlatforms(placement?.Platforms, node),
  explain: (count) => `unsupported platform on ${nodes(count)}`,
};

const hostPort: Filter = {
  name: 'host-port',
  looksAt: 'load',
  applies: ({ hostPorts }) => hostPorts.length > 0,
  check: ({ hostPorts }, _node, load) => hostPorts.every((port) => !load.hostPorts?.has(port)),
  explain: (count) => `${HOST_PORT_IN_USE} on ${nodes(count)}`,
};

const maxReplicas: Filter = {
  name: 'max-replicas',
  looksAt: 'service',
  applies: (demand) => demand.maxReplicas > 0,
  check: (demand, _node, _load, own) => own < demand.maxReplicas,
  explain: () => 'max replicas per node limit exceed',
};

export const FILTERS: readonly Filter[] = [ready, resources, plugin, network, constraint, platform, hostPort, maxReplicas];
export const MAX_REPLICAS_POSITION = FILTERS.indexOf(maxReplicas);

/** The first filter that keeps a task with this demand off the node; undefined when it may go there. */
export function firstUnmet(demand: Demand, node: Node, load: NodeLoad, own: number): Filter | undefined {
  return FILTERS.find((filter) => filter.applies(demand) && !filter.check(demand, node, load, own));
}

/** The check that allows a placement, when it is planned and again when it is committed. */
export function fits(demand: Demand, node: Node, load: NodeLoad, own: number): boolean {
  return firstUnmet(demand, node, load, own) === undefined;
}

/** `refused[position]` is the number of nodes that `FILTERS[position]` was the first to refuse. */
export function explainRefusals(refused: ArrayLike<number>): string {
  const causes = FILTERS.map((filter, position) => ({ filter, count: refused[position] ?? 0 })).filter(({ count }) => count > 0);
  if (causes.length === 0) return 'no suitable node';
  causes.sort((a, b) => b.count - a.count);
  return `no suitable node (${causes.map(({ filter, count }) => filter.explain(count)).join('; ')})`;
}
