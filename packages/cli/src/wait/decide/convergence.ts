import { isTerminal, TASK_STATE_ORDER, type TaskState } from '@swarm/shared/domain/task-state';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { ApiNode, ApiService, ApiTask } from '../../client/api-objects.ts';

/**
 * Whether a service has become what its spec asks for, from what the manager shows. The rules are those of Docker's
 * CLI (its `service progress`), and two of ours, so that a wait ends: a slot that failed `ATTEMPTS` times since the
 * wait began, or that nobody fills again, is a failure.
 */
export interface Observation {
  readonly service: ApiService;
  /** Of this service and its present spec only. */
  readonly tasks: readonly ApiTask[];
  readonly nodes: readonly ApiNode[];
}

/** What is remembered between two looks. */
export interface Memory {
  /** Tasks that had ended before the wait began: they say nothing of this change. */
  readonly ended: ReadonlySet<string>;
  /** Since when everything runs, on the monotonic clock. */
  readonly convergedAtMs?: number;
  /** Since when a slot has no task that lives or is to come: one that ended before its turn came is followed by another then. */
  readonly abandonedAtMs?: number;
  /** Absent before the first look. */
  readonly rollback?: Rollback;
}

/**
 * `forced`: the update that is waited for failed, and the service goes back. `asked`: by hand, or before the wait: what
 * it goes back to is what is waited for.
 */
type Rollback = 'none' | 'asked' | 'forced';

export interface SlotView {
  readonly name: string;
  readonly state: string;
  /** Why it is not placed, or how it ended. */
  readonly error: string;
}

export interface Failure {
  readonly task: ApiTask;
  readonly slot: string;
  readonly attempts: number;
}

export type Verdict =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'verifying'; readonly leftMs: number }
  | { readonly kind: 'converged'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string; readonly failures: readonly Failure[]; readonly outcome: FailedOutcome };

/** What became of the change that failed. `stands`: nothing is taken back, and the cluster goes on trying as its policies say. */
export type FailedOutcome = 'stands' | 'paused' | 'rollback-paused' | 'rolled-back';

export interface Progress {
  readonly memory: Memory;
  readonly verdict: Verdict;
  readonly running: number;
  readonly wanted: number;
  /** What `running` of them are: while a service is renewed, what runs as before is not meant. */
  readonly word: 'running' | 'completed' | 'updated' | 'rolled back';
  readonly slots: readonly SlotView[];
}

/** Failed tasks in one slot after which it is no longer an accident. */
export const ATTEMPTS = 3;
/** A slot without any live task for this long is not going to be filled: a replacement is created at once. */
export const ABANDONED_MS = 3_000;
const DEFAULT_MONITOR_MS = 5_000;
/** What Docker's manager says of a rollback by hand; ours too. */
const ASKED_ROLLBACK = 'manually requested rollback';

export function startMemory(tasks: readonly ApiTask[]): Memory {
  return { ended: new Set(tasks.filter(hasEnded).map((task) => task.ID)) };
}

