import type { Service, Template } from '@swarm/shared/domain/objects';
import { endpointFor } from '@swarm/shared/domain/service-endpoint';
import { templateContent, templateFor } from '@swarm/shared/domain/task-template';
import type { ServiceSpec } from '@swarm/shared/engine-api/service-spec';
import { failedPrecondition } from '@swarm/shared/errors/api-error';
import { timestamp } from '@swarm/shared/runtime/clock';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import { asID, type Random, type ServiceID, type TemplateID } from '@swarm/shared/runtime/ids';
import type { WriteTransaction } from '../store/store.ts';
import { isRolledBack, noteRollback } from './stacks/rolled-back.ts';

export interface WriteContext {
  readonly tx: WriteTransaction;
  readonly random: Random;
  readonly nowMs: number;
}

/** Writes an admitted spec as a new service with its template. */
export function createService(context: WriteContext, Spec: ServiceSpec, registryAuth: string | undefined, stackRevision?: number): Service {
  const { tx, random, nowMs } = context;
  const service = { ID: asID<ServiceID>(random.id()), Spec, ...(registryAuth !== undefined && { registryAuth }) };
  return tx.services.create({
    ...service,
    specVersion: tx.version,
    templateID: writeTemplate(context, service),
    Endpoint: endpointFor(Spec),
    ...(stackRevision !== undefined && { stackRevision }),
    ...(isJob(Spec) && { JobStatus: { JobIteration: {}, LastExecution: timestamp(nowMs) } }),
  });
}

export interface ServiceChange {
  readonly spec: ServiceSpec;
  readonly registryAuth: string | undefined;
  /** A rollback swaps the two; an update makes the old spec the previous one. */
  readonly previous?: { readonly spec: ServiceSpec; readonly registryAuth: string | undefined };
  readonly updateStatus?: Service['UpdateStatus'];
  /** The revision of the service's stack that asks for the spec. */
  readonly stackRevision?: number;
}

/**
 * Writes an admitted spec over a service. The template is kept where tasks would not see a difference; the spec's
 * version and the previous spec change only with the spec, so posting the same again neither restarts a task nor
 * loses the way back. What an earlier update ended with is forgotten either way; a paused one is tried anew, which
 * takes a new version, since failures are counted by it. A job runs once more.
 */
export function replaceService(context: WriteContext, current: Service, change: ServiceChange): Service {
  const { tx, nowMs } = context;
  const { UpdateStatus, PreviousSpec, registryAuth: _auth, previousRegistryAuth, stackRevision, ...kept } = current;
  const changed = !deepEqual(current.Spec, change.spec) || current.registryAuth !== change.registryAuth;
  const tryAnew = UpdateStatus?.State === 'paused' || UpdateStatus?.State === 'rollback_paused';
  const previous =
    change.previous ??
    (changed ? { spec: current.Spec, registryAuth: current.registryAuth } : { spec: PreviousSpec, registryAuth: previousRegistryAuth });
  const isRollback = change.updateStatus?.State === 'rollback_started';
  // A second rollback by hand swaps the specs once more, and so leads back to the revision.
  if (!isRollback) noteRollback(tx, current);
  const staysOf = !changed || (isRollback && !isRolledBack(current)) ? stackRevision : undefined;
  const revision = change.stackRevision ?? staysOf;
  const next = {
    ...kept,
    Spec: change.spec,
    ...(revision !== undefined && { stackRevision: revision }),
    ...(previous.spec && { PreviousSpec: previous.spec }),
    ...(previous.registryAuth !== undefined && { previousRegistryAuth: previous.registryAuth }),
    ...(change.registryAuth !== undefined && { registryAuth: change.registryAuth }),
    ...(change.updateStatus && { UpdateStatus: change.updateStatus }),
    specVersion: changed || tryAnew ? tx.version : current.specVersion,
    Endpoint: endpointFor(change.spec, current.Endpoint),
    ...(isJob(change.spec) && {
      JobStatus: { JobIteration: { Index: (current.JobStatus?.JobIteration.Index ?? 0) + 1 }, LastExecution: timestamp(nowMs) },
    }),
  };
  const templateID = writeTemplate(context, next, tx.templates.get(current.templateID));
  const written = tx.services.update({ ...next, templateID });
  removeUnusedTemplates(tx, current.ID, templateID);
  return written;
}

/** A rollback by hand swaps the two specs, so that a second one leads back. @throws ApiError 400 */
export function rollbackChange(current: Service, nowMs: number): ServiceChange {
  if (current.PreviousSpec === undefined) throw failedPrecondition(`service ${current.ID} does not have a previous spec`);
  return {
    spec: current.PreviousSpec,
    registryAuth: current.previousRegistryAuth,
    previous: { spec: current.Spec, registryAuth: current.registryAuth },
    updateStatus: { State: 'rollback_started', StartedAt: timestamp(nowMs), Message: 'manually requested rollback' },
  };
}

/** The tasks are the orchestrator's to remove; secrets, configs and networks of the service are free at once. */
export function removeService(tx: WriteTransaction, service: Service): void {
  noteRollback(tx, service);
  tx.services.remove(service.ID);
  removeUnusedTemplates(tx, service.ID, undefined);
}

/** The id of a template that says what the service's tasks are now: `previous` if it still does, else a new one. */
function writeTemplate(
  { tx, random }: WriteContext,
  service: Pick<Service, 'ID' | 'Spec' | 'registryAuth'>,
  previous?: Template,
): TemplateID {
  const content = templateFor(service, previous);
  if (content === undefined && previous !== undefined) return previous.ID;
  return tx.templates.create({ ID: asID<TemplateID>(random.id()), ...(content ?? templateContent(service)) }).ID;
}

function isJob({ Mode }: ServiceSpec): boolean {
  return Mode.ReplicatedJob !== undefined || Mode.GlobalJob !== undefined;
}

/** Templates live as long as their last task; one that never had a task has nobody else to remove it. */
function removeUnusedTemplates(tx: WriteTransaction, serviceID: ServiceID, inUse: TemplateID | undefined): void {
  for (const template of tx.templates.by('service', serviceID)) {
    if (template.ID !== inUse && tx.tasks.count('template', template.ID) === 0) tx.templates.remove(template.ID);
  }
}
