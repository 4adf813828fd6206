import type { Task, TaskOrigin } from '@swarm/shared/domain/objects';
import { compareStates, type DesiredState, isLive, isWanted } from '@swarm/shared/domain/task-state';
import { epochMs, timestamp } from '@swarm/shared/runtime/clock';
import { decideRestart, isJob, originOfMove } from './restart.ts';
import {
  byAge,
  ENFORCER_MESSAGE,
  ENFORCER_REASON,
  endedByItself,
  hasStopped,
  isClean,
  isRunning,
  nodeOf,
  orphanAtMs,
  type Standing,
  standingOf,
} from './standing.ts';
import { hostPortsOf, provenAtMs, rulesOf } from './update-rules.ts';
import { type NewTask, NO_CHANGE, type Seat, SeatDraft, type SeatPlan, type ServiceFacts, type World } from './view.ts';

/**
 * One seat and its tasks: the whole of keeping one replica alive. Who decides how many seats there are, and which of
 * them are renewed when, is `replicated.ts`, `global.ts` and `update.ts`; this file keeps what a seat has.
 */
export interface SeatView {
  readonly facts: ServiceFacts;
  readonly world: World;
  readonly seat: Seat;
  /** `fill`: there shall be a task. `hold`: keep what is there, make nothing new. `clear`: there shall be none. */
  readonly purpose: 'fill' | 'hold' | 'clear';
  readonly tasks: readonly Task[];
}

/** A replacement waits this long for the one before it to stop, beyond that one's own grace period. */
const STOP_SLACK_MS = 50_000;
const DEFAULT_STOP_GRACE_MS = 10_000;
/**
 * When a node comes back, its word on what became of its tasks is on the way. Only after it does the task that was to
 * take over give way.
 */
export const RETURN_GRACE_MS = 2_000;

export function decideSeat(view: SeatView, now: number): SeatPlan {
  if (isSettled(view, now)) return NO_CHANGE;
  const draft = new SeatDraft(view.tasks, view.world.nodes);
  const standing = new Map<string, Standing>();
  for (const task of view.tasks) {
    const found = standingOf(task, view.world, now);
    standing.set(task.ID, found);
    settle(view, draft, task, found, now);
  }
  for (const task of draft.tasks) if (task.hold !== undefined && task.hold !== view.facts.waits) draft.hold(task, view.facts.waits);
  if (view.purpose === 'clear') {
    for (const task of draft.tasks) {
      if (isLive(task)) withdraw(draft, task);
      else if (task.DesiredState === 'ready') retire(draft, task);
    }
    return draft.plan;
  }
  removeStaleIterations(view, draft);
  withdrawSuperseded(view, draft);
  const live = draft.tasks.filter(isLive);
  const present = live.filter((task) => standing.get(task.ID) === 'present');
  const absent = live.filter((task) => standing.get(task.ID) === 'absent');
  // Those that moved at once are live no more: see `settle`.
  const expelled = live.filter((task) => standing.get(task.ID) === 'expelled');
  if (present.length > 0) for (const task of draft.tasks) if (task.DesiredState === 'ready' && !isLive(task)) retire(draft, task);
  if (present.length > 0) keepOne(view, draft, { present, absent, expelled }, now);
  else if (expelled.length > 0) succeedAway(view, draft, expelled, now);
  else if (absent.length > 0) succeedAway(view, draft, absent, now);
  else succeedEnded(view, draft, now);
  for (const task of draft.tasks) if (task.DesiredState === 'ready' && isLive(task)) start(view, draft, task, now);
  return draft.plan;
}

/** As nearly all seats are nearly all the time: one task, alive where it may be, and nothing else. */
function isSettled({ tasks, purpose, facts, world }: SeatView, now: number): boolean {
  const [task, ...others] = tasks;
  if (task === undefined || others.length > 0 || purpose === 'clear') return false;
  if ((task.hold !== undefined && task.hold !== facts.waits) || isStranded(task)) return false;
  return task.DesiredState === goalOf(facts) && isOfCurrentIteration(task, facts) && standingOf(task, world, now) === 'present';
}

/** What follows from a task's standing alone. */
function settle(view: SeatView, draft: SeatDraft, task: Task, standing: Standing, now: number): void {
  switch (standing) {
    case 'lost':
      orphan(draft, task, view.world, now);
      return;
    case 'expelled':
      if (!movesStartFirst(view, task)) withdraw(draft, task);
      return;
    case 'misplaced':
      draft.edit(task, {
        DesiredState: 'shutdown',
        Status: { ...task.Status, State: 'rejected', Timestamp: timestamp(now), Message: ENFORCER_MESSAGE, Err: ENFORCER_REASON },
      });
      return;
    case 'absent': {
      const node = nodeOf(task, view.world);
      if (node !== undefined) draft.wakeAt(orphanAtMs(node));
      return;
    }
    case 'over':
      // One that ended before its turn came keeps its place until then: that spaces the attempts of what cannot start.
      if (task.DesiredState === 'running' || (task.DesiredState === 'complete' && task.Status.State !== 'complete')) {
        retire(draft, task);
      }
      return;
    case 'present':
      if (isStranded(task)) withdraw(draft, task);
      return;
    case 'leaving':
      return;
  }
}

