import type { NodeDescription, NodeSpec, Role, SwarmSpec, TLSInfo } from '../engine-api/cluster-spec.ts';
import type { ConfigSpec, NetworkSpec, SecretSpec } from '../engine-api/payload-specs.ts';
import type { EndpointSpec, GenericResource, PortConfig, ServiceSpec, TaskSpec } from '../engine-api/service-spec.ts';
import type { StackBody } from '../engine-api/stack-spec.ts';
import type { ErrorClass } from '../errors/api-error.ts';
import type { NetworkProblem } from '../protocol/network-state.ts';
import {
  asID,
  type ClientID,
  type ClusterID,
  type ConfigID,
  type GatewayID,
  type GuestID,
  type NetworkID,
  type NodeID,
  type SecretID,
  type ServiceID,
  type StackRevisionID,
  type TaskID,
  type TemplateID,
} from '../runtime/ids.ts';
import type { DesiredState, ObservedState } from './task-state.ts';

/**
 * The stored objects. They keep the Engine API's own shape and names (PascalCase), so that there is no mapping layer;
 * what is ours is camelCase and never leaves the cluster through the Engine API.
 */
export interface Version {
  /** One cluster-wide counter: the transaction that wrote the object last. */
  readonly Index: number;
}

export interface StoredObject<ID extends string = string> {
  readonly ID: ID;
  readonly Version: Version;
  /** RFC 3339, see `timestamp`. */
  readonly CreatedAt: string;
  readonly UpdatedAt: string;
}

export interface Cluster extends StoredObject<ClusterID> {
  readonly Spec: SwarmSpec;
  /** The root that nodes trust, and the issuer that their certificates shall have: while the root is replaced, the next one. */
  readonly TLSInfo: TLSInfo;
  readonly RootRotationInProgress: boolean;
  readonly DefaultAddrPool: readonly string[];
  readonly SubnetSize: number;
  readonly DataPathPort: number;
  /** The VXLAN number that a network was given last; absent: none yet, or only numbers that users chose. */
  readonly lastVNI?: number;
  readonly JoinTokens: { readonly Worker: string; readonly Manager: string };
  /** The cluster's root: PEM certificate and PKCS#8 key. The journal encrypts it; it goes nowhere else. */
  readonly ca: { readonly certificate: string; readonly privateKey: string };
  /** While the root is replaced: the one that signs now, and becomes `ca` once every node has a certificate of it. Owner: ca. */
  readonly nextRoot?: NextRoot;
  /** Roots that this cluster had, the newest first; their keys are gone. Owner: ca. */
  readonly formerRoots?: readonly FormerRoot[];
  /** `SWMKEY-1-…` when autolock is on. */
  readonly unlockKey?: string;
}

/** All PEM. */
export interface NextRoot {
  readonly certificate: string;
  readonly privateKey: string;
  /** Its certificate signed by the root before it: with it, who trusts only that one believes what this one signs. */
  readonly crossCertificate: string;
}

/** All PEM. Clients of the API have its certificate, and take the word of its successor for that. */
export interface FormerRoot {
  readonly certificate: string;
  /** The certificate of the root that came after it, signed by it. */
  readonly crossCertificate: string;
}

export type NodeState = 'unknown' | 'down' | 'ready' | 'disconnected';

export interface Node extends StoredObject<NodeID> {
  readonly Spec: NodeSpec;
  /** Absent until the node has connected once. */
  readonly Description?: NodeDescription;
  /** Owner: dispatcher. */
  readonly Status: { readonly State: NodeState; readonly Message?: string; readonly Addr: string };
  readonly ManagerStatus?: {
    readonly Leader?: boolean;
    readonly Reachability: 'unknown' | 'unreachable' | 'reachable';
    readonly Addr: string;
  };
  /** The role its certificate carries, as opposed to `Spec.Role`, the role wanted. Constraints look at this one. */
  readonly role: Role;
  /** SHA-256 of the public key (SPKI, DER), hex: the node's identity. A certificate for another key is not this node. */
  readonly keyFingerprint: string;
  /** Digests (as in join tokens) of the roots that it trusts. Owner: dispatcher. */
  readonly trustedRoots?: readonly string[];
  /** False while the host's engine does not answer: such a node takes no new tasks, and keeps those it has. */
  readonly engineHealth?: { readonly ok: boolean; readonly message?: string };
  /** RFC 3339, newest last: when it went down of late. Owner: orchestrator. */
  readonly downs?: readonly string[];
  /** It went down too often of late: it keeps its tasks and takes no new ones until then. Owner: orchestrator. */
  readonly damped?: { readonly until: string };
  /** Where its VXLAN packets go; absent: `Status.Addr`. Owner: dispatcher. */
  readonly dataPathAddr?: string;
  /** What the host says is wrong with its networks; absent: nothing. Owner: dispatcher. */
  readonly networkProblems?: readonly NetworkProblem[];
  /** It cannot have networks between hosts, whichever: it takes no tasks that are in one. Owner: dispatcher. */
  readonly lacksNetworks?: true;
}

