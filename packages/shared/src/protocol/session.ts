import type { DesiredState, ObservedState } from '../domain/task-state.ts';
import { NodeDescriptionSchema, TLSInfoSchema } from '../engine-api/cluster-spec.ts';
import { ConfigSpecSchema, SecretSpecSchema } from '../engine-api/payload-specs.ts';
import { Int, OneOf, optional } from '../engine-api/schema.ts';
import {
  EndpointSpecSchema,
  GenericResourceSchema,
  LogDriverSchema,
  PortConfigSchema,
  TaskSpecSchema,
} from '../engine-api/service-spec.ts';
import type { DeepReadonly } from '../runtime/deep-readonly.ts';
import { type Static, Type } from '../schema/type.ts';
import { ContainerCallSchema } from './container-call.ts';
import { GuestAnswerSchema, GuestReportSchema, GuestRequestSchema } from './guests.ts';
import { NeedNetworkSchema, NetworkReportSchema, NetworksAppliedSchema, NetworkUpdateSchema } from './network-state.ts';

/**
 * What a worker and its manager say to each other over a `Link`. The worker dials, sends `hello`; the manager answers
 * `welcome`, then the complete assignment set, then chained changes. Every message has a `type`.
 */
export const PROTOCOL_VERSION = 1;

/** Where the control port (2377) serves what. Everything but `ca` and `enrol` needs a client certificate of the cluster. */
export const CONTROL_PATHS = {
  /** GET: the root certificate, PEM. Open to all. */
  ca: '/v1/ca',
  /** POST EnrolRequest: signs a joining node's certificate. Open to all, checked by token or by the node's key, rate-limited. */
  enrol: '/v1/enrol',
  /** WebSocket of one worker's session. */
  session: '/v1/session',
  /** WebSocket of one stream, `/v1/streams/<one-time id>`. */
  streams: '/v1/streams',
} as const;

const ID = () => Type.String({ minLength: 1, maxLength: 64 });

export const AssignedTaskSchema = Type.Object({
  ID: ID(),
  serviceID: ID(),
  templateID: ID(),
  slot: optional(Int()),
  desiredState: Type.Unsafe<DesiredState>(OneOf(['ready', 'running', 'complete', 'shutdown', 'remove'])),
  genericResources: optional(Type.Array(GenericResourceSchema)),
  /** For a spec that names none. */
  logDriver: optional(LogDriverSchema()),
  /**
   * Its places in the cluster's networks, in the order of its spec, `ingress` last. Absent: it has none. The tables of
   * these networks, with this node among the peers, have gone out before the task did.
   */
  attachments: optional(
    Type.Array(
      Type.Object({
        networkID: ID(),
        /** CIDR: its own address with the mask of the network. */
        address: Type.String({ minLength: 2, maxLength: 64 }),
      }),
    ),
  ),
});
/** A task as its node needs it: the rest stands in the template. */
export type AssignedTask = DeepReadonly<Static<typeof AssignedTaskSchema>>;

export const AssignedTemplateSchema = Type.Object({
  ID: ID(),
  serviceName: Type.String(),
  serviceLabels: Type.Record(Type.String(), Type.String()),
  global: Type.Boolean(),
  spec: TaskSpecSchema,
  endpoint: optional(EndpointSpecSchema),
  registryAuth: optional(Type.String()),
});
export type AssignedTemplate = DeepReadonly<Static<typeof AssignedTemplateSchema>>;

const AssignedSecretSchema = Type.Object({ ID: ID(), version: Int(), spec: SecretSpecSchema });
export type AssignedSecret = DeepReadonly<Static<typeof AssignedSecretSchema>>;
const AssignedConfigSchema = Type.Object({ ID: ID(), version: Int(), spec: ConfigSpecSchema });
export type AssignedConfig = DeepReadonly<Static<typeof AssignedConfigSchema>>;

const IDs = () => Type.Array(ID());

/**
 * A change of the node's assignments, in one or more parts; nothing of it holds before its last part has come.
 * `complete` replaces all the node holds; `incremental` applies to the set named `appliesTo` only, else the worker asks
 * for the complete set. Templates, secrets and configs come before the tasks that use them, removals with the first part.
 */
export const AssignmentsSchema = Type.Object({
  type: Type.Literal('assignments'),
  kind: OneOf(['complete', 'incremental']),
  /** Empty for `complete`. */
  appliesTo: Type.String({ maxLength: 64 }),
  resultsIn: ID(),
  /** From 0. */
  part: Type.Integer({ minimum: 0 }),
  last: Type.Boolean(),
  templates: Type.Array(AssignedTemplateSchema),
  secrets: Type.Array(AssignedSecretSchema),
  configs: Type.Array(AssignedConfigSchema),
  tasks: Type.Array(AssignedTaskSchema),
  /** Only in `incremental`. */
  removed: optional(Type.Object({ templates: IDs(), secrets: IDs(), configs: IDs(), tasks: IDs() })),
});
export type Assignments = DeepReadonly<Static<typeof AssignmentsSchema>>;

