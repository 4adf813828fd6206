import type { Service } from '@swarm/shared/domain/objects';
import { type ServiceSpec, type ServiceSpecInput, ServiceSpecSchema } from '@swarm/shared/engine-api/service-spec';
import { ApiError } from '@swarm/shared/errors/api-error';
import type { ReadTransaction } from '../../store/store.ts';
import { nameConflict } from '../store-access.ts';
import { canonicalSpec } from './canonical-spec.ts';
import { checkClusterPorts, checkIngress, checkPortConflicts } from './check-ports.ts';
import { checkReferencesExist } from './check-references.ts';
import { checkService, modesOf } from './check-service.ts';
import { checkSpecSize } from './check-size.ts';
import { fillService } from './fill-service.ts';
import { resolveNetworks } from './resolve-networks.ts';

export interface AdmittedService {
  readonly spec: ServiceSpec;
  readonly warnings: readonly string[];
}

/** What the check of a service looks at besides the spec. */
export interface AdmissionView {
  readonly tx: ReadTransaction;
  /** The service that the spec replaces; absent for a new one. */
  readonly current?: Service;
  /** Whether the local engine has a network of that name, see `resolveNetworks`. */
  readonly isLocalNetwork: (term: string) => boolean;
}

/**
 * Everything between a decoded spec and a stored one: fill, check, put ids in the place of names. The caller has given
 * a nameless new service its name. Pure over the view, so that a stack is admitted by the same rules as each of its
 * services.
 * @throws ApiError with the text a user of Docker gets, or a better one
 */
export function admitService(input: ServiceSpecInput, view: AdmissionView): AdmittedService {
  const canonical = canonicalSpec(ServiceSpecSchema, input);
  checkService(canonical);
  const spec = fillService(canonical);
  const networks = spec.TaskTemplate.Networks ?? [];
  const resolved = resolveNetworks(view.tx, spec.Name, networks, view.isLocalNetwork);
  checkPortConflicts(view.tx, spec.EndpointSpec, view.current?.ID);
  checkIngress(view.tx, spec);
  checkClusterPorts(view.tx, spec);
  checkReferencesExist(view.tx, spec.TaskTemplate.ContainerSpec ?? {});
  if (view.current === undefined) checkNameIsFree(view.tx, spec.Name);
  else checkReplaces(view.current, spec);
  const { Networks: _, ...task } = spec.TaskTemplate;
  const TaskTemplate = resolved.length === 0 ? task : { ...task, Networks: resolved };
  const admitted = { ...spec, TaskTemplate };
  checkSpecSize('service', admitted);
  return { spec: admitted, warnings: [] };
}

function checkNameIsFree(tx: ReadTransaction, name: string): void {
  if (tx.services.count('name', name.toLowerCase()) > 0) throw nameConflict('service', name);
}

function checkReplaces(current: Service, spec: ServiceSpec): void {
  if (current.Spec.Name !== spec.Name) throw new ApiError('unimplemented', 'renaming services is not supported', { rpc: 'Unimplemented' });
  if (modesOf(current.Spec.Mode)[0] !== modesOf(spec.Mode)[0]) {
    throw new ApiError('unimplemented', 'service mode change is not allowed', { rpc: 'Unimplemented' });
  }
}
