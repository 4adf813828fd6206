import { isPinned } from '@swarm/shared/domain/local-volumes';
import type { Service, Task } from '@swarm/shared/domain/objects';
import { isTerminal } from '@swarm/shared/domain/task-state';
import type { NetworkSpec } from '@swarm/shared/engine-api/payload-specs';
import { type Clock, delay, timestamp } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import { startLoop } from '@swarm/shared/runtime/loop';
import type { Change, Commit, ReadTransaction, Store } from '../store/store.ts';
import { commitSchedule, type Schedule } from './commit-schedule.ts';
import { CandidateCache } from './decide/candidates.ts';
import { buildDemand } from './decide/demand.ts';
import { holdsNode, Inventory } from './decide/inventory.ts';
import { type Placement, placeGroup, placePreassigned, placeWished } from './decide/place-group.ts';
import { needsNode, type TaskGroup, TaskQueue } from './task-queue.ts';

/**
 * The scheduler: gives every pending task a node, or says why there is none. New tasks are looked at as soon as they are
 * seen; when many come, a look takes all that have come meanwhile. Tasks that fitted nowhere are looked at again after a
 * change that may help, once it has been quiet for a moment: when hosts come back one by one, the first shall not take all.
 */
export interface SchedulerDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The scheduler has stopped: its store has, or what must not happen has happened. */
  readonly onFailure: (error: unknown) => void;
}

export interface Scheduler {
  /** Resolves when nothing is under way, due or put off, for tests. */
  idle(): Promise<void>;
  stop(): Promise<void>;
}

/** Quiet time before waiting tasks are looked at again, and the longest that further changes can put it off. */
const ROOM_DEBOUNCE_MS = 50;
const ROOM_DEBOUNCE_MAX_MS = 1000;
/** Tasks per look and per transaction: a few milliseconds of work. */
const TASKS_PER_LOOK = 1000;