/** It was to go to a certain node to even out the nodes, and that one does not take it: another one may go anywhere. */
function isStranded({ origin, Status }: Task): boolean {
  return origin?.node?.why === 'balance' && Status.State === 'pending' && (Status.Err ?? '') !== '';
}

/** It got no node, or no address. */
export function isWithoutPlace({ Status }: Task): boolean {
  return compareStates(Status.State, 'assigned') <= 0 && (Status.Err ?? '') !== '';
}

/**
 * A task leaves a drained node only when another one has taken its place, where the service's order is start-first. Not
 * where both could not run at once, or where no other one would come.
 */
function movesStartFirst(view: SeatView, task: Task): boolean {
  const { facts, world } = view;
  if (view.purpose !== 'fill' || !('Slot' in view.seat) || isJob(facts.service) || isNeverRestarted(view)) return false;
  if (facts.service.Spec.UpdateConfig?.Order !== 'start-first' || !isRunning(task) || !isWanted(task.DesiredState)) return false;
  return nodeOf(task, world)?.Status.State !== 'down' && hostPortsOf(facts.template).length === 0;
}

/** The node is gone for good: no worker will ever say what became of the task. */
export function orphan(draft: SeatDraft, task: Task, world: World, now: number): void {
  const Message =
    nodeOf(task, world) === undefined
      ? 'Task belonged to a node that has been deleted'
      : 'Task belonged to a node that has been down for 24 hours';
  draft.edit(task, {
    Status: { ...task.Status, State: 'orphaned', Timestamp: timestamp(now), Message },
    ...(isWanted(task.DesiredState) && { DesiredState: 'shutdown' }),
  });
}

/** What no worker has seen leaves no history. */
export function withdraw(draft: SeatDraft, task: Task): void {
  draft.edit(task, { DesiredState: compareStates(task.Status.State, 'assigned') < 0 ? 'remove' : 'shutdown' });
}

/** For a task that has ended: it becomes history. */
function retire(draft: SeatDraft, task: Task): void {
  draft.edit(task, { DesiredState: 'shutdown' });
}

function removeStaleIterations(view: SeatView, draft: SeatDraft): void {
  for (const task of draft.tasks) {
    if (isLive(task) && !isOfCurrentIteration(task, view.facts)) draft.edit(task, { DesiredState: 'remove' });
  }
}

/**
 * One that took over has done the job, perhaps so fast that nobody saw it run: the one before it is on a node that is down,
 * and would do the work again there, and until then take up one of the places of the job.
 */
function withdrawSuperseded(view: SeatView, draft: SeatDraft): void {
  if (!isJob(view.facts.service)) return;
  const isDone = (task: Task) =>
    task.Status.State === 'complete' && task.DesiredState !== 'remove' && isOfCurrentIteration(task, view.facts);
  const [done] = draft.tasks.filter(isDone).sort(byAge);
  if (done === undefined) return;
  for (const task of draft.tasks.filter((each) => isLive(each) && byAge(done, each) < 0)) {
    draft.restOn(done);
    withdraw(draft, task);
  }
}

export function isOfCurrentIteration(task: Task, { service }: ServiceFacts): boolean {
  return !isJob(service) || (task.JobIteration?.Index ?? 0) === (service.JobStatus?.JobIteration.Index ?? 0);
}

/**
 * A seat has one task; while it is renewed start-first, or taken over from a node that was down, it has two until the
 * new one runs. What runs is kept before what does not, and what has run longest before what came later.
 */
