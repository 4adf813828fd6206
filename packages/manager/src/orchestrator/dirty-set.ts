import type { Node, Service, Task } from '@swarm/shared/domain/objects';
import { compareStates } from '@swarm/shared/domain/task-state';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { NodeID, ServiceID } from '@swarm/shared/runtime/ids';
import type { Commit } from '../store/store.ts';
import { slotKey } from '../store/tables.ts';
import type { Seat } from './decide/view.ts';

/** A seat by name: enough to read it again. */
export interface SeatRef {
  readonly key: string;
  readonly serviceID: ServiceID;
  readonly seat: Seat;
}

/** What has changed since the last pass, as coarse as the decisions need it. Cheap to mark, taken whole. */
export class DirtySet {
  services = new Set<ServiceID>();
  seats = new Map<string, SeatRef>();
  /** Nodes whose tasks are to be looked at seat by seat. */
  nodes = new Set<NodeID>();
  /** Nodes for which whole services are to be looked at: somebody changed what may run there. */
  reopenedNodes = new Set<NodeID>();
  /** Names of services that are gone: nobody else knows them when others that wait for these are looked for. */
  departed = new Set<string>();

  /** True when something was marked. */
  mark(commit: Commit): boolean {
    const before = this.size;
    for (const change of commit.changes) {
      if (change.table === 'services') this.#markService(change.before, change.after);
      else if (change.table === 'tasks') this.#markTask(change.before, change.after);
      else if (change.table === 'nodes') this.#markNode(change.before, change.after);
    }
    return this.size > before;
  }

  get size(): number {
    return this.services.size + this.seats.size + this.nodes.size + this.reopenedNodes.size + this.departed.size;
  }

  take(): DirtySet {
    const taken = new DirtySet();
    [taken.services, taken.seats, taken.nodes, taken.reopenedNodes] = [this.services, this.seats, this.nodes, this.reopenedNodes];
    [this.services, this.seats, this.nodes, this.reopenedNodes] = [new Set(), new Map(), new Set(), new Set()];
    [taken.departed, this.departed] = [this.departed, new Set()];
    return taken;
  }

  markSeat(ref: SeatRef): void {
    this.seats.set(ref.key, ref);
  }

  #markService(before: Service | undefined, after: Service | undefined): void {
    const service = after ?? before;
    if (service !== undefined) this.services.add(service.ID);
    if (after === undefined && before !== undefined) this.departed.add(before.Spec.Name.toLowerCase());
  }

  #markTask(before: Task | undefined, after: Task | undefined): void {
    const task = after ?? before;
    if (task === undefined) return;
    const isSame =
      before !== undefined &&
      after !== undefined &&
      before.Status.State === after.Status.State &&
      before.DesiredState === after.DesiredState &&
      before.NodeID === after.NodeID &&
      !hasNewsOfItsPlace(before, after);
    const ref = isSame ? undefined : seatRefOf(task);
    if (ref !== undefined) this.markSeat(ref);
  }

  #markNode(before: Node | undefined, after: Node | undefined): void {
    const node = after ?? before;
    if (node === undefined) return;
    if (before !== undefined && after !== undefined) {
      if (!deepEqual(rulesOf(before), rulesOf(after))) this.reopenedNodes.add(node.ID);
      if (before.Status.State !== after.Status.State) this.nodes.add(node.ID);
    } else {
      this.nodes.add(node.ID);
    }
  }
}

/** Where a task that takes another's place finds no node or address, the other one may have to go first, or it is given up. */
function hasNewsOfItsPlace(before: Task, after: Task): boolean {
  const { kind } = after.origin ?? {};
  return (
    compareStates(after.Status.State, 'assigned') <= 0 && (kind === 'update' || kind === 'move') && before.Status.Err !== after.Status.Err
  );
}

/** What decides which tasks a node may have, apart from whether it is up. */
function rulesOf(node: Node) {
  const { Description } = node;
  return [
    node.Spec.Availability,
    node.damped,
    node.Spec.Labels,
    node.role,
    node.Status.Addr,
    Description?.Hostname,
    Description?.Platform,
    Description?.Engine.Labels,
  ];
}

/** Undefined for a task that has no seat: a global one without a node cannot exist. */
export function seatRefOf(task: Pick<Task, 'ServiceID' | 'Slot' | 'NodeID'>): SeatRef | undefined {
  const key = slotKey(task);
  if (task.Slot !== undefined) return { key, serviceID: task.ServiceID, seat: { Slot: task.Slot } };
  return task.NodeID === undefined ? undefined : { key, serviceID: task.ServiceID, seat: { NodeID: task.NodeID } };
}
