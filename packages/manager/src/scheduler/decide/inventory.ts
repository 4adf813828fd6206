import type { Node, Task } from '@swarm/shared/domain/objects';
import { isTerminal, isWanted, TASK_STATE_ORDER } from '@swarm/shared/domain/task-state';
import type { GenericResource } from '@swarm/shared/engine-api/service-spec';
import type { NodeID, ServiceID, TaskID, TemplateID } from '@swarm/shared/runtime/ids';
import type { Demand } from './demand.ts';
import { type FailureRecord, recordFailure } from './failures.ts';
import { emptyLoad, type NodeLoad, occupy, vacate } from './node-load.ts';
import { SeatCounts } from './seat-counts.ts';
import { SharedDemands } from './shared-demands.ts';

/** A node and what is on it. Kept while the node exists or tasks that have not ended name it. */
export interface Seat {
  readonly id: NodeID;
  /** Absent: tasks name a node that is gone. */
  node: Node | undefined;
  readonly load: NodeLoad;
  /** The node's place among all nodes in order of id; -1 while it has none. */
  ordinal: number;
  /** The inventory's `sequence` after the last change of this seat. */
  changedAt: number;
}

/** One task's share of a node. */
export interface Share {
  readonly task: Task;
  readonly seat: Seat;
  readonly demand: Demand;
  readonly generic: readonly GenericResource[];
}

/**
 * All nodes and their loads, kept up to date change by change: the scheduler's picture of the cluster. It runs ahead of
 * the store by the placements that are under way.
 */
export class Inventory {
  readonly #seats = new Map<string, Seat>();
  readonly #demands = new SharedDemands();
  /** Active tasks per service and seat. */
  readonly #own = new Map<string, SeatCounts>();
  /** Recent failures per template and seat. */
  readonly #failures = new Map<string, Map<Seat, FailureRecord>>();
  /** Placements that are decided and not yet seen in a commit. */
  readonly #underWay = new Map<string, Share>();
  #ordered: readonly Seat[] = [];
  #orderIsStale = false;
  #epoch = 0;
  #roomSequence = 0;
  #log: Seat[] = [];
  #logStart = 0;

  /** Rises with every change of a node or its load. */
  get sequence(): number {
    return this.#logStart + this.#log.length;
  }

  /** Rises with every change after which a task that fitted nowhere may fit, or the reason may be another one. */
  get roomSequence(): number {
    return this.#roomSequence;
  }

  /** Rises whenever nodes come or go: ordinals of an earlier epoch mean nothing. */
  get epoch(): number {
    this.#order();
    return this.#epoch;
  }

  /** The nodes in order of id; a seat's place here is its ordinal. */
  get ordered(): readonly Seat[] {
    this.#order();
    return this.#ordered;
  }

  seat(nodeID: string): Seat | undefined {
    return this.#seats.get(nodeID);
  }

  demand(templateID: string): Demand | undefined {
    return this.#demands.get(templateID);
  }

  /** The seats with active tasks of the service, and how many. */
  own(serviceID: string): SeatCounts | undefined {
    return this.#own.get(serviceID);
  }

  failures(templateID: string): ReadonlyMap<Seat, FailureRecord> | undefined {
    return this.#failures.get(templateID);
  }

  /** Calls `visit` once for each seat that changed after `since`. */
  changedSince(since: number, visit: (seat: Seat) => void): void {
    if (since >= this.#logStart) {
      for (let at = since - this.#logStart; at < this.#log.length; at += 1) {
        const seat = this.#log[at] as Seat;
        // Only at its last entry: a node may have changed many times.
        if (seat.changedAt === this.#logStart + at + 1) visit(seat);
      }
      return;
    }
    for (const seat of this.ordered) if (seat.changedAt > since) visit(seat);
  }

  putNode(node: Node): void {
    const seat = this.#seatFor(node.ID);
    if (seat.node === undefined) this.#orderIsStale = true;
    if (seat.node === undefined || differs(seat.node, node)) this.#roomSequence += 1;
    seat.node = node;
    this.#note(seat);
  }

  removeNode(nodeID: string): void {
    const seat = this.#seats.get(nodeID);
    if (seat?.node === undefined) return;
    seat.node = undefined;
    seat.ordinal = -1;
    this.#orderIsStale = true;
    this.#roomSequence += 1;
    this.#note(seat);
    this.#dropIfUnused(seat);
  }

  putDemand(templateID: TemplateID, demand: Demand): void {
    this.#demands.put(templateID, demand);
  }

  /** Only once no task of the template is left. */
  removeDemand(templateID: string): void {
    this.#demands.remove(templateID);
    this.#failures.delete(templateID);
  }

  /** Whether a placement of the task was decided and its outcome is not known yet. */
  isUnderWay(taskID: string): boolean {
    return this.#underWay.has(taskID);
  }

  /** Takes over a commit's change of a task. True: it is the placement that was under way, and now is done. */
  changeTask(before: Task | undefined, after: Task | undefined): boolean {
    const id = (after ?? before)?.ID as TaskID;
    const share = this.#underWay.get(id);
    if (share !== undefined && after !== undefined && holdsNode(after) && after.NodeID === share.seat.id) {
      this.#underWay.delete(id);
      this.#count(after, share.seat, isWanted(after.DesiredState), isWanted(share.task.DesiredState));
      return true;
    }
    const held = before !== undefined && holdsNode(before);
    const holds = after !== undefined && holdsNode(after);
    if (held && holds && before.NodeID === after.NodeID) {
      const seat = this.#seatFor(after.NodeID);
      this.#count(after, seat, isWanted(after.DesiredState), isWanted(before.DesiredState));
      return false;
    }
    if (held) this.#leave(before);
    if (holds) this.#enter(after);
    return false;
  }

  /** A task ended badly on its node. Older than what counts: forgotten. */
  noteFailure(task: Task, atMs: number, nowMs: number): void {
    if (task.NodeID === undefined || !this.#demands.has(task.templateID)) return;
    const seat = this.#seats.get(task.NodeID);
    if (seat === undefined) return;
    const ofTemplate = this.#failures.get(task.templateID) ?? new Map<Seat, FailureRecord>();
    ofTemplate.set(seat, recordFailure(ofTemplate.get(seat), atMs, nowMs));
    this.#failures.set(task.templateID, ofTemplate);
  }

  /** Gives the task its share of the node ahead of the commit. */
  reserve(share: Share): void {
    const { task, seat, demand, generic } = share;
    this.#underWay.set(task.ID, share);
    occupy(seat.load, demand, generic);
    this.#count(task, seat, true, false);
  }

  /** The placement was refused: takes the share back. */
  release(taskID: string): void {
    const share = this.#underWay.get(taskID);
    if (share === undefined) return;
    this.#underWay.delete(taskID);
    this.#roomSequence += 1;
    vacate(share.seat.load, share.demand, share.generic);
    this.#count(share.task, share.seat, false, true);
    this.#dropIfUnused(share.seat);
  }

  #enter(task: Task & { readonly NodeID: NodeID }): void {
    const demand = this.#demandOf(task);
    const seat = this.#seatFor(task.NodeID);
    occupy(seat.load, demand, task.GenericResources);
    this.#count(task, seat, isWanted(task.DesiredState), false);
    this.#note(seat);
  }

  #leave(task: Task & { readonly NodeID: NodeID }): void {
    const demand = this.#demandOf(task);
    const seat = this.#seatFor(task.NodeID);
    this.#roomSequence += 1;
    vacate(seat.load, demand, task.GenericResources);
    this.#count(task, seat, false, isWanted(task.DesiredState));
    this.#note(seat);
    this.#dropIfUnused(seat);
  }

