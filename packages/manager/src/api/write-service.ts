import type { Service } from '@swarm/shared/domain/objects';
import type { ServiceSpec } from '@swarm/shared/engine-api/service-spec';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import { asID, type Random, type ServiceID, type TemplateID } from '@swarm/shared/runtime/ids';
import type { WriteTransaction } from '../store/store.ts';
import { endpointOf, fitsTemplate, templateContent } from './service-template.ts';

/** Writes an admitted spec as a new service with its template. */
export function createService(tx: WriteTransaction, random: Random, spec: ServiceSpec, registryAuth: string | undefined): Service {
  const ID = asID<ServiceID>(random.id());
  return tx.services.create({
    ID,
    Spec: spec,
    specVersion: tx.version,
    templateID: createTemplate(tx, random, ID, spec, registryAuth),
    Endpoint: endpointOf(spec),
    ...(registryAuth !== undefined && { registryAuth }),
  });
}

export interface ServiceChange {
  readonly spec: ServiceSpec;
  readonly registryAuth: string | undefined;
  /** A rollback swaps the two; an update makes the old spec the previous one. */
  readonly previous?: { readonly spec: ServiceSpec; readonly registryAuth: string | undefined };
  readonly updateStatus?: Service['UpdateStatus'];
}

/**
 * Writes an admitted spec over a service. The template is kept where tasks would not see a difference; the spec's
 * version and the previous spec change only with the spec, so posting the same again neither restarts a task nor
 * loses the way back. What an earlier update ended with is forgotten either way: a paused one is tried again.
 */
export function replaceService(tx: WriteTransaction, random: Random, current: Service, change: ServiceChange): Service {
  const { UpdateStatus: _status, PreviousSpec, registryAuth: _auth, previousRegistryAuth, ...kept } = current;
  const specChanged = !deepEqual(current.Spec, change.spec) || current.registryAuth !== change.registryAuth;
  const content = templateContent(change.spec, change.registryAuth);
  const templateID = fitsTemplate(tx.templates.get(current.templateID), content)
    ? current.templateID
    : createTemplate(tx, random, current.ID, change.spec, change.registryAuth);
  const previous =
    change.previous ??
    (specChanged ? { spec: current.Spec, registryAuth: current.registryAuth } : { spec: PreviousSpec, registryAuth: previousRegistryAuth });
  const next: Service = {
    ...kept,
    Spec: change.spec,
    ...(previous.spec && { PreviousSpec: previous.spec }),
    ...(previous.registryAuth !== undefined && { previousRegistryAuth: previous.registryAuth }),
    ...(change.registryAuth !== undefined && { registryAuth: change.registryAuth }),
    ...(change.updateStatus && { UpdateStatus: change.updateStatus }),
    specVersion: specChanged ? tx.version : current.specVersion,
    templateID,
    Endpoint: { ...(current.Endpoint.VirtualIPs && { VirtualIPs: current.Endpoint.VirtualIPs }), ...endpointOf(change.spec) },
  };
  const written = tx.services.update(next);
  removeUnusedTemplates(tx, current.ID, templateID);
  return written;
}

/** The tasks are the orchestrator's to remove; secrets, configs and networks of the service are free at once. */
export function removeService(tx: WriteTransaction, service: Service): void {
  tx.services.remove(service.ID);
  removeUnusedTemplates(tx, service.ID, undefined);
}

function createTemplate(
  tx: WriteTransaction,
  random: Random,
  serviceID: ServiceID,
  spec: ServiceSpec,
  registryAuth: string | undefined,
): TemplateID {
  return tx.templates.create({ ID: asID<TemplateID>(random.id()), serviceID, ...templateContent(spec, registryAuth) }).ID;
}

/** Templates live as long as their last task; one that never had a task has nobody else to remove it. */
function removeUnusedTemplates(tx: WriteTransaction, serviceID: ServiceID, inUse: TemplateID | undefined): void {
  for (const template of tx.templates.by('service', serviceID)) {
    if (template.ID !== inUse && tx.tasks.count('template', template.ID) === 0) tx.templates.remove(template.ID);
  }
}
