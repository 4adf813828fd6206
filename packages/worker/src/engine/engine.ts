/**
 * The engine seam: our verbs and types over a container engine. The dockerode adapter is its only user of dockerode;
 * the fake passes the same contract suite and throws on what it does not know.
 * Expected answers are values (`already-gone`), foreign errors are translated to `EngineError` at this edge.
 */
export interface EngineInfo {
  readonly hostname: string;
  readonly architecture: string;
  readonly os: string;
  readonly nanoCPUs: number;
  readonly memoryBytes: number;
  readonly engineVersion: string;
  readonly apiVersion: string;
  readonly labels: { readonly [key: string]: string };
  readonly plugins: readonly { readonly Type: string; readonly Name: string }[];
  /** `inactive` unless dockerd's own swarm mode is on: then this host cannot be one of ours. */
  readonly dockerSwarmState: string;
  readonly rootDirectory: string;
  readonly cgroupVersion?: string;
  /** `nftables` or `iptables`, where the engine says it (API 1.49 and later). */
  readonly firewallBackend?: string;
}

export type HealthState = 'none' | 'starting' | 'healthy' | 'unhealthy';

export interface ContainerState {
  readonly id: string;
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly status: 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';
  readonly exitCode: number;
  readonly pid: number;
  readonly error: string;
  readonly oomKilled: boolean;
  /** `none` unless it runs: an engine calls every ended container with a healthcheck unhealthy. */
  readonly health: HealthState;
  /** RFC 3339; the engine's zero time when it never started or never ended. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly createdAt: string;
  readonly ports: readonly {
    readonly protocol: string;
    readonly targetPort: number;
    readonly publishedPort: number;
    readonly hostIP: string;
  }[];
}

/** A container of `list`: no exit code. Enough to see what is there and what must be inspected. */
export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly imageID: string;
  readonly status: ContainerState['status'];
  /** Known while it runs; `none` for one that does not. */
  readonly health: HealthState;
}

/** The body of `POST /containers/create` in the Engine API's own shape (1.41), and the name. */
export interface ContainerCreateRequest {
  readonly name: string;
  readonly body: { readonly [key: string]: unknown };
}

export interface VolumeRequest {
  readonly name: string;
  readonly driver?: string;
  readonly driverOptions?: { readonly [key: string]: string };
  readonly labels?: { readonly [key: string]: string };
}

export interface EngineImage {
  readonly id: string;
  /** Every `name:tag` and `name@digest` that leads to it, in the engine's own spelling; none when all have moved on. */
  readonly names: readonly string[];
  /** With all its layers, shared ones too. */
  readonly bytes: number;
}

/** As `df` counts: what only root may still write is not free. */
export interface DiskUsage {
  readonly path: string;
  readonly usedBytes: number;
  readonly freeBytes: number;
}

/** A bridge network of the engine. */
export interface EngineNetwork {
  readonly id: string;
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly options: { readonly [key: string]: string };
  /** CIDR and address of its first range; empty when it has none. */
  readonly subnet: string;
  readonly gateway: string;
}

export interface NetworkCreateRequest {
  readonly name: string;
  /** CIDR. */
  readonly subnet: string;
  /** CIDR, within the subnet: where the engine itself may choose addresses. */
  readonly ipRange: string;
  readonly gateway: string;
  readonly options: { readonly [key: string]: string };
  readonly labels: { readonly [key: string]: string };
}

/** A running container's places in networks. */
export interface ContainerPlaces {
  readonly containerID: string;
  readonly labels: { readonly [key: string]: string };
  /** By the engine's id of the network; addresses without mask. */
  readonly places: readonly { readonly networkID: string; readonly address: string }[];
}

/** A container, whether it runs or not, as a member of networks. */
export interface NetworkMember {
  readonly containerID: string;
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly status: ContainerState['status'];
  /** By the engine's name of the network; addresses without mask, those that are set for it: empty where the engine chooses. */
  readonly places: readonly { readonly network: string; readonly address: string }[];
}

export type EngineEvent = {
  readonly kind: 'container';
  /** `start`, `die`, `destroy`, `oom`, `health_status`, …: the part before any colon. */
  readonly action: string;
  readonly containerID: string;
  readonly labels: { readonly [key: string]: string };
};

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
  /** Unix seconds, fraction allowed. */
  readonly since?: number;
  readonly tail?: number;
}

/** `base64url` JSON of `{username, password, serveraddress …}`, as `X-Registry-Auth` carries it. */
export type RegistryAuth = string;

