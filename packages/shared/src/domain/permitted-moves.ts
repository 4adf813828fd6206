import type { Task } from './objects.ts';
import { compareStates, type DesiredState, isTerminal, isWanted, type ObservedState, TASK_STATE_ORDER } from './task-state.ts';

/**
 * Who may write what on a task, as data: each field and each rung of the ladder has one owner. Tests hold every commit
 * against this table; `docs/task-model.md` says it in words.
 */
export type TaskWriter = 'orchestrator' | 'allocator' | 'scheduler' | 'worker';

/** The first writer is the owner; another one is an exception with a reason. */
export const RUNG_WRITERS: Readonly<Record<ObservedState, readonly TaskWriter[]>> = {
  new: ['orchestrator', 'allocator'], // the allocator says why a task cannot leave this rung
  pending: ['allocator', 'scheduler'], // the scheduler says why a task was not placed
  assigned: ['scheduler', 'allocator'], // the allocator says why a placed task has no address yet
  accepted: ['worker'],
  preparing: ['worker'],
  ready: ['worker'],
  starting: ['worker'],
  running: ['worker'],
  complete: ['worker'],
  shutdown: ['worker'],
  failed: ['worker'],
  rejected: ['worker', 'orchestrator'], // the constraint enforcer
  orphaned: ['orchestrator'],
};

type TaskField = Exclude<keyof Task, 'ID' | 'Version' | 'CreatedAt' | 'UpdatedAt'>;

/** Writers of a field after creation. Fields that nobody writes then are fixed for the task's life. */
export const FIELD_WRITERS: Readonly<Record<TaskField, readonly TaskWriter[]>> = {
  ServiceID: [],
  templateID: [],
  specVersion: [],
  Slot: [],
  JobIteration: [],
  origin: [],
  logDriver: [],
  DesiredState: ['orchestrator'],
  hold: ['orchestrator'],
  NodeID: ['scheduler'],
  GenericResources: ['scheduler'],
  attachments: ['allocator'],
  Status: ['orchestrator', 'allocator', 'scheduler', 'worker'], // by rung
  runningSince: ['worker'],
  unattendedRestarts: ['worker'],
};

/** Desired states only move on. */
export const DESIRED_MOVES: Readonly<Record<DesiredState, readonly DesiredState[]>> = {
  ready: ['running', 'complete', 'shutdown', 'remove'],
  running: ['shutdown', 'remove'],
  complete: ['shutdown', 'remove'],
  shutdown: ['remove'],
  remove: [],
};

/** A task that has ended, or that nobody wants any more and no worker has seen: no container of it runs or will run. */
export function isOver(task: Pick<Task, 'DesiredState' | 'Status'>): boolean {
  return isTerminal(task.Status.State) || (!isWanted(task.DesiredState) && compareStates(task.Status.State, 'assigned') < 0);
}

/** Why `writer` may not turn `before` into `after`; undefined when it may. `before` absent: creation, `after` absent: removal. */
export function explainForbiddenMove(writer: TaskWriter, before: Task | undefined, after: Task | undefined): string | undefined {
  if (before === undefined) return after === undefined ? undefined : explainCreation(writer, after);
  if (after === undefined) return explainRemoval(writer, before);
  for (const field of Object.keys(FIELD_WRITERS) as TaskField[]) {
    if (before[field] !== after[field] && !sameText(before[field], after[field]) && !FIELD_WRITERS[field].includes(writer)) {
      return `${writer} wrote ${field} of task ${after.ID}; its writers are ${list(FIELD_WRITERS[field])}`;
    }
  }
  return explainDesired(before, after) ?? explainStatus(writer, before, after);
}

/** @throws when the move is not in the table. */
export function assertPermittedMove(writer: TaskWriter, before: Task | undefined, after: Task | undefined): void {
  const reason = explainForbiddenMove(writer, before, after);
  if (reason !== undefined) throw new Error(reason);
}

function explainCreation(writer: TaskWriter, task: Task): string | undefined {
  if (writer !== 'orchestrator') return `${writer} created task ${task.ID}; only the orchestrator does`;
  if (task.Status.State !== 'new') return `task ${task.ID} was created as ${task.Status.State}; tasks begin as new`;
  if (!isWanted(task.DesiredState)) return `task ${task.ID} was created with desired state ${task.DesiredState}`;
  return undefined;
}

function explainRemoval(writer: TaskWriter, task: Task): string | undefined {
  if (writer !== 'orchestrator') return `${writer} removed task ${task.ID}; only the orchestrator does`;
  if (!isOver(task)) return `task ${task.ID} was removed while ${task.Status.State} and desired ${task.DesiredState}`;
  return undefined;
}

function explainDesired(before: Task, after: Task): string | undefined {
  const [from, to] = [before.DesiredState, after.DesiredState];
  if (from === to || DESIRED_MOVES[from].includes(to)) return undefined;
  return `the desired state of task ${after.ID} went from ${from} to ${to}`;
}

function explainStatus(writer: TaskWriter, before: Task, after: Task): string | undefined {
  if (before.Status === after.Status || sameText(before.Status, after.Status)) return undefined;
  const [from, to] = [before.Status.State, after.Status.State];
  if (TASK_STATE_ORDER[to] < TASK_STATE_ORDER[from]) return `task ${after.ID} went back from ${from} to ${to}`;
  if (!RUNG_WRITERS[to].includes(writer))
    return `${writer} wrote rung ${to} of task ${after.ID}; its writers are ${list(RUNG_WRITERS[to])}`;
  return undefined;
}

function sameText(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function list(writers: readonly TaskWriter[]): string {
  return writers.length === 0 ? 'nobody' : writers.join(', ');
}
