import { VOLUME_LABEL } from '@swarm/shared/domain/local-volumes';
import type { Node, Task } from '@swarm/shared/domain/objects';
import type { GenericResource } from '@swarm/shared/engine-api/service-spec';
import { type CandidateCache, refusalsWith } from './candidates.ts';
import type { Demand } from './demand.ts';
import { countFailures } from './failures.ts';
import { explainRefusals, type Filter, firstUnmet } from './filters.ts';
import { claimGeneric } from './generic-resources.ts';
import type { Inventory, Seat, Share } from './inventory.ts';
import { type Choice, GroupTree } from './spread-tree.ts';

/** A task that has found its node. The inventory has reserved its share there. */
export type Placement = Share;

export interface GroupPlan {
  readonly placed: readonly Placement[];
  /** The tasks that no node takes now, in the order given, and why, for the user. */
  readonly unplaced: readonly Task[];
  readonly explanation: string;
}

/**
 * Places tasks of one template, which therefore ask the same of a node. Every task goes to the node that ranks best at
 * that moment, the tasks placed before it counted.
 */
export function placeGroup(inventory: Inventory, cache: CandidateCache, demand: Demand, tasks: readonly Task[], nowMs: number): GroupPlan {
  const [first] = tasks;
  if (first === undefined) return { placed: [], unplaced: [], explanation: '' };
  const { candidates: shared, borrowed } = cache.for(demand);
  const tree = new GroupTree({ inventory, demand, candidates: shared, borrowed }, readKnown(inventory, first, nowMs));
  const placed: Placement[] = [];
  for (const task of tasks) {
    const choice = tree.next();
    if (choice === undefined) break;
    placed.push(reserveOn(inventory, choice.seat, demand, task));
  }
  tree.finish();
  const unplaced = tasks.slice(placed.length);
  if (unplaced.length === 0) return { placed, unplaced, explanation: '' };
  // What waits will be looked at again: it is worth candidates of its own, which know every cause.
  const candidates = cache.own(demand);
  return { placed, unplaced, explanation: explainRefusals(refusalsWith(candidates, tree.countAtMaxReplicas(candidates))) };
}

/**
 * Confirms a task whose node was chosen by the orchestrator (global services), or says why the node does not take it.
 * A node that is gone has nothing to say: the orchestrator withdraws such a task.
 */
export function placePreassigned(inventory: Inventory, demand: Demand, task: Task): Placement | { readonly explanation: string } {
  const seat = inventory.seat(task.NodeID ?? '');
  if (seat?.node === undefined) return { explanation: '' };
  const unmet = firstUnmet(demand, seat.node, seat.load, inventory.own(task.ServiceID)?.get(seat) ?? 0);
  return unmet === undefined ? reserveOn(inventory, seat, demand, task) : { explanation: unmet.explain(1) };
}

/**
 * A task that shall go to a certain node. Undefined: it goes where any other would. One that is moved to even out the
 * nodes goes there or nowhere, and so does one that is pinned to the data of its volumes; others only prefer their data.
 */
export function placeWished(
  inventory: Inventory,
  demand: Demand,
  task: Task,
  isPinned: boolean,
): Placement | { readonly explanation: string } | undefined {
  const wish = task.origin?.node;
  if (wish === undefined) return undefined;
  const seat = inventory.seat(wish.id);
  const unmet =
    seat?.node === undefined ? undefined : firstUnmet(demand, seat.node, seat.load, inventory.own(task.ServiceID)?.get(seat) ?? 0);
  if (seat?.node !== undefined && unmet === undefined) return reserveOn(inventory, seat, demand, task);
  if (wish.why === 'volume' && !isPinned) return undefined;
  return { explanation: explainWish(wish, seat?.node, unmet) };
}

function explainWish(
  { id, why }: NonNullable<NonNullable<Task['origin']>['node']>,
  node: Node | undefined,
  unmet: Filter | undefined,
): string {
  const name = node?.Description?.Hostname ?? id;
  const cause = node === undefined ? 'the node was removed from the cluster' : (unmet?.explain(1) ?? '');
  if (why === 'balance') return `cannot be moved to node ${name}: ${cause}`;
  return `waits for node ${name}, which has the data of its local volumes (${cause}); remove the service's label "${VOLUME_LABEL}" to start it empty elsewhere`;
}

const NONE: readonly GenericResource[] = [];

function reserveOn(inventory: Inventory, seat: Seat, demand: Demand, task: Task): Placement {
  const wantsGeneric = demand.generic.discrete.length > 0 || demand.generic.named.length > 0;
  const total = seat.node?.Description?.Resources.GenericResources ?? NONE;
  const generic = wantsGeneric ? (claimGeneric(demand.generic, total, seat.load.generic) ?? NONE) : NONE;
  const placement = { task, seat, demand, generic };
  inventory.reserve(placement);
  return placement;
}

/** Undefined when there is nothing to know, as of a new service. */
function readKnown(inventory: Inventory, task: Task, nowMs: number): Map<Seat, Choice> | undefined {
  const own = inventory.own(task.ServiceID);
  const failures = inventory.failures(task.templateID);
  if (own === undefined && failures === undefined) return undefined;
  const known = new Map<Seat, Choice>();
  if (own !== undefined) {
    for (const [seat, count] of own) known.set(seat, { seat, failures: countFailures(failures?.get(seat), nowMs), own: count });
  }
  if (failures !== undefined) {
    for (const [seat, record] of failures) {
      const count = countFailures(record, nowMs);
      if (count > 0 && !known.has(seat)) known.set(seat, { seat, failures: count, own: 0 });
    }
  }
  return known;
}
