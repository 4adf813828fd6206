import type { Task } from '@swarm/shared/domain/objects';
import { isLive } from '@swarm/shared/domain/task-state';
import { hasStopped, isRunning } from './standing.ts';
import type { World } from './view.ts';

/**
 * How many seats a replicated service has, and which. A slot is occupied while it has a task that is not to be removed:
 * one whose task ended for good (policy, attempts used up) stays occupied, it is not filled again by its neighbours.
 */
export type Slots = ReadonlyMap<number, readonly Task[]>;

export function occupiedSlots(tasks: readonly Task[]): Slots {
  const slots = new Map<number, Task[]>();
  for (const task of tasks) {
    if (task.Slot === undefined || task.DesiredState === 'remove') continue;
    const seat = slots.get(task.Slot);
    if (seat === undefined) slots.set(task.Slot, [task]);
    else seat.push(task);
  }
  return slots;
}

/** The `count` lowest numbers that no task has, counted from `first`. */
export function lowestFreeSlots(occupied: { has(slot: number): boolean }, count: number, first = 1): readonly number[] {
  const free: number[] = [];
  for (let slot = first; free.length < count; slot += 1) if (!occupied.has(slot)) free.push(slot);
  return free;
}

/**
 * Which slots go when there are `surplus` too many: first those with nothing alive, then those without a node or on one
 * that is down, then one by one from the node that has most; there what does not run before what does, then the highest
 * slot. A task on a node that is down is wanted until its successor runs, and says that it runs: it serves nobody.
 */
export function slotsToRemove(slots: Slots, surplus: number, world: World): readonly number[] {
  if (surplus <= 0) return [];
  const removed: number[] = [];
  const perNode = new Map<string, Seating[]>();
  const seatings = [...slots].map(([slot, tasks]) => seatingOf(slot, tasks, world)).sort(dispensableFirst);
  for (const seating of seatings) {
    if (seating.node === undefined) {
      if (removed.length < surplus) removed.push(seating.slot);
      continue;
    }
    const onNode = perNode.get(seating.node);
    if (onNode === undefined) perNode.set(seating.node, [seating]);
    else onNode.push(seating);
  }
  // Levels from the fullest node down: a slot's level is how many of its node would have to stay for it to stay.
  const levelled = [...perNode.values()].flatMap((onNode) => onNode.map((seating, index) => ({ seating, level: onNode.length - index })));
  levelled.sort((a, b) => b.level - a.level || dispensableFirst(a.seating, b.seating));
  for (const { seating } of levelled) if (removed.length < surplus) removed.push(seating.slot);
  return removed;
}

interface Seating {
  readonly slot: number;
  /** 0: nothing alive, 1: alive, 2: running. */
  readonly rank: 0 | 1 | 2;
  /** Undefined when nothing of the slot is alive on a node that is there. */
  readonly node: string | undefined;
}

function seatingOf(slot: number, tasks: readonly Task[], world: World): Seating {
  const live = tasks.filter(isLive);
  const placed = live.filter((task) => task.NodeID !== undefined && !hasStopped(task, world));
  const best = placed.find(isRunning) ?? placed[0];
  return { slot, rank: live.length === 0 ? 0 : best !== undefined && isRunning(best) ? 2 : 1, node: best?.NodeID };
}

function dispensableFirst(a: Seating, b: Seating): number {
  return a.rank - b.rank || b.slot - a.slot;
}
