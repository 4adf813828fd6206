import type { DeepReadonly } from '../runtime/deep-readonly.ts';
import { type Static, Type } from '../schema/type.ts';
import { ContainerSpecSchema } from './container-spec.ts';
import { InAnyCase, Int, OneOf, optional, StringMap, Strings, Uint } from './schema.ts';

export const RESTART_CONDITIONS = ['none', 'on-failure', 'any'] as const;
export const FAILURE_ACTIONS = ['pause', 'continue', 'rollback'] as const;
export const UPDATE_ORDERS = ['stop-first', 'start-first'] as const;
export const ENDPOINT_MODES = ['vip', 'dnsrr'] as const;
export const PORT_PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
export const PUBLISH_MODES = ['ingress', 'host'] as const;

export const GenericResourceSchema = Type.Object({
  DiscreteResourceSpec: optional(Type.Object({ Kind: optional(Type.String()), Value: optional(Int()) })),
  NamedResourceSpec: optional(Type.Object({ Kind: optional(Type.String()), Value: optional(Type.String()) })),
});
export type GenericResource = DeepReadonly<Static<typeof GenericResourceSchema>>;

export const ResourcesSchema = Type.Object({
  Limits: optional(Type.Object({ NanoCPUs: optional(Int()), MemoryBytes: optional(Int()), Pids: optional(Int()) })),
  Reservations: optional(
    Type.Object({
      NanoCPUs: optional(Int()),
      MemoryBytes: optional(Int()),
      GenericResources: optional(Type.Array(GenericResourceSchema)),
    }),
  ),
  SwapBytes: optional(Int()),
  MemorySwappiness: optional(Int()),
});
export type ResourceRequirements = DeepReadonly<Static<typeof ResourcesSchema>>;

export const RestartPolicySchema = Type.Object({
  Condition: optional(OneOf(RESTART_CONDITIONS)),
  /** Nanoseconds before the next attempt. Absent: 5 s. */
  Delay: optional(Int()),
  /** 0 or absent: no limit. */
  MaxAttempts: optional(Uint()),
  /** Nanoseconds in which MaxAttempts counts. 0 or absent: forever. */
  Window: optional(Int()),
});
export type RestartPolicy = DeepReadonly<Static<typeof RestartPolicySchema>>;

export const PlatformSchema = Type.Object({ Architecture: optional(Type.String()), OS: optional(Type.String()) });
export type Platform = DeepReadonly<Static<typeof PlatformSchema>>;

export const PlacementSchema = Type.Object({
  Constraints: optional(Strings()),
  Preferences: optional(Type.Array(Type.Object({ Spread: optional(Type.Object({ SpreadDescriptor: optional(Type.String()) })) }))),
  /** 0 or absent: no limit. */
  MaxReplicas: optional(Uint()),
  Platforms: optional(Type.Array(PlatformSchema)),
});
export type Placement = DeepReadonly<Static<typeof PlacementSchema>>;

export const NetworkAttachmentConfigSchema = Type.Object({
  /** A network's id once stored; a name or id in a request. */
  Target: optional(Type.String()),
  Aliases: optional(Strings()),
  DriverOpts: optional(StringMap()),
});
export type NetworkAttachmentConfig = DeepReadonly<Static<typeof NetworkAttachmentConfigSchema>>;

export const LogDriverSchema = () => Type.Object({ Name: optional(Type.String()), Options: optional(StringMap()) });

export const TaskSpecSchema = Type.Object({
  ContainerSpec: optional(ContainerSpecSchema),
  PluginSpec: optional(Type.Object({ Name: optional(Type.String()), Remote: optional(Type.String()) })),
  NetworkAttachmentSpec: optional(Type.Object({ ContainerID: optional(Type.String()) })),
  Resources: optional(ResourcesSchema),
  RestartPolicy: optional(RestartPolicySchema),
  Placement: optional(PlacementSchema),
  Networks: optional(Type.Array(NetworkAttachmentConfigSchema)),
  LogDriver: optional(LogDriverSchema()),
  ForceUpdate: optional(Uint()),
  Runtime: optional(Type.String()),
});
export type TaskSpec = DeepReadonly<Static<typeof TaskSpecSchema>>;

export const UpdateConfigSchema = Type.Object({
  /** Slots at once; 0 is all. */
  Parallelism: optional(Uint()),
  /** Nanoseconds between batches. */
  Delay: optional(Int()),
  FailureAction: optional(OneOf(FAILURE_ACTIONS)),
  /** Nanoseconds a new task is watched for failure. Absent: 5 s. */
  Monitor: optional(Int()),
  /** 0 to 1. */
  MaxFailureRatio: optional(Type.Number()),
  Order: optional(OneOf(UPDATE_ORDERS)),
});
export type UpdateConfig = DeepReadonly<Static<typeof UpdateConfigSchema>>;

export const PortConfigSchema = Type.Object({
  Name: optional(Type.String()),
  Protocol: optional(InAnyCase(PORT_PROTOCOLS)),
  TargetPort: optional(Uint()),
  /** 0 or absent: the manager chooses. */
  PublishedPort: optional(Uint()),
  PublishMode: optional(InAnyCase(PUBLISH_MODES)),
});
export type PortConfig = DeepReadonly<Static<typeof PortConfigSchema>>;

export const EndpointSpecSchema = Type.Object({
  Mode: optional(OneOf(ENDPOINT_MODES)),
  Ports: optional(Type.Array(PortConfigSchema)),
});
export type EndpointSpec = DeepReadonly<Static<typeof EndpointSpecSchema>>;

/** Exactly one key is present once a spec is admitted. */
export const ServiceModeSchema = Type.Object({
  Replicated: optional(Type.Object({ Replicas: optional(Uint()) })),
  Global: optional(Type.Object({})),
  ReplicatedJob: optional(Type.Object({ MaxConcurrent: optional(Uint()), TotalCompletions: optional(Uint()) })),
  GlobalJob: optional(Type.Object({})),
});
export type ServiceMode = DeepReadonly<Static<typeof ServiceModeSchema>>;

export const ServiceSpecSchema = Type.Object({
  Name: optional(Type.String()),
  Labels: optional(StringMap()),
  TaskTemplate: optional(TaskSpecSchema),
  Mode: optional(ServiceModeSchema),
  UpdateConfig: optional(UpdateConfigSchema),
  RollbackConfig: optional(UpdateConfigSchema),
  Networks: optional(Type.Array(NetworkAttachmentConfigSchema)),
  EndpointSpec: optional(EndpointSpecSchema),
});
/** A service spec as a client sends it: everything may be missing. */
export type ServiceSpecInput = DeepReadonly<Static<typeof ServiceSpecSchema>>;

/** A service spec after admission: what every part of the cluster may rely on. */
export type ServiceSpec = ServiceSpecInput & {
  readonly Name: string;
  readonly Labels: { readonly [key: string]: string };
  readonly TaskTemplate: TaskSpec;
  readonly Mode: ServiceMode;
};
