import type { Service, Task, UpdateStatus } from '@swarm/shared/domain/objects';
import { isLive } from '@swarm/shared/domain/task-state';
import { epochMs, timestamp } from '@swarm/shared/runtime/clock';
import { decideRestart, type Restart } from './restart.ts';
import { newTask, withdraw } from './seat.ts';
import { byAge, endedByItself, hasStopped, isClean, isRunning, nodeOf } from './standing.ts';
import { provenAtMs, type Rules, rulesOf } from './update-rules.ts';
import { chooseTurn, IN_PROGRESS, type LostRenewal, type UpdateSeat, withNotes, yieldPorts } from './update-turn.ts';
import { SeatDraft, type SeatPlan, type ServiceFacts, type World } from './view.ts';

/**
 * Rolling replacement: renews, a few at a time, the seats whose task was made from another template than the service has
 * now. All it knows is in the store: a task says that an update made it, the service's `UpdateStatus` says what goes on.
 * Whoever writes a spec clears `UpdateStatus` (or sets `rollback_started`): that ends an update that was under way.
 */
export interface UpdateView {
  readonly facts: ServiceFacts;
  readonly world: World;
  readonly seats: readonly UpdateSeat[];
}

export interface UpdatePlan {
  readonly seats: readonly SeatPlan[];
  readonly status?: UpdateStatus;
  /** The service shall go back to its previous spec; the text says why. */
  readonly rollback?: string;
  readonly wakeAtMs?: number;
}

export function decideUpdate(view: UpdateView, now: number): UpdatePlan {
  const { service } = view.facts;
  const current = service.UpdateStatus;
  if (current?.State === 'paused' || current?.State === 'rollback_paused') return { seats: [] };
  const rules = rulesOf(service);
  const dirty = view.seats.filter((seat) => seat.state !== 'held' && isDirty(seat, view) && !hasGivenUp(seat, view, rules, now));
  const isUnderWay = current?.State === 'updating' || current?.State === 'rollback_started';
  const yielded = rules.startFirst ? view.seats.flatMap((seat) => yieldPorts(seat, view)) : [];
  if (!isUnderWay && dirty.length + yielded.length === 0) return { seats: [] };

  const status: UpdateStatus = isUnderWay ? current : { State: 'updating', StartedAt: timestamp(now), Message: IN_PROGRESS };
  const renewals = view.seats.map((seat) => seat.tasks.filter((task) => isRenewal(task, view)));
  const failed = renewals
    .flat()
    .filter((task) => hasFailedEarly(task, service, rules))
    .sort(byAge)
    .at(-1);
  const failures = renewals.filter((tasks) => tasks.some((task) => hasFailedEarly(task, service, rules))).length;
  const touched = countTouched(view, dirty, renewals);
  if (failed !== undefined && rules.failureAction !== 'continue' && failures / touched > rules.maxFailureRatio) {
    return concludeFailure(view.facts, status, rules, failed);
  }

  const busyUntil = renewals.map((tasks) => Math.max(...tasks.map((task) => busyUntilMs(task, rules)))).filter((until) => until > now);
  const places = rules.parallelism === 0 ? Number.POSITIVE_INFINITY : Math.max(0, rules.parallelism - busyUntil.length);
  const open = dirty.filter((seat) => seat.state === 'open' && mayBegin(seat, view) && isItsTurn(seat, view, now));
  const isOut = (seat: UpdateSeat) => isDown(seat, view) && !isExpected(seat, view, rules, now);
  const failedAt = (seat: UpdateSeat) => failedAtOf(seat, view);
  const turn = chooseTurn({ seats: view.seats, open, places, startFirst: rules.startFirst, isOut, failedAt });
  const seats = [...turn.seats.map((seat) => renew(seat, view, rules, now)), ...yielded];
  const noted = withNotes(status, {
    waits: dirty.length > 0 ? view.facts.waits : undefined,
    hasYielded: yielded.length > 0,
    waitsFor: turn.waitsFor,
    lost: turn.seats.length > 0 ? [] : view.seats.flatMap((seat, index) => lostRenewal(seat, renewals[index] ?? [], view.world)),
  });
  const changed = noted === current ? {} : { status: noted };
  if (dirty.length > 0 || busyUntil.some((until) => until === Number.POSITIVE_INFINITY)) {
    const wakeAtMs = Math.min(...busyUntil);
    return { seats, ...changed, ...(Number.isFinite(wakeAtMs) && { wakeAtMs }) };
  }
  const completeAtMs = lastMoveMs(renewals.flat(), status) + (rules.delayMs >= rules.monitorMs ? rules.delayMs + 1_000 : rules.monitorMs);
  if (now < completeAtMs) return { seats, ...changed, wakeAtMs: completeAtMs };
  return { seats, status: completed(status, now) };
}

