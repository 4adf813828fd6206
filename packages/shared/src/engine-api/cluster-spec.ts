import type { DeepReadonly } from '../runtime/deep-readonly.ts';
import { type Static, Type } from '../schema/type.ts';
import { Int, OneOf, optional, StringMap, Strings, Uint } from './schema.ts';
import { GenericResourceSchema } from './service-spec.ts';

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
  TaskDefaults: optional(
    Type.Object({
      LogDriver: optional(Type.Object({ Name: optional(Type.String()), Options: optional(StringMap()) })),
    }),
  ),
  EncryptionConfig: optional(Type.Object({ AutoLockManagers: optional(Type.Boolean()) })),
});
export type SwarmSpec = DeepReadonly<Static<typeof SwarmSpecSchema>>;

export const NodeSpecSchema = Type.Object({
  Name: optional(Type.String()),
  Labels: optional(StringMap()),
  Role: optional(OneOf(ROLES)),
  Availability: optional(OneOf(AVAILABILITIES)),
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
    TrustRoot: optional(Type.String()),
    CertIssuerSubject: optional(Type.String()),
    CertIssuerPublicKey: optional(Type.String()),
  });
export type TLSInfo = DeepReadonly<Static<ReturnType<typeof TLSInfoSchema>>>;

/** What a worker says of its host; also the schema of that message on the wire. */
export const NodeDescriptionSchema = Type.Object({
  Hostname: Type.String(),
  /** The engine's own words: `x86_64`, `linux`. */
  Platform: Type.Object({ Architecture: Type.String(), OS: Type.String() }),
  Resources: Type.Object({
    NanoCPUs: Int(),
    MemoryBytes: Int(),
    GenericResources: optional(Type.Array(GenericResourceSchema)),
  }),
  Engine: Type.Object({
    EngineVersion: Type.String(),
    Labels: optional(StringMap()),
    Plugins: optional(Type.Array(Type.Object({ Type: Type.String(), Name: Type.String() }))),
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
  Availability: optional(Type.String()),
});
export type InitRequest = DeepReadonly<Static<typeof InitRequestSchema>>;

export const JoinRequestSchema = Type.Object({
  ListenAddr: optional(Type.String()),
  AdvertiseAddr: optional(Type.String()),
  DataPathAddr: optional(Type.String()),
  RemoteAddrs: optional(Strings()),
  JoinToken: optional(Type.String()),
  Availability: optional(Type.String()),
  /** Ours: labels that the node starts with. Docker's clients do not send it. */
  Labels: optional(StringMap()),
});
export type JoinRequest = DeepReadonly<Static<typeof JoinRequestSchema>>;