/** What a manager may change while a session runs. */
export const SettingsSchema = Type.Object({
  /** The worker sends a beat this often. */
  heartbeatEveryMs: Type.Integer({ minimum: 1 }),
  /** The addresses (`host:port`) of all managers, for the next time a session is opened. */
  managers: Type.Array(Type.String({ maxLength: 512 })),
  /**
   * The roots that the worker shall trust, PEM, see `trustedRoots`; its certificate shall be of the last one. Absent: the
   * link needs no certificates.
   */
  roots: optional(Type.Array(Type.String({ maxLength: 32_768 }), { maxItems: 2 })),
});
export type Settings = DeepReadonly<Static<typeof SettingsSchema>>;

/** Facts of the node that templates of a spec may name, and what the worker must know of itself. */
export const WelcomeSchema = Type.Object({
  type: Type.Literal('welcome'),
  sessionID: ID(),
  nodeID: ID(),
  clusterID: ID(),
  role: OneOf(['worker', 'manager']),
  settings: SettingsSchema,
});
export type Welcome = DeepReadonly<Static<typeof WelcomeSchema>>;

export const LogStreamOptionsSchema = Type.Object({
  stdout: Type.Boolean(),
  stderr: Type.Boolean(),
  follow: Type.Boolean(),
  timestamps: Type.Boolean(),
  /** Unix seconds, fraction allowed. */
  since: optional(Type.Number()),
  /** Lines from the end; absent: all. */
  tail: optional(Int()),
});
export type LogStreamOptions = DeepReadonly<Static<typeof LogStreamOptionsSchema>>;

const streamFields = {
  type: Type.Literal('openStream'),
  /** One-time and bound to the node: the worker dials `CONTROL_PATHS.streams/<id>` with it, or sends `streamRefused`. */
  streamID: ID(),
  taskID: ID(),
} as const;

export const OpenStreamSchema = Type.Union([
  Type.Object({ ...streamFields, verb: Type.Literal('logs'), options: LogStreamOptionsSchema }),
  /** The worker answers with a head (`readCallHead`), then what the engine says; the manager sends body or input. */
  Type.Object({ ...streamFields, verb: Type.Literal('container'), call: ContainerCallSchema }),
]);
export type OpenStream = DeepReadonly<Static<typeof OpenStreamSchema>>;

const SettingsMessageSchema = Type.Object({ type: Type.Literal('settings'), settings: SettingsSchema });
/** The batch is durable: the worker may forget it. */
const StatusesAcknowledgedSchema = Type.Object({ type: Type.Literal('statusesAcknowledged'), batch: Int() });
const HeartbeatAcknowledgedSchema = Type.Object({ type: Type.Literal('heartbeatAcknowledged') });

/** The most images in one question. */
export const MAX_ASKED_IMAGES = 500;
const ImageReferences = () => Type.Array(Type.String({ maxLength: 1024 }), { maxItems: MAX_ASKED_IMAGES });
/** Of the images that the worker asked about: those that a rollback would bring back. Answers in the order of the questions. */
const RollbackImagesSchema = Type.Object({ type: Type.Literal('rollbackImages'), images: ImageReferences() });

export const MANAGER_MESSAGES = {
  welcome: WelcomeSchema,
  settings: SettingsMessageSchema,
  assignments: AssignmentsSchema,
  openStream: OpenStreamSchema,
  statusesAcknowledged: StatusesAcknowledgedSchema,
  heartbeatAcknowledged: HeartbeatAcknowledgedSchema,
  /** Only of networks that the node has use for; in order within one network. */
  network: NetworkUpdateSchema,
  rollbackImages: RollbackImagesSchema,
  guestAnswer: GuestAnswerSchema,
} as const;
export type ManagerMessage = DeepReadonly<Static<(typeof MANAGER_MESSAGES)[keyof typeof MANAGER_MESSAGES]>>;

const OBSERVED = [
  'assigned',
  'accepted',
  'preparing',
  'ready',
  'starting',
  'running',
  'complete',
  'shutdown',
  'failed',
  'rejected',
] as const;

/** The longest `Message` and `Err` of a status; the worker cuts longer ones. */
export const MAX_STATUS_TEXT = 2048;
/** The most statuses in one batch. A worker has one batch under way at a time. */
export const MAX_STATUSES_PER_BATCH = 200;

const StatusText = () => Type.String({ maxLength: MAX_STATUS_TEXT });

