import type { Service } from '@swarm/shared/domain/objects';
import { asID, type Random, type ServiceID, type TaskID, type TemplateID } from '@swarm/shared/runtime/ids';
import type { PlannedChange, PlanPart, Premise } from '../store/commit-plan.ts';
import { decideRollback } from './decide/rollback.ts';
import type { ServicePlan } from './decide/service.ts';
import type { SeatPlan } from './decide/view.ts';
import { explainNoWayBack } from './read-facts.ts';

/** A part and the service it is for, so that a refusal is known to whom it matters. */
export interface ServicePart extends PlanPart {
  readonly serviceID: ServiceID;
}

/** One seat's changes, whole or not at all, and only while the service is as it was read. `service` absent: it is gone. */
export function seatPart(serviceID: ServiceID, service: Service | undefined, plan: SeatPlan, random: Random): ServicePart {
  const creates = plan.create.map(
    (task): PlannedChange => ({ kind: 'create', table: 'tasks', draft: { ID: asID<TaskID>(random.id()), ...task } }),
  );
  const updates = plan.update.map((object): PlannedChange => ({ kind: 'update', table: 'tasks', object }));
  const servicePremise: Premise =
    service === undefined ? { table: 'services', id: serviceID } : { table: 'services', id: serviceID, version: service.Version.Index };
  const premises = plan.premises.map((task): Premise => ({ table: 'tasks', id: task.ID, version: task.Version.Index }));
  const nodes = plan.downNodes.map((node): Premise => ({ table: 'nodes', id: node.ID, version: node.Version.Index }));
  return { serviceID, changes: [...updates, ...creates], premises: [servicePremise, ...premises, ...nodes] };
}

/** The service itself comes last: its new version would refuse the parts that were made for the old one. */
export function serviceParts(service: Service, plan: ServicePlan & Pick<Service, 'volumeNodes'>, random: Random): readonly ServicePart[] {
  const parts = plan.seats.map((seat) => seatPart(service.ID, service, seat, random));
  const rollback = plan.rollback === undefined ? undefined : decideRollback(service, plan.rollback);
  if (rollback !== undefined) {
    const templateID = asID<TemplateID>(random.id());
    parts.push({
      serviceID: service.ID,
      changes: [
        { kind: 'create', table: 'templates', draft: { ID: templateID, ...rollback.template } },
        { kind: 'update', table: 'services', object: { ...rollback.service, templateID } },
      ],
      check: (newest) => explainNoWayBack(newest, service),
    });
  } else if (plan.status !== undefined || plan.volumeNodes !== undefined) {
    const object = {
      ...service,
      ...(plan.status !== undefined && { UpdateStatus: plan.status }),
      ...(plan.volumeNodes !== undefined && { volumeNodes: plan.volumeNodes }),
    };
    parts.push({ serviceID: service.ID, changes: [{ kind: 'update', table: 'services', object }] });
  }
  return parts;
}
