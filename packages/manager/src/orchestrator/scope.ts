import { localVolumesOf } from '@swarm/shared/domain/local-volumes';
import type { Service } from '@swarm/shared/domain/objects';
import type { ServiceID } from '@swarm/shared/runtime/ids';
import type { ReadTransaction } from '../store/store.ts';
import { slotKey } from '../store/tables.ts';
import { isJob } from './decide/restart.ts';
import type { Seat } from './decide/view.ts';
import { type DirtySet, type SeatRef, seatRefOf } from './dirty-set.ts';

/** What has to be decided: whole services, and single seats of services that need no more. */
export interface Scope {
  readonly services: ReadonlySet<ServiceID>;
  readonly seats: readonly SeatRef[];
}

/** From what has changed to what has to be decided. */
export function readScope(tx: ReadTransaction, dirty: DirtySet): Scope {
  const services = new Set(dirty.services);
  const seats = new Map(dirty.seats);
  const perNode = dirty.nodes.size + dirty.reopenedNodes.size === 0 ? [] : tx.services.all().filter(isPerNode);
  for (const nodeID of dirty.nodes) {
    for (const task of tx.tasks.by('node', nodeID)) {
      const ref = seatRefOf(task);
      if (ref !== undefined) seats.set(ref.key, ref);
    }
    for (const service of perNode) {
      const ref = seatRefFor(service.ID, { NodeID: nodeID });
      seats.set(ref.key, ref);
    }
  }
  for (const nodeID of dirty.reopenedNodes) {
    for (const task of tx.tasks.by('node', nodeID)) services.add(task.ServiceID);
    for (const service of perNode) services.add(service.ID);
  }
  const names = new Set(dirty.departed);
  for (const id of new Set([...services, ...[...seats.values()].map((ref) => ref.serviceID)])) {
    const name = tx.services.get(id)?.Spec.Name.toLowerCase();
    if (name !== undefined) names.add(name);
  }
  for (const name of names) for (const dependent of tx.services.by('dependency', name)) services.add(dependent.ID);
  const single: SeatRef[] = [];
  for (const ref of seats.values()) {
    if (services.has(ref.serviceID)) continue;
    if (needsWholePass(tx.services.get(ref.serviceID))) services.add(ref.serviceID);
    else single.push(ref);
  }
  return { services, seats: single.filter((ref) => !services.has(ref.serviceID)) };
}

export function allServices(tx: ReadTransaction): ReadonlySet<ServiceID> {
  // A template outlives its service as long as there are tasks of it.
  return new Set([...tx.services.all().map((service) => service.ID), ...tx.templates.all().map((template) => template.serviceID)]);
}

export function seatRefFor(serviceID: ServiceID, seat: Seat): SeatRef {
  return { key: slotKey({ ServiceID: serviceID, ...seat }), serviceID, seat };
}

function isPerNode({ Spec }: Service): boolean {
  return Spec.Mode.Global !== undefined || Spec.Mode.GlobalJob !== undefined;
}

/** What happens at one seat decides about the others: while a service is renewed, in jobs, and where data is remembered. */
function needsWholePass(service: Service | undefined): boolean {
  if (service === undefined) return false;
  const state = service.UpdateStatus?.State;
  return state === 'updating' || state === 'rollback_started' || isJob(service) || localVolumesOf(service.Spec.TaskTemplate).length > 0;
}
