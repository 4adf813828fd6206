import type { DeepReadonly } from '../runtime/deep-readonly.ts';
import { type Static, Type } from '../schema/type.ts';
import { InAnyCase, Int, optional, StringMap, Strings, Uint } from './schema.ts';
import { GenericResourceSchema, LogDriverSchema } from './service-spec.ts';

export const ROLES = ['worker', 'manager'] as const;
export type Role = (typeof ROLES)[number];
export const AVAILABILITIES = ['active', 'pause', 'drain'] as const;
export type Availability = (typeof AVAILABILITIES)[number];

export const SwarmSpecSchema = Type.Object({
  Name: optional(Type.String()),
  Labels: optional(StringMap()),
  Orchestration: optional(Type.Object({ TaskHistoryRetentionLimit: optional(Int()) })),
  Raft: optional(
    Type.Object({
      SnapshotInterval: optional(Uint()),
      KeepOldSnapshots: optional(Uint()),
      LogEntriesForSlowFollowers: optional(Uint()),
      ElectionTick: optional(Int()),
      HeartbeatTick: optional(Int()),
    }),
  ),
  Dispatcher: optional(
    Type.Object({
      /** Nanoseconds of silence after which a node is down. Absent: 5 s. */
      HeartbeatPeriod: optional(Int()),
    }),
  ),
  CAConfig: optional(
    Type.Object({
      /** Nanoseconds. Absent: 90 days. */
      NodeCertExpiry: optional(Int()),
      ExternalCAs: optional(
        Type.Array(
          Type.Object({
            Protocol: optional(Type.String()),
            URL: optional(Type.String()),
            Options: optional(StringMap()),
            CACert: optional(Type.String()),
          }),
        ),
      ),
      SigningCACert: optional(Type.String()),
      SigningCAKey: optional(Type.String()),
      ForceRotate: optional(Uint()),
    }),
  ),
  /** Of tasks that are made from now on; those that are there keep what they have. */
  TaskDefaults: optional(Type.Object({ LogDriver: optional(LogDriverSchema()) })),
  EncryptionConfig: optional(Type.Object({ AutoLockManagers: optional(Type.Boolean()) })),
});
export type SwarmSpec = DeepReadonly<Static<typeof SwarmSpecSchema>>;

export const NodeSpecSchema = Type.Object({
  Name: optional(Type.String()),
  Labels: optional(StringMap()),
  Role: optional(InAnyCase(ROLES)),
  Availability: optional(InAnyCase(AVAILABILITIES)),
});
export type NodeSpecInput = DeepReadonly<Static<typeof NodeSpecSchema>>;
export type NodeSpec = NodeSpecInput & {
  readonly Labels: { readonly [key: string]: string };
  /** The role wanted; the role a node has is on the node object. */
  readonly Role: Role;
  readonly Availability: Availability;
};

export const TLSInfoSchema = () =>
  Type.Object({
    /** PEM. */
    TrustRoot: optional(Type.String({ maxLength: 65_536 })),
    CertIssuerSubject: optional(Type.String({ maxLength: 16_384 })),
    CertIssuerPublicKey: optional(Type.String({ maxLength: 16_384 })),
  });
export type TLSInfo = DeepReadonly<Static<ReturnType<typeof TLSInfoSchema>>>;

/** What a manager takes of one host, in UTF-16 units and items: it keeps and lists that for every node. A worker leaves out what is over. */
export const DESCRIPTION_LIMITS = {
  hostname: 255,
  word: 128,
  labels: 256,
  labelName: 256,
  labelValue: 1024,
  plugins: 256,
  plugin: 512,
} as const;

const DescriptionText = (maxLength: number) => Type.String({ maxLength });

/** What a worker says of its host; also the schema of that message on the wire. */
export const NodeDescriptionSchema = Type.Object({
  Hostname: DescriptionText(DESCRIPTION_LIMITS.hostname),
  /** The engine's own words: `x86_64`, `linux`. */
  Platform: Type.Object({ Architecture: DescriptionText(DESCRIPTION_LIMITS.word), OS: DescriptionText(DESCRIPTION_LIMITS.word) }),
  Resources: Type.Object({
    NanoCPUs: Int(),
    MemoryBytes: Int(),
    GenericResources: optional(Type.Array(GenericResourceSchema, { maxItems: 256 })),
  }),
  Engine: Type.Object({
    EngineVersion: DescriptionText(DESCRIPTION_LIMITS.word),
    Labels: optional(
      Type.Record(DescriptionText(DESCRIPTION_LIMITS.labelName), DescriptionText(DESCRIPTION_LIMITS.labelValue), {
        maxProperties: DESCRIPTION_LIMITS.labels,
      }),
    ),
    Plugins: optional(
      Type.Array(Type.Object({ Type: DescriptionText(DESCRIPTION_LIMITS.word), Name: DescriptionText(DESCRIPTION_LIMITS.plugin) }), {
        maxItems: DESCRIPTION_LIMITS.plugins,
      }),
    ),
  }),
  TLSInfo: optional(TLSInfoSchema()),
});
export type NodeDescription = DeepReadonly<Static<typeof NodeDescriptionSchema>>;

export const InitRequestSchema = Type.Object({
  ListenAddr: optional(Type.String()),
  AdvertiseAddr: optional(Type.String()),
  DataPathAddr: optional(Type.String()),
  DataPathPort: optional(Uint()),
  DefaultAddrPool: optional(Strings()),
  SubnetSize: optional(Uint()),
  ForceNewCluster: optional(Type.Boolean()),
  Spec: optional(SwarmSpecSchema),
  AutoLockManagers: optional(Type.Boolean()),
  Availability: optional(Type.Unsafe<string>(InAnyCase(AVAILABILITIES))),
});
export type InitRequest = DeepReadonly<Static<typeof InitRequestSchema>>;

export const JoinRequestSchema = Type.Object({
  ListenAddr: optional(Type.String()),
  AdvertiseAddr: optional(Type.String()),
  DataPathAddr: optional(Type.String()),
  RemoteAddrs: optional(Strings()),
  JoinToken: optional(Type.String()),
  Availability: optional(Type.Unsafe<string>(InAnyCase(AVAILABILITIES))),
  /** Ours: labels that the node starts with. Docker's clients do not send it. */
  Labels: optional(StringMap()),
});
export type JoinRequest = DeepReadonly<Static<typeof JoinRequestSchema>>;