function keepOne(view: SeatView, draft: SeatDraft, { present, absent, expelled }: Whereabouts, now: number): void {
  if (absent.length === 0 && expelled.length === 0 && decideMove(view, draft, present, now)) return;
  const ranked = [...present].sort(preferred);
  const clean = ranked.filter((task) => isClean(task, view.facts, view.world));
  const dirty = ranked.filter((task) => !clean.includes(task));
  const [keptClean, ...surplusClean] = clean;
  const [keptDirty, ...surplusDirty] = dirty;
  const handOverMs = keptClean !== undefined && keptDirty !== undefined ? handOverAtMs(view, keptClean, keptDirty) : now;
  if (now < handOverMs && Number.isFinite(handOverMs)) draft.wakeAt(handOverMs);
  const cleanRuns = keptClean !== undefined && isRunning(keptClean) && now >= handOverMs;
  const surplus = [...surplusClean, ...surplusDirty, ...(cleanRuns && keptDirty !== undefined ? [keptDirty] : [])];
  const kept = keptClean ?? keptDirty;
  if (kept !== undefined && surplus.length > 0) {
    const graceEndsMs = isRunning(kept) ? returnGraceEndsMs(view, kept, surplusClean) : now;
    if (now < graceEndsMs) {
      draft.wakeAt(graceEndsMs);
    } else {
      draft.restOn(kept);
      for (const task of surplus) withdraw(draft, task);
    }
  }
  const running = ranked.find(isRunning);
  if (running !== undefined && absent.length > 0) {
    draft.restOn(running);
    for (const task of absent) withdraw(draft, task);
  }
  if (running === undefined || expelled.length === 0) return;
  const provenMs = provenAtMs(running, rulesOf(view.facts.service).monitorMs);
  if (now < provenMs) {
    draft.wakeAt(provenMs);
    return;
  }
  draft.restOn(running);
  for (const task of expelled) withdraw(draft, task);
}

/**
 * When the new task has stood the test and the one it renews may go: start-first, only once it has run well for as long
 * as it is watched. An old task that does not run is no reason to wait.
 */
function handOverAtMs({ facts }: SeatView, renewed: Task, outdated: Task): number {
  const rules = rulesOf(facts.service);
  if (!isRunning(renewed)) return Number.POSITIVE_INFINITY;
  return rules.startFirst && isRunning(outdated) ? provenAtMs(renewed, rules.monitorMs) : Number.NEGATIVE_INFINITY;
}

/** Live tasks of a seat by where they are. */
interface Whereabouts {
  readonly present: readonly Task[];
  readonly absent: readonly Task[];
  readonly expelled: readonly Task[];
}

/**
 * One that was made to take another's place although that one is well: the other goes once it has stood the test. What
 * finds no place where it shall go is given up. False when there is no such pair.
 */
function decideMove(view: SeatView, draft: SeatDraft, present: readonly Task[], now: number): boolean {
  const [mover, moved] = findMove(present, view);
  if (mover === undefined || moved === undefined) return false;
  if (!isRunning(mover)) {
    if (isWithoutPlace(mover) || !isRunning(moved)) for (const task of present) if (task !== moved) withdraw(draft, task);
    return true;
  }
  const provenMs = provenAtMs(mover, rulesOf(view.facts.service).monitorMs);
  if (now < provenMs && isRunning(moved)) {
    draft.wakeAt(provenMs);
    return true;
  }
  draft.restOn(mover);
  for (const task of present) if (task !== mover) withdraw(draft, task);
  return true;
}

function findMove(present: readonly Task[], { facts, world }: SeatView): readonly Task[] {
  for (const mover of present) {
    const moved = present.find((task) => task.ID === mover.origin?.replaces);
    if (moved !== undefined && isClean(mover, facts, world) && isClean(moved, facts, world)) return [mover, moved];
  }
  return [];
}

/** Until when to believe only half of what a node that has just come back is said to run. */
function returnGraceEndsMs(view: SeatView, kept: Task, rivals: readonly Task[]): number {
  const node = nodeOf(kept, view.world);
  const tookOver = rivals.some((rival) => rival.origin?.kind === 'move' && rival.CreatedAt > kept.CreatedAt);
  return tookOver && node !== undefined ? epochMs(node.UpdatedAt) + RETURN_GRACE_MS : Number.NEGATIVE_INFINITY;
}

function preferred(a: Task, b: Task): number {
  if (isRunning(a) !== isRunning(b)) return isRunning(a) ? -1 : 1;
  if ((a.DesiredState === 'ready') !== (b.DesiredState === 'ready')) return a.DesiredState === 'ready' ? 1 : -1;
  return byAge(b, a);
}

/** All tasks of the seat are on nodes that are down, or drained with care: they stay wanted, and another one takes over. */
function succeedAway(view: SeatView, draft: SeatDraft, away: readonly Task[], now: number): void {
  const [kept, ...surplus] = [...away].sort(preferred);
  if (kept === undefined) return;
  draft.restOn(kept);
  for (const task of surplus) withdraw(draft, task);
  if (view.purpose !== 'fill' || !('Slot' in view.seat) || isNeverRestarted(view)) return;
  // One that took over before and failed is followed as any other that fails: after a pause that grows.
  if (draft.tasks.some((task) => isLaterFailure(task, kept, view))) succeedEnded(view, draft, now);
  else create(view, draft, originOfMove(kept, now), now);
}

function isLaterFailure(task: Task, kept: Task, { facts }: SeatView): boolean {
  return task.DesiredState !== 'remove' && endedByItself(task) && isOfCurrentIteration(task, facts) && byAge(task, kept) < 0;
}