  #demandOf(task: Task): Demand {
    const demand = this.#demands.get(task.templateID);
    if (demand === undefined) throw new Error(`task ${task.ID} refers to template ${task.templateID}, which does not exist`);
    return demand;
  }

  /** Moves the task into or out of what counts as active. */
  #count(task: Task, seat: Seat, isActive: boolean, wasActive: boolean): void {
    if (isActive === wasActive) return;
    const change = isActive ? 1 : -1;
    if (!isActive) this.#roomSequence += 1;
    seat.load.active += change;
    let own = this.#own.get(task.ServiceID);
    if (own === undefined) {
      own = new SeatCounts();
      this.#own.set(task.ServiceID, own);
    }
    own.add(seat, change);
    if (own.size === 0) this.#own.delete(task.ServiceID as ServiceID);
    this.#note(seat);
  }

  #seatFor(nodeID: NodeID): Seat {
    let seat = this.#seats.get(nodeID);
    if (seat === undefined) {
      seat = { id: nodeID, node: undefined, load: emptyLoad(), ordinal: -1, changedAt: 0 };
      this.#seats.set(nodeID, seat);
    }
    return seat;
  }

  #dropIfUnused(seat: Seat): void {
    if (seat.node !== undefined || seat.load.held > 0) return;
    this.#seats.delete(seat.id);
    for (const ofTemplate of this.#failures.values()) ofTemplate.delete(seat);
  }

  #note(seat: Seat): void {
    this.#log.push(seat);
    seat.changedAt = this.sequence;
    if (this.#log.length > 4 * this.#seats.size + 4096) {
      const dropped = this.#log.length >>> 1;
      this.#log = this.#log.slice(dropped);
      this.#logStart += dropped;
    }
  }

  #order(): void {
    if (!this.#orderIsStale) return;
    this.#orderIsStale = false;
    this.#epoch += 1;
    this.#ordered = [...this.#seats.values()].filter((seat) => seat.node !== undefined).sort((a, b) => (a.id < b.id ? -1 : 1));
    this.#ordered.forEach((seat, ordinal) => {
      seat.ordinal = ordinal;
    });
  }
}

/** Whether anything differs that a filter looks at. */
function differs(a: Node, b: Node): boolean {
  return (
    a.Spec !== b.Spec ||
    a.Description !== b.Description ||
    a.Status.State !== b.Status.State ||
    a.Status.Addr !== b.Status.Addr ||
    a.role !== b.role ||
    a.engineHealth?.ok !== b.engineHealth?.ok ||
    a.lacksNetworks !== b.lacksNetworks ||
    refusedNetworks(a) !== refusedNetworks(b) ||
    a.damped !== b.damped
  );
}

/** Whether the task takes its share of its node: from assignment until it has ended. */
export function holdsNode(task: Task): task is Task & { readonly NodeID: NodeID } {
  const { State } = task.Status;
  return task.NodeID !== undefined && TASK_STATE_ORDER[State] >= TASK_STATE_ORDER.assigned && !isTerminal(State);
}

/** Few hosts refuse a network, and few networks. */
function refusedNetworks({ networkProblems = [] }: Node): string {
  return networkProblems
    .flatMap(({ kind, networkID }) => (kind === 'unsupported' && networkID !== undefined ? [networkID] : []))
    .sort()
    .join(' ');
}