/** The address to which other nodes send VXLAN packets. */
export function dataPathAddress(node: Pick<Node, 'dataPathAddr' | 'Status'>): string {
  return node.dataPathAddr ?? node.Status.Addr;
}

export type UpdateState = 'updating' | 'paused' | 'completed' | 'rollback_started' | 'rollback_paused' | 'rollback_completed';

export interface UpdateStatus {
  readonly State: UpdateState;
  readonly StartedAt?: string;
  readonly CompletedAt?: string;
  readonly Message: string;
}

export interface Service extends StoredObject<ServiceID> {
  readonly Spec: ServiceSpec;
  readonly PreviousSpec?: ServiceSpec;
  /** Written anew whenever `Spec` is: tasks carry the one they were made for. */
  readonly specVersion: number;
  /** The template that new tasks of this service refer to. */
  readonly templateID: TemplateID;
  readonly Endpoint: {
    readonly Spec?: EndpointSpec;
    readonly Ports?: readonly PortConfig[];
    readonly VirtualIPs?: readonly { readonly NetworkID: NetworkID; readonly Addr: string }[];
  };
  readonly UpdateStatus?: UpdateStatus;
  readonly JobStatus?: { readonly JobIteration: { readonly Index?: number }; readonly LastExecution: string };
  /** Registry credentials as the client sent them (`X-Registry-Auth`, base64url JSON); never returned. */
  readonly registryAuth?: string;
  readonly previousRegistryAuth?: string;
  /** By slot: the node that has the data of the slot's local volumes. Outlives the slot's tasks. Owner: orchestrator. */
  readonly volumeNodes?: { readonly [slot: string]: NodeID };
  /** The revision of its stack that wrote `Spec`, or wrote what a rollback has replaced since. Absent: no stack deploy wrote it last. */
  readonly stackRevision?: number;
  /** RFC 3339: since when its tasks are being moved to even out the nodes; absent when there is nothing to move. */
  readonly rebalanceSince?: string;
}

/**
 * What a service's tasks have in common, immutable. Tasks refer to it and do not copy it; it is kept until its last
 * task is reaped, so that lists by label work after the service is gone. Its id is all a change of it can be seen by.
 */
export interface Template extends StoredObject<TemplateID> {
  readonly serviceID: ServiceID;
  readonly serviceName: string;
  readonly serviceLabels: { readonly [key: string]: string };
  readonly spec: TaskSpec;
  readonly endpoint?: EndpointSpec;
  readonly registryAuth?: string;
  readonly global: boolean;
}

export interface ContainerStatus {
  readonly ContainerID: string;
  readonly PID: number;
  readonly ExitCode: number;
}

export interface TaskStatus {
  readonly State: ObservedState;
  /** RFC 3339, by the clock of whoever wrote the state. */
  readonly Timestamp: string;
  readonly Message?: string;
  readonly Err?: string;
  readonly ContainerStatus?: ContainerStatus;
  /** Host-mode ports only. */
  readonly PortStatus?: { readonly Ports?: readonly PortConfig[] };
}

export interface NetworkAttachment {
  readonly networkID: NetworkID;
  /** CIDR, e.g. `10.0.1.3/24`. */
  readonly addresses: readonly string[];
}

/** Why the orchestrator made a task; what a new leader needs to go on where the old one stopped. */
export interface TaskOrigin {
  /**
   * `new`: its slot was empty. `restart`: the task before it ended by itself. `update`: the one before it was made from
   * an older template. `move`: the one before it lost its node.
   */
  readonly kind: 'new' | 'restart' | 'update' | 'move';
  /** RFC 3339. It is not asked to run before this time. */
  readonly notBefore?: string;
  /** How many tasks of this slot in a row ended soon after they started; sets the restart's delay. */
  readonly failuresInRow?: number;
  /** It takes the place of this task, which goes once this one has run well for the monitored time. */
  readonly replaces?: TaskID;
  /** Where it shall go: `volume`: the data of its local volumes is there; `balance`: it is moved there, and nowhere else. */
  readonly node?: { readonly id: NodeID; readonly why: 'volume' | 'balance' };
}

export interface Task extends StoredObject<TaskID> {
  readonly ServiceID: ServiceID;
  readonly templateID: TemplateID;
  /** The service's `specVersion` this task was made for. */
  readonly specVersion: number;
  /** From 1 for replicated, from 0 for replicated jobs, absent for global. */
  readonly Slot?: number;
  /** Absent until assigned; global tasks have it from creation. */
  readonly NodeID?: NodeID;
  /** Owner: orchestrator. */
  readonly DesiredState: DesiredState;
  /** Owner: orchestrator, at creation. */
  readonly origin?: TaskOrigin;
  /** Owner: orchestrator, at creation: the cluster's default then. Absent: its spec names one, or there was none. */
  readonly logDriver?: NonNullable<TaskSpec['LogDriver']>;
  /** Owner: orchestrator. A sentence: it gets no node for the time being, since its service waits for another. */
  readonly hold?: string;
  /** Owner: as the ladder says. */
  readonly Status: TaskStatus;
  /** RFC 3339, by the manager's clock: when it was first seen running. Owner: dispatcher, with the status. */
  readonly runningSince?: string;
  readonly JobIteration?: { readonly Index?: number };
  /** Owner: allocator. */
  readonly attachments?: readonly NetworkAttachment[];
  /** Owner: scheduler. */
  readonly GenericResources?: readonly GenericResource[];
  /** Times the worker started this task's container again while no manager was reachable. */
  readonly unattendedRestarts?: number;
}

