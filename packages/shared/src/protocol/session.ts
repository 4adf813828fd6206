import { type Static, Type } from 'typebox';
import type { DesiredState, ObservedState } from '../domain/task-state.ts';
import { NodeDescriptionSchema } from '../engine-api/cluster-spec.ts';
import { ConfigSpecSchema, SecretSpecSchema } from '../engine-api/payload-specs.ts';
import { Int, OneOf, optional } from '../engine-api/schema.ts';
import { EndpointSpecSchema, GenericResourceSchema, PortConfigSchema, TaskSpecSchema } from '../engine-api/service-spec.ts';
import type { DeepReadonly } from '../runtime/deep-readonly.ts';

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
 * `complete` replaces all the node holds; `incremental` applies to the set named `appliesTo` only, else the worker asks
 * for the complete set. Within a message templates, secrets and configs come before the tasks that use them.
 */
export const AssignmentsSchema = Type.Object({
  type: Type.Literal('assignments'),
  kind: OneOf(['complete', 'incremental']),
  appliesTo: Type.String(),
  resultsIn: Type.String(),
  templates: Type.Array(AssignedTemplateSchema),
  secrets: Type.Array(AssignedSecretSchema),
  configs: Type.Array(AssignedConfigSchema),
  tasks: Type.Array(AssignedTaskSchema),
  /** Only in `incremental`. */
  removed: optional(Type.Object({ templates: IDs(), secrets: IDs(), configs: IDs(), tasks: IDs() })),
});
export type Assignments = DeepReadonly<Static<typeof AssignmentsSchema>>;

/** Facts of the node that templates of a spec may name, and what the worker must know of itself. */
export const WelcomeSchema = Type.Object({
  type: Type.Literal('welcome'),
  sessionID: ID(),
  nodeID: ID(),
  clusterID: ID(),
  role: OneOf(['worker', 'manager']),
  /** The worker sends a beat this often. */
  heartbeatEveryMs: Int(),
  /** The addresses (`host:port`) of all managers, for the next time a session is opened. */
  managers: Type.Array(Type.String()),
});
export type Welcome = DeepReadonly<Static<typeof WelcomeSchema>>;

export const OpenStreamSchema = Type.Object({
  type: Type.Literal('openStream'),
  /** One-time and bound to the node: the worker dials `CONTROL_PATHS.streams/<id>` with it. */
  streamID: ID(),
  verb: OneOf(['logs']),
  taskID: ID(),
  options: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
});
export type OpenStream = DeepReadonly<Static<typeof OpenStreamSchema>>;

export const ManagerMessageSchema = Type.Union([
  WelcomeSchema,
  AssignmentsSchema,
  OpenStreamSchema,
  /** Everything up to this batch is durable: the worker may forget it. */
  Type.Object({ type: Type.Literal('statusesAcknowledged'), batch: Int() }),
  Type.Object({ type: Type.Literal('heartbeatAcknowledged') }),
  /** The worker shall renew its certificate now (role or root changed). */
  Type.Object({ type: Type.Literal('renewCertificate') }),
]);
export type ManagerMessage = DeepReadonly<Static<typeof ManagerMessageSchema>>;

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

export const ReportedStatusSchema = Type.Object({
  taskID: ID(),
  status: Type.Object({
    State: Type.Unsafe<ObservedState>(OneOf(OBSERVED)),
    Timestamp: Type.String(),
    Message: optional(Type.String()),
    Err: optional(Type.String()),
    ContainerStatus: optional(Type.Object({ ContainerID: Type.String(), PID: Int(), ExitCode: Int() })),
    PortStatus: optional(Type.Object({ Ports: optional(Type.Array(PortConfigSchema)) })),
  }),
  unattendedRestarts: optional(Int()),
});
export type ReportedStatus = DeepReadonly<Static<typeof ReportedStatusSchema>>;

export const EngineHealthSchema = Type.Object({ ok: Type.Boolean(), message: optional(Type.String()) });

export const WorkerMessageSchema = Type.Union([
  Type.Object({
    type: Type.Literal('hello'),
    protocolVersion: Int(),
    description: NodeDescriptionSchema,
    engineHealth: EngineHealthSchema,
    /** `resultsIn` of the set the worker holds, empty for none. */
    holds: Type.String(),
  }),
  Type.Object({ type: Type.Literal('heartbeat'), engineHealth: EngineHealthSchema }),
  Type.Object({ type: Type.Literal('description'), description: NodeDescriptionSchema }),
  /** Batches count up within a session. */
  Type.Object({ type: Type.Literal('statuses'), batch: Int(), statuses: Type.Array(ReportedStatusSchema) }),
  /** The chain of assignments broke: send the complete set. */
  Type.Object({ type: Type.Literal('needComplete') }),
]);
export type WorkerMessage = DeepReadonly<Static<typeof WorkerMessageSchema>>;

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
