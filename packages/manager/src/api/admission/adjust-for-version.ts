import type { InitRequest } from '@swarm/shared/engine-api/cluster-spec';
import type { ServiceSpecInput } from '@swarm/shared/engine-api/service-spec';
import { compareApiVersions } from '../api-version.ts';

type TaskInput = NonNullable<ServiceSpecInput['TaskTemplate']>;
type ContainerInput = NonNullable<TaskInput['ContainerSpec']>;

/**
 * The spec without what the client's version of the API does not have: a client that never heard of a field must not
 * set it by chance, and clients rely on it being dropped, not refused. `Consistency` of mounts is dropped at every version.
 * Source: Docker Engine API, version history; dockerd 28, `adjustForAPIVersion`.
 */
export function adjustForVersion(spec: ServiceSpecInput, apiVersion: string): ServiceSpecInput {
  const before = (version: string) => compareApiVersions(apiVersion, version) < 0;
  const { TaskTemplate: task, Mode: mode } = spec;
  return {
    ...spec,
    ...(task !== undefined && { TaskTemplate: adjustTask(task, before) }),
    ...(mode !== undefined && before('1.41') && { Mode: without(mode, 'ReplicatedJob', 'GlobalJob') }),
  };
}

/** Likewise for what begins a cluster. Source: dockerd 20.10 and 28, `initCluster`. */
export function adjustInitForVersion(request: InitRequest, apiVersion: string): InitRequest {
  const pools = compareApiVersions(apiVersion, '1.39') < 0 ? without(request, 'DefaultAddrPool', 'SubnetSize') : request;
  return compareApiVersions(apiVersion, '1.40') < 0 ? without(pools, 'DataPathPort') : pools;
}

type Before = (version: string) => boolean;

function adjustTask(task: TaskInput, before: Before): TaskInput {
  const { ContainerSpec: container, Placement, Resources } = task;
  return {
    ...task,
    ...(container !== undefined && { ContainerSpec: adjustContainer(container, before) }),
    ...(Placement !== undefined && before('1.40') && { Placement: without(Placement, 'MaxReplicas') }),
    ...(Resources?.Limits !== undefined && before('1.41') && { Resources: { ...Resources, Limits: without(Resources.Limits, 'Pids') } }),
  };
}

function adjustContainer(container: ContainerInput, before: Before): ContainerInput {
  let adjusted = container;
  const { Mounts, Privileges, Configs, Healthcheck } = container;
  if (Mounts !== undefined) {
    adjusted = { ...adjusted, Mounts: Mounts.map((mount) => adjustMount(mount, before)) };
  }
  if (before('1.46')) adjusted = without(adjusted, 'OomScoreAdj');
  if (before('1.44')) {
    if (Privileges !== undefined) adjusted = { ...adjusted, Privileges: without(Privileges, 'Seccomp', 'AppArmor', 'NoNewPrivileges') };
    if (Healthcheck !== undefined) adjusted = { ...adjusted, Healthcheck: without(Healthcheck, 'StartInterval') };
  }
  if (before('1.41')) adjusted = without(adjusted, 'CapabilityAdd', 'CapabilityDrop', 'Ulimits');
  if (before('1.40')) {
    adjusted = without(adjusted, 'Sysctls');
    if (Configs !== undefined) adjusted = { ...adjusted, Configs: Configs.map((config) => without(config, 'Runtime')) };
    const { CredentialSpec } = adjusted.Privileges ?? {};
    if (CredentialSpec !== undefined) {
      adjusted = { ...adjusted, Privileges: { ...adjusted.Privileges, CredentialSpec: without(CredentialSpec, 'Config') } };
    }
  }
  return adjusted;
}

type MountInput = NonNullable<ContainerInput['Mounts']>[number];

function adjustMount(mount: MountInput, before: Before): MountInput {
  const { TmpfsOptions, ...rest } = without(mount, 'Consistency');
  if (TmpfsOptions === undefined) return rest;
  return { ...rest, TmpfsOptions: before('1.46') ? without(TmpfsOptions, 'Options') : TmpfsOptions };
}

function without<T extends object, Key extends keyof T>(value: T, ...keys: readonly Key[]): Omit<T, Key> {
  const rest = { ...value };
  for (const key of keys) delete rest[key];
  return rest;
}
