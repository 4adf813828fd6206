import type { Cluster, Node, Service, Task, Template } from '@swarm/shared/domain/objects';
import { compareTemplates, templateContent } from '@swarm/shared/domain/task-template';
import type { ServiceSpec, TaskSpec } from '@swarm/shared/engine-api/service-spec';
import { timestamp } from '@swarm/shared/runtime/clock';
import { asID } from '@swarm/shared/runtime/ids';
import type { ServiceFacts, World } from '../decide/view.ts';

/** Objects for tests, with what the test does not speak of filled in. */
export const T0 = Date.UTC(2030, 0, 1);
export const SECOND_NS = 1e9;
const stored = (createdMs: number, index = 1) => ({
  Version: { Index: index },
  CreatedAt: timestamp(createdMs),
  UpdatedAt: timestamp(createdMs),
});

export function serviceSpec(task: TaskSpec = {}, more: Partial<ServiceSpec> = {}): ServiceSpec {
  return {
    Name: 'web',
    Labels: {},
    TaskTemplate: { ContainerSpec: { Image: 'web:1' }, ...task },
    Mode: { Replicated: { Replicas: 1 } },
    ...more,
  };
}

/** A service and its template; the template is named after what the tasks do, so that equal work has one name. */
export function facts(Spec: ServiceSpec = serviceSpec(), more: Partial<Service> = {}): ServiceFacts {
  const templateID = asID<Template['ID']>(more.templateID ?? 'current');
  const service: Service = { ID: asID('svc'), ...stored(T0), Spec, specVersion: 1, Endpoint: {}, ...more, templateID };
  return { service, template: { ID: templateID, ...stored(T0), ...templateContent(service) } };
}

export function node(
  name: string,
  more: Partial<Node> & { labels?: Record<string, string>; availability?: Node['Spec']['Availability'] } = {},
): Node {
  const { labels = {}, availability = 'active', ...rest } = more;
  return {
    ID: asID(name),
    ...stored(T0),
    Spec: { Labels: labels, Role: 'worker', Availability: availability },
    Status: { State: 'ready', Addr: '10.0.0.1' },
    role: 'worker',
    keyFingerprint: name,
    ...rest,
  };
}

export const down = (name: string, sinceMs = T0): Node =>
  node(name, { Status: { State: 'down', Addr: '' }, UpdatedAt: timestamp(sinceMs) });

interface TaskFields {
  readonly slot?: number;
  readonly node?: string;
  readonly state?: Task['Status']['State'];
  readonly desired?: Task['DesiredState'];
  readonly template?: string;
  readonly origin?: Task['origin'];
  readonly specVersion?: number;
  readonly err?: string;
  /** Seconds after T0. */
  readonly createdS?: number;
  readonly endedS?: number;
  readonly runningS?: number;
  readonly iteration?: number;
  readonly perNode?: boolean;
}

export function task(name: string, fields: TaskFields = {}): Task {
  const { slot = 1, state = 'running', desired = 'running', createdS = 0, endedS = createdS } = fields;
  return {
    ID: asID(name),
    ...stored(T0 + createdS * 1000),
    UpdatedAt: timestamp(T0 + endedS * 1000),
    ServiceID: asID('svc'),
    templateID: asID(fields.template ?? 'current'),
    specVersion: fields.specVersion ?? 1,
    ...(!fields.perNode && { Slot: slot }),
    ...(fields.node !== undefined && { NodeID: asID<Node['ID']>(fields.node) }),
    DesiredState: desired,
    ...(fields.origin !== undefined && { origin: fields.origin }),
    ...(fields.runningS !== undefined && { runningSince: timestamp(T0 + fields.runningS * 1000) }),
    ...(fields.iteration !== undefined && { JobIteration: { Index: fields.iteration } }),
    Status: { State: state, Timestamp: timestamp(T0 + endedS * 1000), ...(fields.err !== undefined && { Err: fields.err }) },
  };
}

export function world(nodes: readonly Node[], ...services: readonly ServiceFacts[]): World {
  return {
    nodes: new Map(nodes.map((object) => [object.ID, object])),
    templates: new Map(services.map(({ template }) => [template.ID, template])),
    compare: compareTemplates,
  };
}

/** A cluster of which only the task history limit counts. */
export function clusterWithHistory(limit: number): Omit<Cluster, 'Version' | 'CreatedAt' | 'UpdatedAt'> {
  return {
    ID: asID('cluster'),
    Spec: { Orchestration: { TaskHistoryRetentionLimit: limit } },
    TLSInfo: {},
    RootRotationInProgress: false,
    DefaultAddrPool: [],
    SubnetSize: 24,
    DataPathPort: 4789,
    JoinTokens: { Worker: '', Manager: '' },
    ca: { certificate: '', privateKey: '' },
  };
}
