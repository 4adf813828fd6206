import { nodeSatisfies } from '@swarm/shared/domain/constraints';
import type { Node, Task } from '@swarm/shared/domain/objects';
import { isOver } from '@swarm/shared/domain/permitted-moves';
import { compareStates, isWanted } from '@swarm/shared/domain/task-state';
import { isUpToDate } from '@swarm/shared/domain/task-template';
import { epochMs } from '@swarm/shared/runtime/clock';
import type { ServiceFacts, World } from './view.ts';

/** What the constraint enforcer writes; by it a rejection is told from one that the worker made. */
export const ENFORCER_REASON = 'assigned node no longer meets constraints';
export const ENFORCER_MESSAGE = 'task rejected by constraint enforcer';

/** A node that has been down this long does not come back with its tasks: they are orphaned. */
export const ORPHAN_AFTER_MS = 24 * 60 * 60 * 1000;

/**
 * How a task stands, seen from its node. `over`: nothing of it runs or will run. `leaving`: not wanted, perhaps still
 * stopping. `lost`: its node is gone for good. `expelled`: its node is drained. `misplaced`: its node no longer fits.
 * `absent`: its node is down and may come back. `present`: none of these.
 */
export type Standing = 'over' | 'leaving' | 'lost' | 'expelled' | 'misplaced' | 'absent' | 'present';

export function standingOf(task: Task, world: World, now: number): Standing {
  if (isOver(task)) return 'over';
  const node = nodeOf(task, world);
  if (task.NodeID !== undefined && (node === undefined || now >= orphanAtMs(node))) return 'lost';
  if (!isWanted(task.DesiredState)) return 'leaving';
  if (node === undefined) return 'present';
  if (node.Spec.Availability === 'drain') return 'expelled';
  if (node.Status.State === 'down') return 'absent';
  if (compareStates(task.Status.State, 'assigned') >= 0) {
    if (!nodeSatisfies(world.templates.get(task.templateID)?.spec.Placement, node)) return 'misplaced';
  }
  return 'present';
}

export function nodeOf(task: Task, world: World): Node | undefined {
  return task.NodeID === undefined ? undefined : world.nodes.get(task.NodeID);
}

/** Infinity while the node is not down. The node's last change is the latest moment at which it can have gone down. */
export function orphanAtMs(node: Node): number {
  return node.Status.State === 'down' ? epochMs(node.UpdatedAt) + ORPHAN_AFTER_MS : Number.POSITIVE_INFINITY;
}

/** The task was made from what the service asks for now, or from what amounts to the same, and for what it depends on now. */
export function isClean(task: Task, { template, outdatedBefore }: ServiceFacts, world: World): boolean {
  if (outdatedBefore !== undefined && task.CreatedAt < outdatedBefore) return false;
  if (task.templateID === template.ID) return true;
  const made = world.templates.get(task.templateID);
  // One that waits for its place would be judged there by constraints that hold no more.
  const node = compareStates(task.Status.State, 'assigned') >= 0 ? nodeOf(task, world) : undefined;
  return made !== undefined && isUpToDate(made, template, node, world.compare);
}

/** The task ended without having been asked to, and not because its node was taken from it. */
export function endedByItself(task: Task): boolean {
  switch (task.Status.State) {
    case 'complete':
    case 'failed':
      return true;
    case 'rejected':
      return task.Status.Err !== ENFORCER_REASON;
    default:
      return false;
  }
}

export function isRunning(task: Task): boolean {
  return task.Status.State === 'running';
}

/** Nothing of the task can run beside its successor, as far as the manager can know. */
export function hasStopped(task: Task, world: World): boolean {
  if (isOver(task)) return true;
  const node = nodeOf(task, world);
  return task.NodeID !== undefined && (node === undefined || node.Status.State === 'down');
}

/** Newest first; of two made at the same time the one for the newer spec, then the one with the greater id. */
export function byAge(a: Task, b: Task): number {
  if (a.CreatedAt !== b.CreatedAt) return a.CreatedAt < b.CreatedAt ? 1 : -1;
  if (a.specVersion !== b.specVersion) return b.specVersion - a.specVersion;
  return a.ID < b.ID ? 1 : -1;
}
