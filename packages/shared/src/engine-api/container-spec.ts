import type { DeepReadonly } from '../runtime/deep-readonly.ts';
import { type Static, Type } from '../schema/type.ts';
import { Base64, InAnyCase, Int, optional, StringMap, Strings, Uint } from './schema.ts';

const Driver = () => Type.Object({ Name: optional(Type.String()), Options: optional(StringMap()) });

export const MOUNT_TYPES = ['bind', 'volume', 'tmpfs', 'npipe', 'cluster', 'image'] as const;

export const PROPAGATIONS = ['rprivate', 'private', 'rslave', 'slave', 'rshared', 'shared'] as const;

export const MountSchema = Type.Object({
  Type: optional(InAnyCase(MOUNT_TYPES)),
  Source: optional(Type.String()),
  Target: optional(Type.String()),
  ReadOnly: optional(Type.Boolean()),
  Consistency: optional(Type.String()),
  BindOptions: optional(
    Type.Object({
      Propagation: optional(Type.Unsafe<string>(InAnyCase(PROPAGATIONS))),
      NonRecursive: optional(Type.Boolean()),
      CreateMountpoint: optional(Type.Boolean()),
      ReadOnlyNonRecursive: optional(Type.Boolean()),
      ReadOnlyForceRecursive: optional(Type.Boolean()),
    }),
  ),
  VolumeOptions: optional(
    Type.Object({
      NoCopy: optional(Type.Boolean()),
      Labels: optional(StringMap()),
      Subpath: optional(Type.String()),
      DriverConfig: optional(Driver()),
    }),
  ),
  TmpfsOptions: optional(
    Type.Object({
      /** Bytes. */
      SizeBytes: optional(Int()),
      Mode: optional(Uint()),
      Options: optional(Type.Array(Strings())),
    }),
  ),
  ClusterOptions: optional(Type.Object({})),
});
export type Mount = DeepReadonly<Static<typeof MountSchema>>;

export const HealthcheckSchema = Type.Object({
  /** `["CMD", …]`, `["CMD-SHELL", line]` or `["NONE"]`; empty inherits the image's. */
  Test: optional(Strings()),
  /** Nanoseconds, 0 inherits the image's; so for the three below. */
  Interval: optional(Int()),
  Timeout: optional(Int()),
  StartPeriod: optional(Int()),
  StartInterval: optional(Int()),
  Retries: optional(Int()),
});
export type Healthcheck = DeepReadonly<Static<typeof HealthcheckSchema>>;

const FileTarget = () =>
  Type.Object({
    Name: optional(Type.String()),
    UID: optional(Type.String()),
    GID: optional(Type.String()),
    /** Decimal: 292 is 0444. */
    Mode: optional(Uint()),
  });

export const SecretReferenceSchema = Type.Object({
  File: optional(FileTarget()),
  SecretID: optional(Type.String()),
  SecretName: optional(Type.String()),
});
export type SecretReference = DeepReadonly<Static<typeof SecretReferenceSchema>>;

export const ConfigReferenceSchema = Type.Object({
  File: optional(FileTarget()),
  Runtime: optional(Type.Object({})),
  ConfigID: optional(Type.String()),
  ConfigName: optional(Type.String()),
});
export type ConfigReference = DeepReadonly<Static<typeof ConfigReferenceSchema>>;

export const PrivilegesSchema = Type.Object({
  CredentialSpec: optional(
    Type.Object({
      Config: optional(Type.String()),
      File: optional(Type.String()),
      Registry: optional(Type.String()),
    }),
  ),
  SELinuxContext: optional(
    Type.Object({
      Disable: optional(Type.Boolean()),
      User: optional(Type.String()),
      Role: optional(Type.String()),
      Type: optional(Type.String()),
      Level: optional(Type.String()),
    }),
  ),
  Seccomp: optional(Type.Object({ Mode: optional(Type.String()), Profile: optional(Base64()) })),
  AppArmor: optional(Type.Object({ Mode: optional(Type.String()) })),
  NoNewPrivileges: optional(Type.Boolean()),
});
export type Privileges = DeepReadonly<Static<typeof PrivilegesSchema>>;

export const ContainerSpecSchema = Type.Object({
  Image: optional(Type.String()),
  Labels: optional(StringMap()),
  /** The container's entrypoint. */
  Command: optional(Strings()),
  /** The container's command. */
  Args: optional(Strings()),
  Hostname: optional(Type.String()),
  /** `KEY=value`; a bare `KEY` removes the image's variable. */
  Env: optional(Strings()),
  Dir: optional(Type.String()),
  User: optional(Type.String()),
  Groups: optional(Strings()),
  Privileges: optional(PrivilegesSchema),
  Init: optional(Type.Boolean()),
  StopSignal: optional(Type.String()),
  TTY: optional(Type.Boolean()),
  OpenStdin: optional(Type.Boolean()),
  ReadOnly: optional(Type.Boolean()),
  Mounts: optional(Type.Array(MountSchema)),
  /** Nanoseconds between the stop signal and the kill. Absent: 10 s. */
  StopGracePeriod: optional(Int()),
  Healthcheck: optional(HealthcheckSchema),
  /** `IP host [alias…]`, as in /etc/hosts. */
  Hosts: optional(Strings()),
  DNSConfig: optional(Type.Object({ Nameservers: optional(Strings()), Search: optional(Strings()), Options: optional(Strings()) })),
  Secrets: optional(Type.Array(SecretReferenceSchema)),
  Configs: optional(Type.Array(ConfigReferenceSchema)),
  Isolation: optional(Type.String()),
  Sysctls: optional(StringMap()),
  CapabilityAdd: optional(Strings()),
  CapabilityDrop: optional(Strings()),
  Ulimits: optional(Type.Array(Type.Object({ Name: optional(Type.String()), Soft: optional(Int()), Hard: optional(Int()) }))),
  OomScoreAdj: optional(Int()),
});
export type ContainerSpec = DeepReadonly<Static<typeof ContainerSpecSchema>>;