export interface ContainerEngine {
  /** @throws EngineError `unavailable`, as every call below does when the engine does not answer. */
  info(signal?: AbortSignal): Promise<EngineInfo>;
  /** A live probe that does real work (lists containers) within `timeoutMs`. @throws EngineError */
  probe(timeoutMs: number): Promise<void>;
  /** All containers, running or not, that carry every label given (`key` or `key=value`). */
  listContainers(labels: readonly string[]): Promise<readonly ContainerSummary[]>;
  inspectContainer(id: string): Promise<ContainerState | undefined>;
  /** Pulls and resolves once the image is there. @throws EngineError `not-found`, `unauthorized` or `registry-unavailable`. */
  pullImage(reference: string, auth: RegistryAuth | undefined, signal: AbortSignal): Promise<void>;
  /** Undefined when the engine has no such image. */
  inspectImage(
    reference: string,
  ): Promise<{ readonly id: string; readonly digests: readonly string[]; readonly hasHealthcheck: boolean } | undefined>;
  /** All images, whoever brought them. */
  listImages(): Promise<readonly EngineImage[]>;
  /**
   * By a name only that name goes, and the image with its last one; by its id the image with its names of one repository.
   * @throws EngineError `conflict` when a container or another image needs it, `several-names` by its id when that says too little.
   */
  removeImage(reference: string): Promise<'removed' | 'already-gone'>;
  /** Of the disk that holds the engine's data root; undefined when this host does not see it, as with an engine over TCP. */
  diskUsage(): Promise<DiskUsage | undefined>;
  /** Makes the volume unless it is there. @throws EngineError `conflict` when it is there with another driver. */
  ensureVolume(volume: VolumeRequest): Promise<void>;
  /** All bridge networks that carry every label given. */
  listNetworks(labels: readonly string[]): Promise<readonly EngineNetwork[]>;
  /** @throws EngineError `conflict` when another network has the name, `unauthorized` when one has the addresses. */
  createNetwork(request: NetworkCreateRequest): Promise<{ readonly id: string }>;
  removeNetwork(id: string): Promise<'removed' | 'already-gone' | 'in-use'>;
  /** The places of all running containers that carry every label given. */
  listPlaces(labels: readonly string[]): Promise<readonly ContainerPlaces[]>;
  /** All containers that are in one of these networks, by name, also those that do not run. */
  listMembers(networks: readonly string[]): Promise<readonly NetworkMember[]>;
  /** The names a container has in a network beside its own; undefined when it is gone. */
  aliasesOf(containerID: string, network: string): Promise<readonly string[] | undefined>;
  /** `network` is a name or an id. Safe to repeat. @throws EngineError `not-found` without the network or the container. */
  connectNetwork(network: string, containerID: string, address: string): Promise<'connected' | 'already-connected'>;
  disconnectNetwork(network: string, containerID: string): Promise<'disconnected' | 'already-gone'>;
  /** @throws EngineError `name-taken` with `containerID` when a container of that name exists, `not-found` without the image. */
  createContainer(request: ContainerCreateRequest): Promise<{ readonly id: string; readonly warnings: readonly string[] }>;
  /** Starting a running container is `already-running`. */
  startContainer(id: string): Promise<'started' | 'already-running' | 'already-gone'>;
  /** Sends the container's stop signal, kills after `graceMs` (undefined: the container's own grace). Resolves when it has stopped. */
  stopContainer(id: string, graceMs: number | undefined, signal?: AbortSignal): Promise<'stopped' | 'already-stopped' | 'already-gone'>;
  /** Kills if need be; anonymous volumes go with it. */
  removeContainer(id: string): Promise<'removed' | 'already-gone'>;
  /** The log as the engine frames it (multiplexed unless the container has a TTY). */
  containerLogs(id: string, options: LogOptions, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /**
   * Events of containers, none missed from the moment this resolves. They are hints, not truth. The iteration ends with an
   * EngineError `unavailable` when the engine goes away, and with the signal's reason when that is aborted.
   */
  openEvents(signal: AbortSignal): Promise<AsyncIterable<EngineEvent>>;
}

/**
 * `unavailable`: the engine itself does not answer, so nothing is known and the same call may succeed later. All others are
 * the engine's own answer, in its own sentence.
 */
export type EngineErrorKind =
  | 'unavailable'
  | 'not-found'
  | 'unauthorized'
  | 'registry-unavailable'
  | 'name-taken'
  | 'invalid'
  | 'conflict'
  /** An image has names of several repositories, and nothing else keeps it but perhaps an ended container. */
  | 'several-names'
  | 'failed';

export class EngineError extends Error {
  readonly kind: EngineErrorKind;
  readonly containerID?: string;

  constructor(kind: EngineErrorKind, message: string, options: { readonly cause?: unknown; readonly containerID?: string } = {}) {
    super(message, { cause: options.cause });
    this.name = 'EngineError';
    this.kind = kind;
    if (options.containerID !== undefined) this.containerID = options.containerID;
  }
}
