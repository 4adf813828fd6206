import type { Task, TaskStatus } from '@swarm/shared/domain/objects';
import type { Store, WriteTransaction } from '../store/store.ts';
import { fits } from './decide/filters.ts';
import type { Inventory } from './decide/inventory.ts';
import type { Placement } from './decide/place-group.ts';

export const PENDING_MESSAGE = 'pending task scheduling';
export const ASSIGNED_MESSAGE = 'scheduler assigned task to node';
export const CONFIRMED_MESSAGE = 'scheduler confirmed task can run on preassigned node';

/** What one look at the queue decided. */
export interface Schedule {
  readonly placements: readonly Placement[];
  readonly explanations: readonly { readonly task: Task; readonly explanation: string }[];
}

/**
 * Commits a schedule in one transaction, and resolves when it is durable with the tasks whose placement was refused:
 * the task has changed since, or its node has, and no longer fits. Their share of the node is given back.
 */
export async function commitSchedule(store: Store, inventory: Inventory, schedule: Schedule, now: string): Promise<readonly Task[]> {
  const refused = await store.update((tx) => {
    const losers: Task[] = [];
    // One for all that are placed together: tasks are many, and most stay as they are for long.
    const assigned = statusOf('assigned', now, ASSIGNED_MESSAGE);
    const confirmed = statusOf('assigned', now, CONFIRMED_MESSAGE);
    for (const placement of schedule.placements) {
      const status = placement.task.NodeID === undefined ? assigned : confirmed;
      if (!commitPlacement(tx, inventory, placement, status)) losers.push(placement.task);
    }
    for (const { task, explanation } of schedule.explanations) {
      const current = tx.tasks.get(task.ID);
      if (current?.Version.Index !== task.Version.Index) continue;
      tx.tasks.update({
        ...current,
        Status: { ...statusOf('pending', now, PENDING_MESSAGE), ...(explanation !== '' && { Err: explanation }) },
      });
    }
    return losers;
  });
  for (const task of refused) inventory.release(task.ID);
  return refused;
}

function statusOf(State: 'assigned' | 'pending', Timestamp: string, Message: string): TaskStatus {
  return { State, Timestamp, Message };
}

function commitPlacement(tx: WriteTransaction, inventory: Inventory, placement: Placement, status: TaskStatus): boolean {
  const { task, seat, generic } = placement;
  const current = tx.tasks.get(task.ID);
  if (current?.Version.Index !== task.Version.Index || !stillFits(tx, inventory, placement)) return false;
  tx.tasks.update({
    ...current,
    NodeID: seat.id,
    Status: status,
    ...(generic.length > 0 && { GenericResources: generic }),
  });
  return true;
}

/**
 * Only the scheduler adds to a node's load, and the inventory holds all it has added: so as long as the node object is
 * the one that was looked at, the decision stands. Otherwise the same check is made for the node as it is now.
 */
function stillFits(tx: WriteTransaction, inventory: Inventory, placement: Placement): boolean {
  const { task, seat, demand } = placement;
  const node = tx.nodes.get(seat.id);
  if (node === undefined) return false;
  if (node === seat.node) return true;
  inventory.release(task.ID);
  const verdict = fits(demand, node, seat.load, inventory.own(task.ServiceID)?.get(seat) ?? 0);
  inventory.reserve(placement);
  return verdict;
}