export interface Network extends StoredObject<NetworkID> {
  readonly Spec: NetworkSpec & { readonly Name: string };
  /** Given at creation, and never changed. Absent: no overlay, or made by a release that had none. */
  readonly allocation?: {
    readonly vni: number;
    readonly configs: readonly { readonly Subnet: string; readonly Gateway: string }[];
    /** CIDR: where the VIPs are. */
    readonly vipRange: string;
  };
  /** Only of encrypted networks, oldest first. Owner: allocator. */
  readonly keys?: readonly NetworkKey[];
  /** `host` and `bridge` exist in every cluster and are hidden from lists. */
  readonly predefined?: boolean;
}

export interface NetworkKey {
  readonly number: number;
  /** 160 bits, base64. */
  readonly secret: string;
  /** New packets are encrypted with it; all keys decrypt. */
  readonly sending: boolean;
  /** RFC 3339: when it became what it is. */
  readonly since: string;
}

/**
 * A node's own address in a network, the gateway of its containers there: the node has the network exactly as long as
 * this exists. Owner: allocator. The id is `gatewayID`.
 */
export interface Gateway extends StoredObject<GatewayID> {
  readonly networkID: NetworkID;
  readonly nodeID: NodeID;
  /** Without mask. */
  readonly address: string;
  /** Containers of the node that are no tasks have ended and ask here for names when they start again. Owner: dispatcher. */
  readonly kept?: true;
}

/**
 * A container that no task is, in one network of the cluster: someone started it by hand (`docker run --network`). It
 * lives as long as its host says so. Owner: dispatcher.
 */
export interface Guest extends StoredObject<GuestID> {
  readonly networkID: NetworkID;
  readonly nodeID: NodeID;
  /** Of the container; empty until that is known. */
  readonly name: string;
  /** Other names of it in this network. */
  readonly aliases: readonly string[];
  /** Absent until the container is made. */
  readonly containerID?: string;
  readonly running: boolean;
  /** The address it must have. */
  readonly wanted?: string;
  /** The address it gets if that is free. */
  readonly preferred?: string;
  /** Without mask. Owner: allocator. */
  readonly address?: string;
  /** Why it gets none; then nobody keeps it. Owner: allocator. */
  readonly refusal?: { readonly kind: ErrorClass; readonly text: string };
}

export function gatewayID(networkID: string, nodeID: string): GatewayID {
  return asID(`${networkID}.${nodeID}`);
}

export interface Secret extends StoredObject<SecretID> {
  readonly Spec: SecretSpec & { readonly Name: string };
}

export interface Config extends StoredObject<ConfigID> {
  readonly Spec: ConfigSpec & { readonly Name: string };
}

/** What a stack was deployed as, so that one can go back to it. Holds data of secrets: it never leaves the manager whole. */
export interface StackRevision extends StoredObject<StackRevisionID> {
  readonly stack: string;
  /** From 1, per stack; numbers are not used again while the stack exists. */
  readonly number: number;
  readonly body: StackBody;
  /** The number of the revision that it repeats. */
  readonly rolledBackTo?: number;
  /** Services that had gone back to what they were before it, when they were changed again. Those that have now say so themselves. */
  readonly rolledBackServices?: readonly string[];
}

/** `read-only` sees what is in an allow-list, without tokens, keys, payloads and archives. */
export const CLIENT_ROLES = ['admin', 'read-only'] as const;
export type ClientRole = (typeof CLIENT_ROLES)[number];

/** A person or program outside the cluster that may use its API over TCP. It is gone, or its role changed, at once. */
export interface Client extends StoredObject<ClientID> {
  readonly Spec: { readonly Name: string; readonly Role: ClientRole };
  /** SHA-256 of its public key (SPKI, DER), hex. */
  readonly keyFingerprint: string;
  /** RFC 3339, of its certificate. */
  readonly expiresAt: string;
  /** Digest of the root that signed it. Absent: the first one that the cluster had. */
  readonly rootDigest?: string;
}

/** The task's name as every Swarm tool reads it: `web.1.<id>`, for global services `web.<node id>.<id>`. */
export function taskName(serviceName: string, task: Pick<Task, 'ID' | 'Slot' | 'NodeID'>, global: boolean): string {
  return `${serviceName}.${global ? (task.NodeID ?? '') : (task.Slot ?? 0)}.${task.ID}`;
}
