import type { Service, Task, TaskOrigin } from '@swarm/shared/domain/objects';
import { isTerminal } from '@swarm/shared/domain/task-state';
import { epochMs, timestamp } from '@swarm/shared/runtime/clock';
import { endedByItself } from './standing.ts';
import type { ServiceFacts } from './view.ts';

/** Docker's default, of `RestartPolicy.Delay`. */
const DEFAULT_DELAY_MS = 5_000;
/** What is added to the user's delay at the second failure in a row; doubles with each further one. */
const BACKOFF_STEP_MS = 1_000;
export const MAX_BACKOFF_MS = 5 * 60_000;
/** A task that ran this long, and longer than its own backoff, was healthy: the next failure is a first one again. */
export const HEALTHY_AFTER_MS = 60_000;

export type Restart =
  | { readonly kind: 'restart'; readonly origin: TaskOrigin; readonly delayMs: number }
  | { readonly kind: 'none'; readonly reason: string };

/**
 * Whether the task that ended gets a successor, and how long that one waits. All it needs is in the store: restarts
 * are marked as such when they are made, and each carries how many failures came before it.
 * Only what ended by itself is counted: a task that lost its node is moved, which costs no attempt.
 */
export function decideRestart(ended: Task, seatTasks: readonly Task[], facts: ServiceFacts, now: number): Restart {
  const policy = facts.template.spec.RestartPolicy ?? {};
  const condition = isJob(facts.service) && policy.Condition !== 'none' ? 'on-failure' : (policy.Condition ?? 'any');
  if (condition === 'none') return { kind: 'none', reason: 'the restart policy is "none"' };
  if (condition === 'on-failure' && ended.Status.State === 'complete') return { kind: 'none', reason: 'it completed' };
  const maxAttempts = policy.MaxAttempts ?? 0;
  if (maxAttempts > 0 && countRestarts(ended, seatTasks, facts, toMs(policy.Window ?? 0)) >= maxAttempts) {
    return { kind: 'none', reason: `it was restarted ${maxAttempts} times already` };
  }
  const failuresInRow = wasHealthy(ended) ? 1 : (ended.origin?.failuresInRow ?? 0) + 1;
  const delayMs = (policy.Delay === undefined ? DEFAULT_DELAY_MS : toMs(policy.Delay)) + spread(backoffMs(failuresInRow), ended.ID);
  return { kind: 'restart', delayMs, origin: { kind: 'restart', failuresInRow, notBefore: timestamp(now + delayMs) } };
}

/** Restarts made at this seat for the service as it is now (of a job: in this run of it); none from before the window. */
function countRestarts(ended: Task, seatTasks: readonly Task[], { service }: ServiceFacts, windowMs: number): number {
  const sinceMs = windowMs > 0 ? epochMs(ended.UpdatedAt) - windowMs : Number.NEGATIVE_INFINITY;
  const isOfRun = (task: Task) => task.JobIteration?.Index === ended.JobIteration?.Index;
  return seatTasks.filter((task) => isCountedRestart(task, service) && isOfRun(task) && epochMs(task.CreatedAt) > sinceMs).length;
}

/**
 * What `MaxAttempts` counts, and history therefore keeps longest: also a renewal that was tried again beside the task which
 * it renews, once that has ended.
 */
export function isCountedRestart(task: Task, service: Pick<Service, 'specVersion'>): boolean {
  if (task.specVersion !== service.specVersion) return false;
  return (
    task.origin?.kind === 'restart' || (task.origin?.kind === 'update' && task.origin.failuresInRow !== undefined && endedByItself(task))
  );
}

export function backoffMs(failuresInRow: number): number {
  return failuresInRow < 2 ? 0 : Math.min(MAX_BACKOFF_MS, BACKOFF_STEP_MS * 2 ** (failuresInRow - 2));
}

/** What is added to a back-off at most, as a share of it. */
const JITTER = 0.2;

/**
 * Tasks that failed together (a database went away, say) shall not come back together. The share is drawn from the id of
 * the task that ended, which is chance already: the same input gives the same plan.
 */
function spread(ms: number, taskID: string): number {
  let hash = 2166136261;
  for (let at = 0; at < taskID.length; at += 1) hash = Math.imul(hash ^ taskID.charCodeAt(at), 16777619);
  return ms + Math.round(ms * JITTER * ((hash >>> 0) / 2 ** 32));
}

/**
 * Of a task that takes the place of one whose node was taken from it. What failed again and again does so on another
 * node too: unless it had run well for long, its failures go with it, and so does a pause that is not over. A renewal
 * that never ran is still one: the update waits for it.
 */
export function originOfMove(moved: Task, now: number): TaskOrigin {
  const { failuresInRow, notBefore } = moved.origin ?? {};
  const hasRunWell =
    moved.runningSince !== undefined && ranLongEnough(moved, isTerminal(moved.Status.State) ? epochMs(moved.UpdatedAt) : now);
  return {
    kind: moved.origin?.kind === 'update' && moved.runningSince === undefined ? 'update' : 'move',
    ...(failuresInRow !== undefined && !hasRunWell && { failuresInRow }),
    ...(notBefore !== undefined && epochMs(notBefore) > now && { notBefore }),
  };
}

function wasHealthy(ended: Task): boolean {
  return endedByItself(ended) && ended.Status.State !== 'rejected' && ranLongEnough(ended, epochMs(ended.UpdatedAt));
}

function ranLongEnough(task: Task, untilMs: number): boolean {
  return untilMs - startedAtMs(task) >= Math.max(HEALTHY_AFTER_MS, backoffMs(task.origin?.failuresInRow ?? 0));
}

/** When it was first seen running; failing that, when it was first allowed to. */
export function startedAtMs(task: Task): number {
  return epochMs(task.runningSince ?? task.origin?.notBefore ?? task.CreatedAt);
}

export function isJob(service: Pick<Service, 'Spec'>): boolean {
  return service.Spec.Mode.ReplicatedJob !== undefined || service.Spec.Mode.GlobalJob !== undefined;
}

function toMs(nanoseconds: number): number {
  return nanoseconds / 1e6;
}