/** Each seat once, however often it was tried: seats that are to be renewed, or were for the spec as it is. */
function countTouched({ facts, seats }: UpdateView, dirty: readonly UpdateSeat[], renewals: readonly (readonly Task[])[]): number {
  const isOfNow = (task: Task) => task.specVersion === facts.service.specVersion;
  return seats.filter((seat, index) => dirty.includes(seat) || renewals[index]?.some(isOfNow)).length;
}

/** Renewed by this or an earlier update, to what the service is now. */
function isRenewal(task: Task, view: UpdateView): boolean {
  return task.origin?.kind === 'update' && isClean(task, view.facts, view.world);
}

/** The seat's task is alive and outdated, and no newer one is on its way. */
function isDirty({ tasks }: UpdateSeat, { facts, world }: UpdateView): boolean {
  let isAlive = false;
  for (const task of tasks) {
    if (!isLive(task)) continue;
    if (isClean(task, facts, world)) return false;
    isAlive = true;
  }
  return isAlive;
}

/**
 * Until when a renewal takes up one of the parallel places: until it runs, and then for the delay. One that ended while
 * it waited for its turn (its image is missing, say) takes it up until then: that spaces the attempts.
 */
function busyUntilMs(task: Task, rules: Rules): number {
  if (isLive(task) && !isRunning(task)) return Number.POSITIVE_INFINITY;
  // Start-first, the one before goes only at the end of the monitored time: until then there are two.
  if (isLive(task)) return provenAtMs(task, rules.startFirst ? Math.max(rules.delayMs, rules.monitorMs) : rules.delayMs);
  return endedByItself(task) ? Math.max(epochMs(task.UpdatedAt) + rules.delayMs, turnMs(task)) : Number.NEGATIVE_INFINITY;
}

/** Its renewal was given a place and then lost its node: the update waits for that, and nothing else says so. */
function lostRenewal(seat: UpdateSeat, renewals: readonly Task[], world: World): readonly LostRenewal[] {
  const node = renewals
    .filter((task) => isLive(task) && !isRunning(task))
    .map((task) => nodeOf(task, world))
    .find((each) => each?.Status.State === 'down');
  return node === undefined ? [] : [{ seat, node: node.Description?.Hostname ?? node.ID }];
}

function turnMs(task: Task): number {
  return task.origin?.notBefore === undefined ? Number.NEGATIVE_INFINITY : epochMs(task.origin.notBefore);
}

/** It ended before it ran, or while it was watched. Without a record of when it ran, the worse is assumed. */
function hasFailedEarly(task: Task, service: Service, rules: Rules): boolean {
  if (task.specVersion !== service.specVersion || !endedByItself(task)) return false;
  return task.runningSince === undefined || epochMs(task.UpdatedAt) - epochMs(task.runningSince) <= rules.monitorMs;
}

function lastMoveMs(renewals: readonly Task[], status: UpdateStatus): number {
  const times = renewals.map((task) => epochMs(task.runningSince ?? task.UpdatedAt));
  return Math.max(status.StartedAt === undefined ? Number.NEGATIVE_INFINITY : epochMs(status.StartedAt), ...times);
}

/** A renewal that failed is tried again when its pause is over, not before. */
function isItsTurn({ tasks }: UpdateSeat, view: UpdateView, now: number): boolean {
  return tasks.every((task) => !isRenewal(task, view) || turnMs(task) <= now);
}

/** What runs stays until what it depends on is there; what does not run is renewed at once, and then held back itself. */
function mayBegin({ tasks }: UpdateSeat, { facts }: UpdateView): boolean {
  return facts.waits === undefined || !tasks.some((task) => isLive(task) && isRunning(task));
}

