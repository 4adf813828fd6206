import type { Task, TaskOrigin, UpdateStatus } from '@swarm/shared/domain/objects';
import { isLive } from '@swarm/shared/domain/task-state';
import type { NodeID } from '@swarm/shared/runtime/ids';
import { purposeOfNode } from './global.ts';
import { lowestFreeSlots, occupiedSlots, slotsToRemove } from './replicated.ts';
import { isJob } from './restart.ts';
import { decideSeat, isOfCurrentIteration, newTask, type SeatView } from './seat.ts';
import { hasStopped } from './standing.ts';
import { decideUpdate } from './update.ts';
import type { UpdateSeat } from './update-turn.ts';
import { isEmptyPlan, type Seat, SeatDraft, type SeatPlan, type ServiceFacts, type World } from './view.ts';

/** A whole service: which seats it has, what each needs, and which of them are renewed now. */
export interface ServiceView {
  readonly facts: ServiceFacts;
  readonly world: World;
  readonly tasks: readonly Task[];
  /** All nodes of the cluster; only global services and jobs look at them. */
  readonly nodeIDs: readonly NodeID[];
}

export interface ServicePlan {
  readonly seats: readonly SeatPlan[];
  readonly status?: UpdateStatus;
  readonly rollback?: string;
  /** When to look at the whole service again. */
  readonly wakeAtMs?: number;
  /** When to look at single seats again. */
  readonly seatWakes: readonly { readonly seat: Seat; readonly atMs: number }[];
}

interface DecidedSeat {
  readonly seat: Seat;
  readonly tasks: readonly Task[];
  readonly purpose: SeatView['purpose'];
  readonly plan: SeatPlan;
}

export function decideService(view: ServiceView, now: number): ServicePlan {
  const { Mode } = view.facts.service.Spec;
  if (Mode.ReplicatedJob !== undefined) return decideReplicatedJob(view, Mode.ReplicatedJob, now);
  const decided =
    Mode.Global !== undefined || Mode.GlobalJob !== undefined
      ? decideNodes(view, now)
      : decideSlots(view, Mode.Replicated?.Replicas ?? 1, now);
  if (isJob(view.facts.service)) return collect(decided);
  const seats = decided.filter(({ purpose }) => purpose !== 'clear').map(toUpdateSeat);
  const update = decideUpdate({ facts: view.facts, world: view.world, seats }, now);
  const own = collect(decided);
  return { ...update, ...own, seats: [...own.seats, ...update.seats.filter((plan) => !isEmptyPlan(plan))] };
}

/** What one seat is for, judged without the rest of the service: for passes over single seats. */
export function purposeOfSeat(view: Pick<SeatView, 'facts' | 'world' | 'seat' | 'tasks'>): SeatView['purpose'] {
  if ('NodeID' in view.seat) return purposeOfNode(view.world.nodes.get(view.seat.NodeID), view.facts.template);
  return view.tasks.some((task) => task.DesiredState !== 'remove') ? 'fill' : 'clear';
}

function toUpdateSeat({ seat, tasks, purpose, plan }: DecidedSeat): UpdateSeat {
  return { seat, tasks, state: purpose === 'hold' ? 'held' : isEmptyPlan(plan) ? 'open' : 'changing' };
}

function collect(decided: readonly DecidedSeat[]): Pick<ServicePlan, 'seats' | 'seatWakes'> {
  return {
    seats: decided.flatMap(({ plan }) => (isEmptyPlan(plan) ? [] : [plan])),
    seatWakes: decided.flatMap(({ seat, plan }) => (plan.wakeAtMs === undefined ? [] : [{ seat, atMs: plan.wakeAtMs }])),
  };
}

function decideSlots(view: ServiceView, replicas: number, now: number): readonly DecidedSeat[] {
  const occupied = occupiedSlots(view.tasks);
  const removed = new Set(slotsToRemove(occupied, occupied.size - replicas, view.world));
  const decided = [...bySlot(view.tasks)].map(([Slot, tasks]): DecidedSeat => {
    const seat = { Slot };
    if (removed.has(Slot)) return { seat, tasks, purpose: 'clear', plan: removeAll(tasks) };
    const purpose = occupied.has(Slot) ? 'fill' : 'clear';
    return { seat, tasks, purpose, plan: decideSeat({ facts: view.facts, world: view.world, seat, tasks, purpose }, now) };
  });
  return [...decided, ...fillSlots(view, lowestFreeSlots(occupied, Math.max(0, replicas - occupied.size)), now)];
}

