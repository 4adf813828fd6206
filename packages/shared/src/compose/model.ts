import type { Dependency } from '../domain/depends-on.ts';
import type { PortConfig } from '../engine-api/service-spec.ts';
import type { Tree } from './yaml-tree.ts';

/**
 * A stack file after decoding, with every short form in its long form: what both dialects are turned into and what is
 * merged and converted. Durations are nanoseconds, sizes bytes. Absent and empty differ where merging needs it.
 */
export interface ComposeFile {
  services: Map<string, ComposeService>;
  networks: Map<string, ComposeNetwork>;
  volumes: Map<string, ComposeVolume>;
  secrets: Map<string, ComposePayload>;
  configs: Map<string, ComposePayload>;
  extensions: Map<string, Tree>;
}

export type Options = Map<string, string>;

export interface ComposeService {
  name: string;
  image?: string;
  capAdd?: string[];
  capDrop?: string[];
  command?: string[];
  entrypoint?: string[];
  configs?: ComposeFileReference[];
  secrets?: ComposeFileReference[];
  credentialSpec?: { config?: string; file?: string; registry?: string };
  deploy: ComposeDeploy;
  dns?: string[];
  dnsSearch?: string[];
  /** Null: named without a value, and none was found. */
  environment: Map<string, string | null>;
  extraHosts?: string[];
  healthcheck?: ComposeHealthcheck;
  hostname?: string;
  init?: boolean;
  isolation?: string;
  labels: Options;
  logging?: { driver?: string; options: Options };
  networks: Map<string, ComposeAttachment | null>;
  ports?: PortConfig[];
  readOnly?: boolean;
  restart?: string;
  stdinOpen?: boolean;
  stopGracePeriod?: number;
  stopSignal?: string;
  sysctls: Options;
  tty?: boolean;
  ulimits: Map<string, { soft: number; hard: number; single?: boolean }>;
  user?: string;
  volumes?: ComposeMount[];
  workingDir?: string;
  /** What only `stack config` prints, as the files say it; short forms already long. */
  ignored?: Map<string, Tree>;
  extensions?: Map<string, Tree>;
  /** The rest is reached by the Compose Specification only: version 3 has no words for it. */
  /** By the services' full names. */
  dependsOn?: readonly Dependency[];
  groups?: string[];
  dnsOptions?: string[];
  oomScoreAdj?: number;
  platform?: { os: string; architecture?: string };
  privileges?: { noNewPrivileges?: boolean; seccomp?: 'unconfined'; appArmor?: 'disabled'; seLinux?: { [key: string]: string | boolean } };
}

export interface ComposeAttachment {
  aliases?: string[];
  driverOpts?: Options;
  /** Kept for `stack config` only. */
  ipv4Address?: string;
  ipv6Address?: string;
}

export interface ComposeFileReference {
  source: string;
  target?: string;
  uid?: string;
  gid?: string;
  mode?: number;
}

export interface ComposeUpdate {
  parallelism?: number;
  delay?: number;
  failureAction?: string;
  monitor?: number;
  maxFailureRatio?: number;
  order?: string;
}

export interface ComposeResources {
  nanoCPUs?: number;
  /** As the file says it. */
  cpus?: string;
  memoryBytes?: number;
  pids?: number;
  genericResources?: { kind: string; value: number }[];
}

export interface ComposeDeploy {
  mode?: string;
  endpointMode?: string;
  replicas?: number;
  labels: Options;
  updateConfig?: ComposeUpdate;
  rollbackConfig?: ComposeUpdate;
  limits?: ComposeResources;
  reservations?: ComposeResources;
  restartPolicy?: { condition?: string; delay?: number; maxAttempts?: number; window?: number };
  constraints?: string[];
  preferences?: string[];
  maxReplicas?: number;
}

export interface ComposeHealthcheck {
  test?: string[];
  interval?: number;
  timeout?: number;
  startPeriod?: number;
  startInterval?: number;
  retries?: number;
  disable?: boolean;
}

export interface ComposeMount {
  type: string;
  source?: string;
  target?: string;
  readOnly?: boolean;
  consistency?: string;
  bind?: { propagation?: string };
  volume?: { nocopy?: boolean; subpath?: string };
  tmpfs?: { size?: number; mode?: number; options?: string[][] };
  cluster?: boolean;
}

export interface ComposeNetwork {
  name?: string;
  driver?: string;
  driverOpts: Options;
  ipam?: { driver?: string; subnets: string[]; configs?: { subnet?: string; ipRange?: string; gateway?: string }[] };
  external: boolean;
  internal?: boolean;
  attachable?: boolean;
  labels: Options;
}

export interface ComposeVolume {
  name?: string;
  driver?: string;
  driverOpts: Options;
  external: boolean;
  labels: Options;
  /** `x-cluster-spec`. */
  clusterSpec?: Tree;
}

export interface ComposePayload {
  name?: string;
  /** Absolute path of the file that holds the content. */
  file?: string;
  /** The content itself, where the file gives it in place of a path. */
  content?: string;
  /** The variable that the content comes from. */
  variable?: string;
  external: boolean;
  labels: Options;
  driver?: string;
  driverOpts: Options;
  templateDriver?: string;
  /** The name without the version, of one that rotates; `name` has the version in it then. */
  versionOf?: string;
  extensions?: Map<string, Tree>;
}