export function decideProgress(seen: Observation, memory: Memory, nowMs: number): Progress {
  const { service } = seen;
  const mode = service.Spec.Mode;
  const iteration = service.JobStatus?.JobIteration?.Index ?? 0;
  const isJob = mode.ReplicatedJob !== undefined || mode.GlobalJob !== undefined;
  const tasks = seen.tasks.filter((task) => !isJob || (task.JobIteration?.Index ?? 0) === iteration);
  const slots = isGlobal(mode) ? withoutCleared(bySlot(tasks), seen.nodes, isJob) : bySlot(tasks);
  const usable = new Set(seen.nodes.filter((node) => node.Status.State !== 'down').map((node) => node.ID));
  const present = [...slots.values()]
    .map((inSlot) => foremost(inSlot.filter((task) => task.NodeID === undefined || usable.has(task.NodeID))))
    .filter((task) => task !== undefined);
  const running = present.filter((task) =>
    isJob ? task.Status.State === 'complete' : task.Status.State === 'running' && isWantedState(task.DesiredState),
  ).length;
  const wanted = mode.Replicated?.Replicas ?? mode.ReplicatedJob?.TotalCompletions ?? slots.size;
  const failures = collectFailures(slots, memory.ended);
  const abandoned = [...slots.values()].filter(
    (inSlot) =>
      inSlot.every((task) => hasEnded(task) && task.DesiredState !== 'ready') &&
      !inSlot.some((task) => task.Status.State === 'complete' && isJob),
  );
  const update = service.UpdateStatus;
  // An update that is under way fills its slots itself, one after the other: it says when it gives up.
  const isUpdating = update?.State === 'updating' || update?.State === 'rollback_started';
  const abandonedAtMs = abandoned.length > 0 && !isUpdating ? (memory.abandonedAtMs ?? nowMs) : undefined;
  const converged = running === wanted;
  // A global service without tasks may have no eligible node, or its tasks are still to be made: the watch tells.
  const nowhere = wanted === 0 && isGlobal(mode);
  const convergedAtMs = converged ? (memory.convergedAtMs ?? nowMs) : undefined;
  const rollback = decideRollback(memory.rollback, update);
  return {
    memory: {
      ended: memory.ended,
      rollback,
      ...(convergedAtMs !== undefined && { convergedAtMs }),
      ...(abandonedAtMs !== undefined && { abandonedAtMs }),
    },
    running,
    wanted,
    word: isJob ? 'completed' : renewalWord(service),
    slots: present.map((task) => ({ name: slotOf(task), state: task.Status.State, error: task.Status.Err ?? '' })),
    verdict: decideVerdict(),
  };

  function decideVerdict(): Verdict {
    if (update?.State === 'paused') return fail(update.Message ?? 'the update was paused', 'paused');
    if (update?.State === 'rollback_paused') return fail(update.Message ?? 'the rollback was paused', 'rollback-paused');
    // Not converged before it is over, though all runs: it may still fail, and then it is not rolled back but stuck.
    if (rollback === 'forced' && update?.State === 'rollback_started') return { kind: 'waiting' };
    if (rollback === 'forced' && update?.State === 'rollback_completed' && converged)
      return fail('the update failed, and was rolled back: what ran before runs again', 'rolled-back');
    if (isJob && converged && !nowhere) return { kind: 'converged', message: 'job complete' };
    if (update?.State === 'completed' && !converged && failures.length === 0) return { kind: 'converged', message: 'update completed' };
    if (convergedAtMs !== undefined) {
      const leftMs = convergedAtMs + monitorMs(service) - nowMs;
      if (leftMs > 0) return nowhere ? { kind: 'waiting' } : { kind: 'verifying', leftMs };
      return { kind: 'converged', message: nowhere ? 'no node is eligible for it now; it starts on each that becomes so' : 'converged' };
    }
    const worst = failures.filter((failure) => failure.attempts >= ATTEMPTS);
    if (worst.length > 0)
      return {
        kind: 'failed',
        message: `it does not become stable: its tasks failed ${ATTEMPTS} times in the same slot`,
        failures: worst,
        outcome: 'stands',
      };
    if (abandonedAtMs !== undefined && nowMs - abandonedAtMs >= ABANDONED_MS) return decideAbandoned(abandoned, failures);
    return { kind: 'waiting' };
  }

  function fail(message: string, outcome: FailedOutcome): Verdict {
    return { kind: 'failed', message, failures, outcome };
  }
}

/** An update that has just been asked for says nothing of itself yet; the two specs do. */
function renewalWord({ UpdateStatus, Spec, PreviousSpec }: ApiService): 'running' | 'updated' | 'rolled back' {
  switch (UpdateStatus?.State) {
    case 'rollback_started':
      return 'rolled back';
    case 'updating':
      return 'updated';
    case undefined:
      return PreviousSpec !== undefined && !deepEqual(PreviousSpec.TaskTemplate, Spec.TaskTemplate) ? 'updated' : 'running';
    default:
      return 'running';
  }
}

function decideRollback(before: Rollback | undefined, update: ApiService['UpdateStatus']): Rollback {
  if (update?.State !== 'rollback_started' && update?.State !== 'rollback_completed') return before ?? 'none';
  if (before === undefined || update.Message === ASKED_ROLLBACK) return 'asked';
  return before === 'asked' ? 'asked' : 'forced';
}

