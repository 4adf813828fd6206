import type { Node, Task, Template } from '@swarm/shared/domain/objects';
import type { ObservedState } from '@swarm/shared/domain/task-state';
import type { Availability } from '@swarm/shared/engine-api/cluster-spec';
import type { EndpointSpec, GenericResource, TaskSpec } from '@swarm/shared/engine-api/service-spec';
import { asID } from '@swarm/shared/runtime/ids';

/** Objects for the scheduler's tests, with only what a test is about spelled out. */
export interface NodeParts {
  readonly labels?: Readonly<Record<string, string>>;
  readonly engineLabels?: Readonly<Record<string, string>>;
  readonly state?: Node['Status']['State'];
  readonly availability?: Availability;
  readonly engineOk?: boolean;
  readonly nanoCPUs?: number;
  readonly memoryBytes?: number;
  readonly generic?: readonly GenericResource[];
  readonly plugins?: readonly { readonly Type: string; readonly Name: string }[];
  readonly arch?: string;
  /** Networks that the host says it cannot have. */
  readonly refuses?: readonly string[];
}

const META = { Version: { Index: 1 }, CreatedAt: '', UpdatedAt: '' };

export function buildNode(id: string, parts: NodeParts = {}): Node {
  return {
    ...META,
    ID: asID(id),
    Spec: { Labels: parts.labels ?? {}, Role: 'worker', Availability: parts.availability ?? 'active' },
    Description: {
      Hostname: `host-${id}`,
      Platform: { Architecture: parts.arch ?? 'x86_64', OS: 'linux' },
      Resources: {
        NanoCPUs: parts.nanoCPUs ?? 4e9,
        MemoryBytes: parts.memoryBytes ?? 2 ** 30,
        ...(parts.generic && { GenericResources: parts.generic }),
      },
      Engine: { EngineVersion: '29.0.0', Labels: parts.engineLabels ?? {}, Plugins: parts.plugins ?? [] },
    },
    Status: { State: parts.state ?? 'ready', Addr: '10.0.0.1' },
    role: 'worker',
    keyFingerprint: `key-of-${id}`,
    ...(parts.refuses && {
      networkProblems: parts.refuses.map((networkID) => ({ networkID, kind: 'unsupported' as const, text: `cannot have ${networkID}` })),
    }),
    ...(parts.engineOk !== undefined && { engineHealth: { ok: parts.engineOk } }),
  };
}

export function buildTemplate(service: string, spec: TaskSpec = {}, endpoint?: EndpointSpec): Template {
  return {
    ...META,
    ID: asID(`template-of-${service}`),
    serviceID: asID(service),
    serviceName: service,
    serviceLabels: {},
    spec,
    ...(endpoint && { endpoint }),
    global: false,
  };
}

export interface TaskParts {
  readonly slot?: number;
  readonly nodeID?: string;
  readonly state?: ObservedState;
  readonly desired?: Task['DesiredState'];
  readonly generic?: readonly GenericResource[];
  readonly origin?: Task['origin'];
}

/** Pending, unless a node is given: then running. A preassigned one has `state` `pending` and a node, and no slot. */
export function buildTask(id: string, service: string, parts: TaskParts = {}): Task {
  const state = parts.state ?? (parts.nodeID === undefined ? 'pending' : 'running');
  return {
    ...META,
    ID: asID(id),
    ServiceID: asID(service),
    templateID: asID(`template-of-${service}`),
    specVersion: 1,
    ...(state === 'pending' && parts.nodeID !== undefined ? {} : { Slot: parts.slot ?? 1 }),
    ...(parts.nodeID !== undefined && { NodeID: asID(parts.nodeID) }),
    DesiredState: parts.desired ?? 'running',
    Status: { State: state, Timestamp: '2026-01-01T00:00:00.000000000Z' },
    ...(parts.generic && { GenericResources: parts.generic }),
    ...(parts.origin && { origin: parts.origin }),
  };
}
