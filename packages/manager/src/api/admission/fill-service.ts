import type { ConfigReference, ContainerSpec, Mount, SecretReference } from '@swarm/shared/engine-api/container-spec';
import type {
  EndpointSpec,
  ServiceMode,
  ServiceSpec,
  ServiceSpecInput,
  TaskSpec,
  UpdateConfig,
} from '@swarm/shared/engine-api/service-spec';

/** Fills what Docker's manager fills when a spec is admitted, and nothing else. The spec is canonical and has passed its checks. */
export function fillService(input: ServiceSpecInput): ServiceSpec {
  const { Networks, ...spec } = input;
  return {
    ...spec,
    Name: spec.Name ?? '',
    Labels: spec.Labels ?? {},
    TaskTemplate: fillTask(spec.TaskTemplate ?? {}, Networks),
    Mode: fillMode(spec.Mode ?? {}),
    ...(spec.UpdateConfig && { UpdateConfig: fillUpdateConfig(spec.UpdateConfig) }),
    ...(spec.RollbackConfig && { RollbackConfig: fillUpdateConfig(spec.RollbackConfig) }),
    ...(spec.EndpointSpec && { EndpointSpec: fillEndpoint(spec.EndpointSpec) }),
  };
}

/** The deprecated networks of the service count only where the task names none. */
function fillTask(spec: TaskSpec, serviceNetworks: ServiceSpecInput['Networks']): TaskSpec {
  const networks = spec.Networks ?? serviceNetworks;
  return {
    ...spec,
    ...(spec.ContainerSpec && { ContainerSpec: fillContainer(spec.ContainerSpec) }),
    ...(spec.RestartPolicy && {
      RestartPolicy: {
        ...spec.RestartPolicy,
        Condition: spec.RestartPolicy.Condition ?? 'any',
        MaxAttempts: spec.RestartPolicy.MaxAttempts ?? 0,
      },
    }),
    ...(networks && { Networks: networks }),
    ForceUpdate: spec.ForceUpdate ?? 0,
    Runtime: spec.Runtime ?? 'container',
  };
}

/** Any other word means the default, as with Docker. */
const ISOLATIONS = ['default', 'process', 'hyperv'];

function fillContainer(spec: ContainerSpec): ContainerSpec {
  return {
    ...spec,
    ...(spec.Mounts && { Mounts: spec.Mounts.map(fillMount) }),
    ...(spec.Secrets && { Secrets: spec.Secrets.map(fillFile) }),
    ...(spec.Configs && { Configs: spec.Configs.map(fillFile) }),
    Isolation: ISOLATIONS.find((known) => known === spec.Isolation?.toLowerCase()) ?? 'default',
  };
}

function fillMount(mount: Mount): Mount {
  const { BindOptions, ...rest } = mount;
  const given = Object.keys(BindOptions ?? {}).length > 0;
  return {
    ...rest,
    Type: mount.Type ?? 'bind',
    ...(given && { BindOptions: { ...BindOptions, Propagation: BindOptions?.Propagation ?? 'rprivate' } }),
  };
}

/** Mode 0 is one that nobody but root may read, and what no mode means. */
function fillFile<T extends SecretReference | ConfigReference>(reference: T): T {
  const { File } = reference;
  return File === undefined ? reference : { ...reference, File: { UID: '', GID: '', Mode: 0, ...File } };
}

function fillMode(mode: ServiceMode): ServiceMode {
  if (mode.Global !== undefined || mode.GlobalJob !== undefined) return mode;
  if (mode.ReplicatedJob !== undefined) {
    const MaxConcurrent = mode.ReplicatedJob.MaxConcurrent ?? 1;
    return { ReplicatedJob: { MaxConcurrent, TotalCompletions: mode.ReplicatedJob.TotalCompletions ?? MaxConcurrent } };
  }
  return { Replicated: { Replicas: mode.Replicated?.Replicas ?? 1 } };
}

/** Parallelism 0 means "all at once", and is what a config without it means. */
function fillUpdateConfig(config: UpdateConfig): UpdateConfig {
  const { Delay, ...rest } = config;
  return {
    ...rest,
    ...(Delay && { Delay }),
    Parallelism: config.Parallelism ?? 0,
    FailureAction: config.FailureAction ?? 'pause',
    MaxFailureRatio: config.MaxFailureRatio ?? 0,
    Order: config.Order ?? 'stop-first',
  };
}

function fillEndpoint(spec: EndpointSpec): EndpointSpec {
  return {
    ...spec,
    Mode: spec.Mode ?? 'vip',
    ...(spec.Ports && {
      Ports: spec.Ports.map((port) => ({ ...port, Protocol: port.Protocol ?? 'tcp', PublishMode: port.PublishMode ?? 'ingress' })),
    }),
  };
}