/** Nobody fills these slots again, as the restart policy says: a failure, unless all of them ended well. */
function decideAbandoned(abandoned: readonly (readonly ApiTask[])[], failures: readonly Failure[]): Verdict {
  const last = abandoned.map((inSlot) => newest(inSlot));
  if (last.every((task) => task.Status.State === 'complete')) {
    return { kind: 'converged', message: 'its tasks ended with exit code 0, and its restart policy starts no others' };
  }
  return { kind: 'failed', message: 'its tasks ended, and its restart policy starts no others', failures, outcome: 'stands' };
}

function monitorMs(service: ApiService): number {
  const monitor = service.Spec.UpdateConfig?.Monitor;
  return monitor === undefined ? DEFAULT_MONITOR_MS : monitor / 1e6;
}

export function slotOf(task: Pick<ApiTask, 'Slot' | 'NodeID'>): string {
  return task.Slot === undefined ? (task.NodeID ?? '0') : String(task.Slot);
}

function bySlot(tasks: readonly ApiTask[]): ReadonlyMap<string, readonly ApiTask[]> {
  const slots = new Map<string, ApiTask[]>();
  const ordered = [...tasks].sort(
    (a, b) => (a.Slot ?? 0) - (b.Slot ?? 0) || compare(a.NodeID ?? '', b.NodeID ?? '') || compare(a.ID, b.ID),
  );
  // What a scale-down takes away is no slot of the present spec.
  for (const task of ordered.filter((candidate) => candidate.DesiredState !== 'remove')) {
    const slot = slotOf(task);
    slots.set(slot, [...(slots.get(slot) ?? []), task]);
  }
  return slots;
}

function isGlobal({ Global, GlobalJob }: ApiService['Spec']['Mode']): boolean {
  return Global !== undefined || GlobalJob !== undefined;
}

/**
 * Nodes that a global service shall run on now. Not one that it was taken from, since it is drained or no longer fits: its
 * task there is history. Nor one that is down: there is no other place for that task, and an update makes none there either.
 */
function withoutCleared(
  slots: ReadonlyMap<string, readonly ApiTask[]>,
  nodes: readonly ApiNode[],
  isJob: boolean,
): ReadonlyMap<string, readonly ApiTask[]> {
  const drained = new Set(nodes.filter((node) => node.Spec.Availability === 'drain').map((node) => node.ID));
  const down = new Set(nodes.filter((node) => node.Status.State === 'down').map((node) => node.ID));
  return new Map(
    [...slots].filter(([nodeID, inSlot]) => {
      if (!isJob && down.has(nodeID)) return false;
      return !inSlot.every((task) => hasEnded(task) && (drained.has(nodeID) || ['shutdown', 'orphaned'].includes(task.Status.State)));
    }),
  );
}

/** The task that stands for its slot: lowest desired state, then lowest observed state. */
function foremost(tasks: readonly ApiTask[]): ApiTask | undefined {
  return [...tasks].sort((a, b) => order(a.DesiredState) - order(b.DesiredState) || order(a.Status.State) - order(b.Status.State))[0];
}

function collectFailures(slots: ReadonlyMap<string, readonly ApiTask[]>, before: ReadonlySet<string>): readonly Failure[] {
  return [...slots.entries()].flatMap(([slot, tasks]) => {
    const failed = tasks.filter((task) => ['failed', 'rejected'].includes(task.Status.State) && !before.has(task.ID));
    return failed.length === 0 ? [] : [{ slot, task: newest(failed), attempts: failed.length }];
  });
}

/** The newest failure of each slot among all tasks of a service, those of earlier specs included. */
export function failuresAmong(tasks: readonly ApiTask[], endedBefore: ReadonlySet<string>): readonly Failure[] {
  return collectFailures(bySlot(tasks), endedBefore);
}

function newest(tasks: readonly ApiTask[]): ApiTask {
  const task = [...tasks].sort((a, b) => compare(b.CreatedAt, a.CreatedAt))[0];
  if (task === undefined) throw new Error('a slot without tasks');
  return task;
}

export function hasEnded(task: ApiTask): boolean {
  return isState(task.Status.State) && isTerminal(task.Status.State);
}

function isWantedState(desired: string): boolean {
  return order(desired) <= TASK_STATE_ORDER.running;
}

/** Unknown states come last. */
function order(state: string): number {
  return isState(state) ? TASK_STATE_ORDER[state] : Number.POSITIVE_INFINITY;
}

function isState(state: string): state is TaskState {
  return Object.hasOwn(TASK_STATE_ORDER, state);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