export function startScheduler(deps: SchedulerDeps): Scheduler {
  const { store, clock, logger } = deps;
  const inventory = new Inventory();
  const cache = new CandidateCache(inventory);
  const queue = new TaskQueue();
  /** Why the tasks of a template wait, as last logged. */
  const logged = new Map<string, string>();
  let roomSeen = 0;
  let roomSince: number | undefined;
  let roomTimer: { readonly cancel: () => void; readonly over: PromiseWithResolvers<void> } | undefined;

  function load(tx: ReadTransaction): void {
    const networkSpec = networkSpecOf(tx);
    for (const node of tx.nodes.all()) inventory.putNode(node);
    for (const template of tx.templates.unordered()) inventory.putDemand(template.ID, buildDemand(template, networkSpec));
    const now = clock.now();
    const pending: Task[] = [];
    for (const task of tx.tasks.unordered()) {
      inventory.changeTask(undefined, task);
      if (needsNode(task)) pending.push(task);
      if (isFailure(task)) inventory.noteFailure(task, Date.parse(task.Status.Timestamp), now);
    }
    pending.sort(compareAges);
    for (const task of pending) queue.put(task);
    roomSeen = inventory.roomSequence;
  }

  function onCommit(commit: Commit): void {
    try {
      const removedTemplates: string[] = [];
      for (const change of commit.changes) onChange(change, removedTemplates);
      // After the tasks of the same commit: what they leave is read from their template.
      for (const id of removedTemplates) {
        inventory.removeDemand(id);
        logged.delete(id);
      }
      if (queue.hasFresh) loop.wake();
      noteRoom();
    } catch (error) {
      // The store's listeners must not throw; the picture of the cluster is wrong now, so the manager has to stop.
      deps.onFailure(error);
    }
  }

  function onChange(change: Change, removedTemplates: string[]): void {
    switch (change.table) {
      case 'nodes':
        if (change.after === undefined) inventory.removeNode(change.id);
        else inventory.putNode(change.after);
        return;
      case 'templates':
        if (change.after === undefined) removedTemplates.push(change.id);
        else inventory.putDemand(change.after.ID, buildDemand(change.after, store.view(networkSpecOf)));
        return;
      case 'tasks':
        onTask(change.before, change.after);
        return;
      case 'services':
        onService(change.before, change.after);
        return;
      case 'clusters':
      case 'networks':
      case 'secrets':
      case 'configs':
      case 'stackRevisions':
        return;
    }
  }

  function onTask(before: Task | undefined, after: Task | undefined): void {
    // What was under way is in no queue.
    if (inventory.changeTask(before, after)) return;
    if (after !== undefined && needsNode(after)) {
      // What is under way comes back when its transaction is refused, and only then.
      if (!inventory.isUnderWay(after.ID)) queue.put(after);
    } else if (before !== undefined) queue.drop(before);
    if (after !== undefined && isFailure(after) && before !== undefined && !isTerminal(before.Status.State)) {
      inventory.noteFailure(after, clock.now(), clock.now());
    }
  }

  /** Whoever takes the pin off wants the tasks that wait for their data to go elsewhere. */
  function onService(before: Service | undefined, after: Service | undefined): void {
    if (isPinned(before?.Spec.Labels) !== isPinned(after?.Spec.Labels)) retrySoon();
  }

  function isPinnedTask(task: Task): boolean {
    return task.origin?.node?.why === 'volume' && isPinned(store.view((tx) => tx.services.get(task.ServiceID))?.Spec.Labels);
  }

  function noteRoom(): void {
    if (inventory.roomSequence === roomSeen) return;
    roomSeen = inventory.roomSequence;
    retrySoon();
  }

  function retrySoon(): void {
    if (!queue.hasWaiting) return;
    const now = clock.monotonicMs();
    roomSince ??= now;
    const over = roomTimer?.over ?? Promise.withResolvers<void>();
    roomTimer?.cancel();
    const cancel = clock.setTimer(Math.max(0, Math.min(ROOM_DEBOUNCE_MS, roomSince + ROOM_DEBOUNCE_MAX_MS - now)), () => {
      roomTimer = undefined;
      roomSince = undefined;
      queue.retryWaiting();
      loop.wake();
      over.resolve();
    });
    roomTimer = { cancel, over };
  }

  async function pass(signal: AbortSignal): Promise<void> {
    while (queue.hasFresh && !signal.aborted) {
      const schedule = decide(queue.takeFresh(TASKS_PER_LOOK));
      if (schedule.placements.length > 0 || schedule.explanations.length > 0) await commit(schedule);
      else await delay(clock, 0, signal);
    }
  }

  function decide(groups: readonly TaskGroup[]): Schedule {
    const placements: Placement[] = [];
    const explanations: { task: Task; explanation: string }[] = [];
    const now = clock.now();
    const notPlaced = (task: Task, explanation: string) => {
      queue.wait(task);
      if ((task.Status.Err ?? '') !== explanation) explanations.push({ task, explanation });
    };
    for (const { templateID, tasks } of groups) {
      const demand = inventory.demand(templateID);
      if (demand === undefined) throw new Error(`template ${templateID} of task ${tasks[0]?.ID} does not exist`);
      const free: Task[] = [];
      for (const task of tasks) {
        const verdict =
          task.NodeID === undefined ? placeWished(inventory, demand, task, isPinnedTask(task)) : placePreassigned(inventory, demand, task);
        if (verdict === undefined) free.push(task);
        else if ('seat' in verdict) placements.push(verdict);
        else notPlaced(task, verdict.explanation);
      }
      if (free.length === 0) continue;
      const plan = placeGroup(inventory, cache, demand, free, now);
      placements.push(...plan.placed);
      for (const task of plan.unplaced) notPlaced(task, plan.explanation);
      logWaiting(templateID, plan.unplaced, plan.explanation);
    }
    return { placements, explanations };
  }

  function logWaiting(templateID: string, unplaced: readonly Task[], explanation: string): void {
    const [first] = unplaced;
    if (first === undefined) {
      logged.delete(templateID);
      return;
    }
    if (logged.get(templateID) === explanation) return;
    logged.set(templateID, explanation);
    logger.info({ service: first.ServiceID, tasks: unplaced.length, reason: explanation }, 'tasks wait for a node');
  }

  async function commit(schedule: Schedule): Promise<void> {
    const refused = await commitSchedule(store, inventory, schedule, timestamp(clock.now()));
    if (schedule.placements.length > 0) {
      logger.debug({ placed: schedule.placements.length - refused.length, refused: refused.length }, 'tasks placed');
    }
    for (const { ID } of refused) {
      const current = store.view((tx) => tx.tasks.get(ID));
      if (current !== undefined && needsNode(current)) queue.put(current);
    }
    noteRoom();
  }

  const { stop: stopWatching } = store.viewAndWatch(load, onCommit);
  const loop = startLoop({ clock, pass, onFailure: deps.onFailure });
  return {
    async idle() {
      await loop.idle();
      while (roomTimer !== undefined) {
        await roomTimer.over.promise;
        await loop.idle();
      }
    },
    async stop() {
      stopWatching();
      roomTimer?.cancel();
      roomTimer?.over.resolve();
      roomTimer = undefined;
      await loop.stop();
    },
  };
}

function networkSpecOf(tx: ReadTransaction): (networkID: string) => NetworkSpec | undefined {
  return (networkID) => tx.networks.get(networkID)?.Spec;
}

/** First come first served; of those that came together, in order of id. */
function compareAges(a: Task, b: Task): number {
  return a.Version.Index - b.Version.Index || (a.ID < b.ID ? -1 : 1);
}

/** A task that failed where the scheduler had put it. Global tasks go where the orchestrator says: they tell nothing about a choice. */
function isFailure(task: Task): boolean {
  const { State } = task.Status;
  return (State === 'failed' || State === 'rejected') && task.Slot !== undefined && task.NodeID !== undefined && !holdsNode(task);
}