/** Nothing of it runs, as far as the manager can know, and something did and should. A seat that was given up is not down. */
function isDown({ tasks, state }: UpdateSeat, { world }: UpdateView): boolean {
  if (state === 'held' || tasks.some((task) => isLive(task) && isRunning(task) && !hasStopped(task, world))) return false;
  if (state === 'changing') return tasks.length > 0;
  return tasks.some((task) => isLive(task) && (task.origin?.kind !== 'new' || task.runningSince !== undefined));
}

/** Its renewal has a place already, or has failed and that was accepted. */
function isExpected({ tasks }: UpdateSeat, view: UpdateView, rules: Rules, now: number): boolean {
  return tasks.some((task) => isRenewal(task, view) && (busyUntilMs(task, rules) > now || hasFailedEarly(task, view.facts.service, rules)));
}

/** When its renewal by this update failed last; empty when none has. */
function failedAtOf({ tasks }: UpdateSeat, view: UpdateView): string {
  const isFailure = (task: Task) => task.specVersion === view.facts.service.specVersion && isRenewal(task, view) && endedByItself(task);
  return tasks.reduce((newest, task) => (isFailure(task) && task.UpdatedAt > newest ? task.UpdatedAt : newest), '');
}

/**
 * What follows on the newest try to renew the seat start-first that ended by itself; undefined when there was none. One
 * that lost its node or its place has failed at nothing: another follows at once.
 */
function retryOf(tasks: readonly Task[], facts: ServiceFacts, now: number): Restart | undefined {
  const [tried] = tasks
    .filter(
      (task) => task.templateID === facts.service.templateID && endedByItself(task) && !(task.CreatedAt < (facts.outdatedBefore ?? '')),
    )
    .sort(byAge);
  return tried === undefined ? undefined : decideRestart(tried, tasks, facts, now);
}

/** The new task has failed beside the old one, and the restart policy allows no other: the old one stays, and the rest goes on. */
function hasGivenUp({ tasks }: UpdateSeat, { facts }: UpdateView, { startFirst }: Rules, now: number): boolean {
  return startFirst && retryOf(tasks, facts, now)?.kind === 'none';
}

function renew({ seat, tasks }: UpdateSeat, { facts, world }: UpdateView, rules: Rules, now: number): SeatPlan {
  const draft = new SeatDraft(tasks, world.nodes);
  const live = tasks.filter(isLive);
  if (rules.startFirst) {
    for (const task of live) draft.restOn(task);
    const retry = retryOf(tasks, facts, now);
    if (retry?.kind === 'restart') draft.create(newTask(facts, seat, { ...retry.origin, kind: 'update' }, 'ready', now));
    else if (retry === undefined) {
      // Beside the old one there is one new one: the last, which has lost its node, may still be stopping.
      const waits = draft.tasks.some((task) => !isLive(task) && isClean(task, facts, world) && !hasStopped(task, world));
      draft.create(newTask(facts, seat, { kind: 'update' }, waits ? 'ready' : 'running', now));
    }
    return draft.plan;
  }
  for (const task of live) withdraw(draft, task);
  const waits = draft.tasks.some((task) => !hasStopped(task, world));
  draft.create(newTask(facts, seat, { kind: 'update' }, waits ? 'ready' : 'running', now));
  return draft.plan;
}

function concludeFailure({ service, noWayBack }: ServiceFacts, status: UpdateStatus, rules: Rules, failed: Task): UpdatePlan {
  const cause = `due to failure or early termination of task ${failed.ID}`;
  if (status.State === 'rollback_started') {
    return { seats: [], status: { ...status, State: 'rollback_paused', Message: `rollback paused ${cause}` } };
  }
  const wantsBack = rules.failureAction === 'rollback' && service.PreviousSpec !== undefined;
  if (wantsBack && noWayBack === undefined) return { seats: [], status, rollback: `update rolled back ${cause}` };
  const why = wantsBack ? `; it cannot be rolled back: ${noWayBack}` : '';
  return { seats: [], status: { ...status, State: 'paused', Message: `update paused ${cause}${why}` } };
}

function completed(status: UpdateStatus, now: number): UpdateStatus {
  const isRollback = status.State === 'rollback_started';
  return {
    ...status,
    State: isRollback ? 'rollback_completed' : 'completed',
    CompletedAt: timestamp(now),
    Message: isRollback ? 'rollback completed' : 'update completed',
  };
}
