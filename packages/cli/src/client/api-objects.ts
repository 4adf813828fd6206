import type { UpdateState } from '@swarm/shared/domain/objects';
import type { NodeDescription, NodeSpec, SwarmSpec, TLSInfo } from '@swarm/shared/engine-api/cluster-spec';
import type { ConfigSpec, NetworkSpec, SecretSpec } from '@swarm/shared/engine-api/payload-specs';
import type { EndpointSpec, PortConfig, ServiceSpec, TaskSpec } from '@swarm/shared/engine-api/service-spec';

/** What the Engine API answers, as far as the commands look at it. */
export interface ApiMeta {
  readonly ID: string;
  readonly Version?: { readonly Index?: number };
  readonly CreatedAt: string;
  readonly UpdatedAt: string;
}

export interface ApiNode extends ApiMeta {
  readonly Spec: NodeSpec;
  readonly Description?: NodeDescription;
  readonly Status: { readonly State: string; readonly Message?: string; readonly Addr?: string };
  readonly ManagerStatus?: { readonly Leader?: boolean; readonly Reachability: string; readonly Addr: string };
}

export interface ApiUpdateStatus {
  readonly State: UpdateState;
  readonly Message?: string;
  readonly StartedAt?: string;
  readonly CompletedAt?: string;
}

export interface ApiService extends ApiMeta {
  readonly Spec: ServiceSpec;
  readonly PreviousSpec?: ServiceSpec;
  readonly Endpoint: { readonly Spec?: EndpointSpec; readonly Ports?: readonly PortConfig[] };
  readonly UpdateStatus?: ApiUpdateStatus;
  readonly ServiceStatus?: { readonly RunningTasks: number; readonly DesiredTasks: number; readonly CompletedTasks: number };
  readonly JobStatus?: { readonly JobIteration?: { readonly Index?: number }; readonly LastExecution?: string };
}

export interface ApiTask extends ApiMeta {
  readonly Spec: TaskSpec;
  readonly ServiceID: string;
  readonly Slot?: number;
  readonly NodeID?: string;
  readonly DesiredState: string;
  readonly Status: {
    readonly Timestamp: string;
    readonly State: string;
    readonly Message?: string;
    readonly Err?: string;
    readonly ContainerStatus?: { readonly ContainerID: string; readonly PID: number; readonly ExitCode: number };
    readonly PortStatus?: { readonly Ports?: readonly PortConfig[] };
  };
  readonly JobIteration?: { readonly Index?: number };
}

export interface ApiSwarm extends ApiMeta {
  readonly Spec: SwarmSpec;
  readonly TLSInfo: TLSInfo;
  readonly RootRotationInProgress: boolean;
  /** Absent for a client that is read-only. */
  readonly JoinTokens?: { readonly Worker: string; readonly Manager: string };
}

export interface ApiSwarmInfo {
  readonly NodeID: string;
  readonly NodeAddr: string;
  readonly LocalNodeState: string;
  readonly ControlAvailable: boolean;
  readonly Error: string;
  readonly RemoteManagers: readonly { readonly NodeID: string; readonly Addr: string }[] | null;
  readonly Nodes?: number;
  readonly Managers?: number;
  readonly Cluster?: Omit<ApiSwarm, 'JoinTokens'>;
  readonly Warnings?: readonly string[] | null;
}

/** The engine's own part is a subset: what `swarm info` shows. */
export interface ApiInfo {
  readonly Swarm: ApiSwarmInfo;
  readonly Name?: string;
  readonly ServerVersion?: string;
  readonly Architecture?: string;
  readonly OSType?: string;
  readonly NCPU?: number;
  readonly MemTotal?: number;
}

/** Never with its data. */
export interface ApiSecret extends ApiMeta {
  readonly Spec: SecretSpec & { readonly Name: string };
}

export interface ApiConfig extends ApiMeta {
  readonly Spec: ConfigSpec & { readonly Name: string };
}

export interface ApiNetwork extends NetworkSpec {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
}

/** What `POST /containers/{id}/exec` takes, as far as the commands use it. */
export interface ExecRequest {
  readonly Cmd: readonly string[];
  readonly AttachStdin: boolean;
  readonly AttachStdout: boolean;
  readonly AttachStderr: boolean;
  readonly Tty: boolean;
  readonly Env?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly ConsoleSize?: readonly [rows: number, columns: number];
}

interface ApiCpuStats {
  readonly cpu_usage: { readonly total_usage: number; readonly percpu_usage?: readonly number[] | null };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}

/** One sample, and the processor's counters of the one before it. */
export interface ApiStats {
  readonly cpu_stats: ApiCpuStats;
  readonly precpu_stats: ApiCpuStats;
  readonly memory_stats: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: { readonly inactive_file?: number; readonly total_inactive_file?: number };
  };
  readonly pids_stats?: { readonly current?: number };
  readonly networks?: { readonly [name: string]: { readonly rx_bytes: number; readonly tx_bytes: number } } | null;
}

/** A line of `GET /events`. */
export interface ApiEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes?: { readonly [key: string]: string } | null };
  readonly scope?: string;
  readonly time: number;
  readonly timeNano: number;
}
