import type { ContainerState, HealthState } from './engine.ts';

/** The part of the engine's answers that we read. Source: Docker Engine API, 1.41 to 1.51. */
export interface RawInfo {
  readonly Name: string;
  readonly Architecture: string;
  readonly OSType: string;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly ServerVersion: string;
  readonly Labels?: readonly string[] | null;
  readonly Plugins?: { readonly [type: string]: readonly string[] | null };
  readonly Swarm?: { readonly LocalNodeState?: string };
  readonly DockerRootDir: string;
  readonly CgroupVersion?: string;
  readonly FirewallBackend?: { readonly Driver?: string } | null;
}

export interface RawNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Labels?: { readonly [key: string]: string } | null;
  readonly Options?: { readonly [key: string]: string } | null;
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string; readonly Gateway?: string }[] | null } | null;
}

export interface RawSummary {
  readonly Id: string;
  readonly Names?: readonly string[];
  readonly Labels?: { readonly [key: string]: string } | null;
  readonly ImageID: string;
  readonly State: ContainerState['status'];
  /** `Up 5 seconds (healthy)`: the only place where a list says the health in every version of the API. */
  readonly Status: string;
  readonly NetworkSettings?: {
    readonly Networks?: {
      readonly [name: string]: {
        readonly NetworkID?: string;
        readonly IPAddress?: string;
        readonly IPAMConfig?: { readonly IPv4Address?: string } | null;
      } | null;
    } | null;
  } | null;
}

export interface RawContainer {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly Config: { readonly Labels?: { readonly [key: string]: string } | null };
  readonly State: {
    readonly Status: ContainerState['status'];
    readonly ExitCode: number;
    readonly Pid: number;
    readonly Error: string;
    readonly OOMKilled: boolean;
    readonly Health?: { readonly Status: HealthState | '' };
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
  readonly NetworkSettings?: {
    readonly Ports?: { readonly [target: string]: readonly { readonly HostIp: string; readonly HostPort: string }[] | null };
    readonly Networks?: { readonly [name: string]: { readonly Aliases?: readonly string[] | null } | null } | null;
  };
}

export interface RawImage {
  readonly Id: string;
  readonly RepoDigests?: readonly string[] | null;
  readonly Config?: { readonly Healthcheck?: { readonly Test?: readonly string[] | null } | null };
}

export interface RawImageSummary {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  readonly Size: number;
}

export interface RawEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes?: { readonly [key: string]: string } };
}
