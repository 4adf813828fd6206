import type { Service } from '@swarm/shared/domain/objects';
import { predefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import { isTerminal } from '@swarm/shared/domain/task-state';
import type { ReadTransaction } from '../../store/store.ts';
import { insertDefaults } from '../admission/insert-defaults.ts';

export interface ServiceView {
  /** Adds `ServiceStatus`, which is absent otherwise. */
  readonly status?: boolean;
  readonly insertDefaults?: boolean;
}

/** A service in the API's shape: without our own fields, credentials above all. */
export function presentService(tx: ReadTransaction, service: Service, view: ServiceView = {}): object {
  const { ID, Version, CreatedAt, UpdatedAt, Spec, PreviousSpec, UpdateStatus, JobStatus } = service;
  const shown = view.insertDefaults === true ? insertDefaults : <T>(spec: T) => spec;
  return {
    ID,
    Version,
    CreatedAt,
    UpdatedAt,
    Spec: shown(Spec),
    ...(PreviousSpec && { PreviousSpec: shown(PreviousSpec) }),
    Endpoint: presentEndpoint(service),
    ...(UpdateStatus && { UpdateStatus }),
    ...(view.status === true && { ServiceStatus: serviceStatus(tx, service) }),
    ...(JobStatus && { JobStatus }),
  };
}

/**
 * As dockerd shows it: the spec once something was given by it, and among the virtual addresses the predefined networks, where
 * there is none.
 */
function presentEndpoint({ Spec, Endpoint }: Service): object {
  const { VirtualIPs: given = [], Ports = [] } = Endpoint;
  const networks = Endpoint.Spec?.Mode === 'dnsrr' ? [] : (Spec.TaskTemplate.Networks ?? []);
  const predefined = networks.flatMap(({ Target = '' }) => predefinedNetwork(Target) ?? []);
  const VirtualIPs = [...predefined.map(({ ID }) => ({ NetworkID: ID })), ...given];
  const isGiven = Ports.length > 0 || VirtualIPs.length > 0;
  return { ...Endpoint, Spec: isGiven ? (Endpoint.Spec ?? {}) : {}, ...(VirtualIPs.length > 0 && { VirtualIPs }) };
}

interface ServiceStatus {
  readonly RunningTasks: number;
  readonly DesiredTasks: number;
  readonly CompletedTasks: number;
}

/** Running counts whatever is observed running; desired is what the mode promises. */
export function serviceStatus(tx: ReadTransaction, service: Service): ServiceStatus {
  const { Mode } = service.Spec;
  const iteration = service.JobStatus?.JobIteration.Index ?? 0;
  let running = 0;
  let wantedRunning = 0;
  let wantedComplete = 0;
  let completed = 0;
  for (const task of tx.tasks.by('service', service.ID)) {
    if (task.Status.State === 'running') running += 1;
    if (task.DesiredState === 'running') wantedRunning += 1;
    if (task.DesiredState === 'complete' && !isTerminal(task.Status.State)) wantedComplete += 1;
    if (service.JobStatus !== undefined && task.Status.State === 'complete' && (task.JobIteration?.Index ?? 0) === iteration)
      completed += 1;
  }
  const desired =
    Mode.Replicated?.Replicas ?? Mode.ReplicatedJob?.MaxConcurrent ?? (Mode.GlobalJob === undefined ? wantedRunning : wantedComplete);
  return { RunningTasks: running, DesiredTasks: desired, CompletedTasks: completed };
}