/** One for all: there may be a million. */
const FIRST: TaskOrigin = { kind: 'new' };

/** First tasks for slots that have none; one that is still being cleared of its former tasks waits for that. */
function fillSlots(view: ServiceView, slots: readonly number[], now: number): readonly DecidedSeat[] {
  if (slots.length === 0) return [];
  const before = bySlot(view.tasks);
  return slots.map((Slot): DecidedSeat => {
    const seat = { Slot };
    const waits = (before.get(Slot) ?? []).some((task) => !hasStopped(task, view.world));
    const desired = waits ? 'ready' : isJob(view.facts.service) ? 'complete' : 'running';
    const plan = { create: [newTask(view.facts, seat, FIRST, desired, now)], update: [], premises: [], downNodes: [] };
    return { seat, tasks: [], purpose: 'fill', plan };
  });
}

function decideNodes(view: ServiceView, now: number): readonly DecidedSeat[] {
  const byNode = new Map<NodeID, Task[]>(view.nodeIDs.map((id) => [id, []]));
  for (const task of view.tasks) {
    if (task.NodeID === undefined) continue;
    const tasks = byNode.get(task.NodeID);
    if (tasks === undefined) byNode.set(task.NodeID, [task]);
    else tasks.push(task);
  }
  return [...byNode].map(([NodeID, tasks]): DecidedSeat => {
    const seat = { NodeID };
    const purpose = purposeOfNode(view.world.nodes.get(NodeID), view.facts.template);
    return { seat, tasks, purpose, plan: decideSeat({ facts: view.facts, world: view.world, seat, tasks, purpose }, now) };
  });
}

/** At most `MaxConcurrent` at work, each completion in a slot of its own, until there are `TotalCompletions`. */
function decideReplicatedJob(
  view: ServiceView,
  { MaxConcurrent = 1, TotalCompletions = MaxConcurrent }: { readonly MaxConcurrent?: number; readonly TotalCompletions?: number },
  now: number,
): ServicePlan {
  const used = new Set<number>();
  let atWork = 0;
  const decided: DecidedSeat[] = [];
  for (const [Slot, tasks] of bySlot(view.tasks)) {
    const ofNow = tasks.filter((task) => isOfCurrentIteration(task, view.facts));
    const purpose = ofNow.length > 0 ? 'fill' : 'hold';
    const seat = { Slot };
    const plan = decideSeat({ facts: view.facts, world: view.world, seat, tasks, purpose }, now);
    decided.push({ seat, tasks, purpose, plan });
    if (ofNow.length === 0) continue;
    used.add(Slot);
    const edited = new Map(plan.update.map((task) => [task.ID, task]));
    if (plan.create.length > 0 || ofNow.some((task) => isLive(edited.get(task.ID) ?? task))) atWork += 1;
  }
  const wanted = Math.max(0, MaxConcurrent - atWork);
  const free = lowestFreeSlots(used, wanted, 0).filter((slot) => slot < TotalCompletions);
  return collect([...decided, ...fillSlots(view, free, now)]);
}

function bySlot(tasks: readonly Task[]): ReadonlyMap<number, readonly Task[]> {
  const slots = new Map<number, Task[]>();
  for (const task of tasks) {
    if (task.Slot === undefined) continue;
    const seat = slots.get(task.Slot);
    if (seat === undefined) slots.set(task.Slot, [task]);
    else seat.push(task);
  }
  return slots;
}

/** All tasks of the seat, its history included. */
function removeAll(tasks: readonly Task[]): SeatPlan {
  const draft = new SeatDraft(tasks);
  for (const task of tasks) if (task.DesiredState !== 'remove') draft.edit(task, { DesiredState: 'remove' });
  return draft.plan;
}