/** The seat has no task any more. */
function succeedEnded(view: SeatView, draft: SeatDraft, now: number): void {
  const { facts } = view;
  if (view.purpose !== 'fill') return;
  const [last] = draft.tasks
    .filter((task) => task.DesiredState !== 'remove' && isOfCurrentIteration(task, facts) && standingOf(task, view.world, now) !== 'absent')
    .sort(byAge);
  const origin = last === undefined ? ({ kind: 'new' } as const) : decideSuccession(view, draft, last, now);
  if (origin === undefined) return;
  if (last?.DesiredState === 'ready') retire(draft, last);
  create(view, draft, origin, now);
}

/** A new task for the seat; it is prepared and waits where its time has not come, or something of the seat still stops. */
function create(view: SeatView, draft: SeatDraft, origin: TaskOrigin, now: number): void {
  const waits = origin.notBefore !== undefined && epochMs(origin.notBefore) > now;
  const blocked = draft.tasks.some((task) => !isLive(task) && !hasStopped(task, view.world));
  draft.create(newTask(view.facts, view.seat, origin, waits || blocked ? 'ready' : goalOf(view.facts), now));
}

/** Why and when the successor of `last` shall start; undefined when there is none, or not yet. */
function decideSuccession(view: SeatView, draft: SeatDraft, last: Task, now: number): TaskOrigin | undefined {
  const { facts } = view;
  if (!isClean(last, facts, view.world)) return { kind: 'update' };
  if (!endedByItself(last)) return 'Slot' in view.seat && isNeverRestarted(view) ? undefined : originOfMove(last, now);
  if (last.DesiredState === 'ready' && last.origin?.notBefore !== undefined && epochMs(last.origin.notBefore) > now) {
    draft.wakeAt(epochMs(last.origin.notBefore));
    return undefined;
  }
  const restart = decideRestart(last, view.tasks, facts, now);
  if (restart.kind === 'restart') return restart.origin;
  if (last.DesiredState === 'ready') retire(draft, last);
  return undefined;
}

function isNeverRestarted(view: SeatView): boolean {
  return view.facts.template.spec.RestartPolicy?.Condition === 'none';
}

/** A prepared task starts when its delay is over and the one before it has stopped, or has had its time for that. */
function start(view: SeatView, draft: SeatDraft, task: Task, now: number): void {
  const notBeforeMs = task.origin?.notBefore === undefined ? now : epochMs(task.origin.notBefore);
  if (now < notBeforeMs) {
    draft.wakeAt(notBeforeMs);
    return;
  }
  const blockers = draft.tasks.filter((other) => other.ID !== task.ID && !isLive(other) && !hasStopped(other, view.world));
  const patienceEndsMs = epochMs(task.CreatedAt) + Math.max(0, ...blockers.map((blocker) => stopPatienceMs(view, blocker)));
  if (blockers.length > 0 && now < patienceEndsMs) {
    draft.wakeAt(patienceEndsMs);
    return;
  }
  draft.edit(task, { DesiredState: goalOf(view.facts) });
}

/** One minute for a task with the default grace period; a database that may take longer to stop is given longer. */
function stopPatienceMs(view: SeatView, task: Task): number {
  const grace = view.world.templates.get(task.templateID)?.spec.ContainerSpec?.StopGracePeriod;
  return Math.max(DEFAULT_STOP_GRACE_MS, grace === undefined ? 0 : grace / 1e6) + STOP_SLACK_MS;
}

function goalOf(facts: ServiceFacts): 'running' | 'complete' {
  return isJob(facts.service) ? 'complete' : 'running';
}

export function newTask(facts: ServiceFacts, seat: Seat, origin: TaskOrigin, desired: DesiredState, now: number): NewTask {
  const { service } = facts;
  const volumeNode = 'Slot' in seat ? service.volumeNodes?.[seat.Slot] : undefined;
  return {
    ServiceID: service.ID,
    templateID: service.templateID,
    specVersion: service.specVersion,
    ...seat,
    DesiredState: desired,
    origin: volumeNode === undefined ? origin : { ...origin, node: { id: volumeNode, why: 'volume' } },
    ...(facts.waits !== undefined && isHeldBack(origin) && { hold: facts.waits }),
    ...(facts.logDriver !== undefined && { logDriver: facts.logDriver }),
    Status: { State: 'new', Timestamp: timestamp(now), Message: 'created' },
    ...(isJob(service) && { JobIteration: { Index: service.JobStatus?.JobIteration.Index ?? 0 } }),
  };
}

/** What stands in for a task that has run starts at once, whatever the service depends on. */
function isHeldBack({ kind }: TaskOrigin): boolean {
  return kind === 'new' || kind === 'update';
}
