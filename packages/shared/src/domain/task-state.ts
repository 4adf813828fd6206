/**
 * The task ladder. The observed state only climbs: of two observations the greater is right. Numbers only matter for
 * comparison and leave room between rungs. Owner of each rung: see `docs/task-model.md`.
 */
export const TASK_STATE_ORDER = {
  new: 0,
  pending: 64,
  assigned: 192,
  accepted: 256,
  preparing: 320,
  ready: 384,
  starting: 448,
  running: 512,
  complete: 576,
  shutdown: 640,
  failed: 704,
  rejected: 768,
  remove: 800,
  orphaned: 832,
} as const;

export type TaskState = keyof typeof TASK_STATE_ORDER;
/** `remove` is only ever desired, never observed. */
export type ObservedState = Exclude<TaskState, 'remove'>;
export type DesiredState = 'ready' | 'running' | 'complete' | 'shutdown' | 'remove';

export function compareStates(a: TaskState, b: TaskState): number {
  return TASK_STATE_ORDER[a] - TASK_STATE_ORDER[b];
}

/** The task's container will not run again: complete, shutdown, failed, rejected or orphaned. */
export function isTerminal(state: TaskState): boolean {
  return TASK_STATE_ORDER[state] > TASK_STATE_ORDER.running;
}

/** The task is meant to run or to finish its work: it holds its node's resources and ports. */
export function isWanted(desired: DesiredState): boolean {
  return TASK_STATE_ORDER[desired] <= TASK_STATE_ORDER.complete;
}

/**
 * It ended before its turn to run came (its image is missing, say), and keeps its place until then: when its turn comes,
 * another task follows it, as far as the restart policy allows.
 */
export function isToBeFollowed(task: { readonly DesiredState: DesiredState; readonly Status: { readonly State: ObservedState } }): boolean {
  return task.DesiredState === 'ready' && isTerminal(task.Status.State);
}

/** A task that is wanted and not ended. */
export function isLive(task: { readonly DesiredState: DesiredState; readonly Status: { readonly State: ObservedState } }): boolean {
  return isWanted(task.DesiredState) && !isTerminal(task.Status.State);
}