export const ReportedStatusSchema = Type.Object({
  taskID: ID(),
  status: Type.Object({
    State: Type.Unsafe<ObservedState>(OneOf(OBSERVED)),
    Timestamp: Type.String({ maxLength: 64 }),
    Message: optional(StatusText()),
    Err: optional(StatusText()),
    ContainerStatus: optional(Type.Object({ ContainerID: Type.String({ maxLength: 128 }), PID: Int(), ExitCode: Int() })),
    PortStatus: optional(Type.Object({ Ports: optional(Type.Array(PortConfigSchema)) })),
  }),
  unattendedRestarts: optional(Int()),
});
export type ReportedStatus = DeepReadonly<Static<typeof ReportedStatusSchema>>;

export const EngineHealthSchema = Type.Object({ ok: Type.Boolean(), message: optional(StatusText()) });
export type EngineHealth = DeepReadonly<Static<typeof EngineHealthSchema>>;

/** What a node's certificates are now. */
const TrustReportSchema = Type.Object({
  tlsInfo: TLSInfoSchema(),
  /** Digests, as in join tokens, of the roots it trusts. */
  roots: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 8 }),
});
export type TrustReport = DeepReadonly<Static<typeof TrustReportSchema>>;

/** An IP address: it goes on to every host of the node's networks, and what these cannot read would end their sessions. */
const HostAddress = () => Type.String({ minLength: 2, maxLength: 64, pattern: '^[0-9a-fA-F:.]+(?:%[\\w.-]+)?$' });

const HelloSchema = Type.Object({
  type: Type.Literal('hello'),
  protocolVersion: Int(),
  /** Absent while the host's engine has not answered since the daemon started. */
  description: optional(NodeDescriptionSchema),
  engineHealth: EngineHealthSchema,
  /** Absent where the link needs no certificates. */
  trust: optional(TrustReportSchema),
  /** The address under which the node wants to be known, without port. Absent: the one it dials from. */
  advertiseAddr: optional(HostAddress()),
  /** The address, without port, to which other nodes send VXLAN packets. Absent: the one it is known under. */
  dataPathAddr: optional(HostAddress()),
});
export type Hello = DeepReadonly<Static<typeof HelloSchema>>;

const HeartbeatSchema = Type.Object({ type: Type.Literal('heartbeat'), engineHealth: EngineHealthSchema });
const DescriptionSchema = Type.Object({ type: Type.Literal('description'), description: NodeDescriptionSchema });
/** Whenever it has changed since hello. */
const TrustSchema = Type.Object({ type: Type.Literal('trust'), trust: TrustReportSchema });
/** Batches count up within a session; the next one is sent once the one before is acknowledged. */
const StatusesSchema = Type.Object({
  type: Type.Literal('statuses'),
  batch: Int(),
  statuses: Type.Array(ReportedStatusSchema, { maxItems: MAX_STATUSES_PER_BATCH }),
});
/** The chain of assignments broke: send the complete set. */
const NeedCompleteSchema = Type.Object({ type: Type.Literal('needComplete') });
/** The worker will not open the stream; the reason is for the user. */
const StreamRefusedSchema = Type.Object({ type: Type.Literal('streamRefused'), streamID: ID(), reason: StatusText() });

/** Before images are removed: as the specs spell them. */
const AskRollbackImagesSchema = Type.Object({ type: Type.Literal('askRollbackImages'), images: ImageReferences() });

export const WORKER_MESSAGES = {
  hello: HelloSchema,
  heartbeat: HeartbeatSchema,
  description: DescriptionSchema,
  trust: TrustSchema,
  statuses: StatusesSchema,
  needComplete: NeedCompleteSchema,
  streamRefused: StreamRefusedSchema,
  /**
   * Once a session is open, with all networks that the host has: the manager answers with `gone` for those that the
   * node has no use for. Then whenever one is applied, and with all of them on a slow tick, for comparison.
   */
  networksApplied: NetworksAppliedSchema,
  needNetwork: NeedNetworkSchema,
  networkReport: NetworkReportSchema,
  askRollbackImages: AskRollbackImagesSchema,
  guestRequest: GuestRequestSchema,
  guests: GuestReportSchema,
} as const;
export type WorkerMessage = DeepReadonly<Static<(typeof WORKER_MESSAGES)[keyof typeof WORKER_MESSAGES]>>;

export const EnrolRequestSchema = Type.Object({
  /** A join token; absent when a known node re-enrols by its key (its certificate has expired). */
  token: optional(Type.String()),
  /** PEM, signed by the node's key: the proof that it has it. */
  csr: Type.String({ maxLength: 8192 }),
  availability: optional(Type.String()),
  /** Labels that the node shall start with. */
  labels: optional(Type.Record(Type.String(), Type.String())),
  hostname: optional(Type.String()),
});
export type EnrolRequest = DeepReadonly<Static<typeof EnrolRequestSchema>>;

export const EnrolReplySchema = Type.Object({
  nodeID: ID(),
  clusterID: ID(),
  role: OneOf(['worker', 'manager']),
  /** PEM. */
  certificate: Type.String(),
  /** PEM. */
  rootCertificate: Type.String(),
});
export type EnrolReply = DeepReadonly<Static<typeof EnrolReplySchema>>;
