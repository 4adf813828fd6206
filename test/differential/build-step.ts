import type { ApiStep, WaitStep } from './step.ts';

type Extra = Partial<Pick<ApiStep, 'name' | 'headers' | 'save' | 'until' | 'quiet'>>;

/** A body that is no text is sent as JSON. */
export function api(method: string, path: string, body?: unknown, extra: Extra = {}): ApiStep {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  return { kind: 'api', name: `${method} ${path}`, method, path, ...(text !== undefined && { body: text }), ...extra };
}

export const get = (path: string, extra?: Extra) => api('GET', path, undefined, extra);
export const post = (path: string, body?: unknown, extra?: Extra) => api('POST', path, body, extra);
export const remove = (path: string, extra?: Extra) => api('DELETE', path, undefined, extra);

export const filters = (value: unknown) => `filters=${encodeURIComponent(JSON.stringify(value))}`;

/** GET with filters, named by what is asked. */
export const list = (path: string, wanted: unknown, query = '') =>
  get(`${path}?${query}${filters(wanted)}`, { name: `GET ${path} filters ${JSON.stringify(wanted)}` });

/** In nanoseconds, as the API has durations. */
export const SECOND = 1_000_000_000;

export interface SpecParts {
  readonly container?: object;
  readonly task?: object;
  readonly service?: object;
}

/** A service that starts nothing, unless the parts say so. */
export function spec(name: string, { container, task, service }: SpecParts = {}): object {
  return {
    Name: name,
    TaskTemplate: { ContainerSpec: { Image: 'differential:1', ...container }, ...task },
    Mode: { Replicated: { Replicas: 0 } },
    ...service,
  };
}

interface TaskView {
  readonly Status: { readonly State: string };
  readonly DesiredState: string;
}

const ENDED = new Set(['complete', 'shutdown', 'failed', 'rejected']);

/** Until as many tasks of the service are observed in the state, and every other one has ended. */
export function waitForTasks(service: string, state: string, count: number): WaitStep {
  return {
    kind: 'wait',
    name: `${count} tasks of ${service} ${state}`,
    path: `/tasks?${filters({ service: [service] })}`,
    until: (body) => {
      const tasks = JSON.parse(body) as readonly TaskView[];
      const there = tasks.filter(({ Status }) => Status.State === state);
      return there.length === count && tasks.every((task) => there.includes(task) || ENDED.has(task.Status.State));
    },
  };
}

/** Until the service has tasks, and each of them says what is wrong. */
export function waitForReason(service: string): WaitStep {
  return {
    kind: 'wait',
    name: `the tasks of ${service} say why`,
    path: `/tasks?${filters({ service: [service] })}`,
    until: (body) => {
      const tasks = JSON.parse(body) as readonly { readonly Status: { readonly Err?: string } }[];
      return tasks.length > 0 && tasks.every(({ Status }) => (Status.Err ?? '') !== '');
    },
  };
}

interface ServiceView {
  readonly Spec: {
    readonly TaskTemplate: { readonly Networks?: readonly unknown[] };
    readonly EndpointSpec?: { readonly Mode?: string; readonly Ports?: readonly { readonly PublishMode?: string }[] };
  };
  readonly Endpoint: { readonly Ports?: readonly unknown[]; readonly VirtualIPs?: readonly unknown[] };
}

/** Until a service that is there has the ports and addresses that are due to it. */
export function waitForEndpoint(service: string): WaitStep {
  return {
    kind: 'wait',
    name: `the endpoint of ${service}`,
    path: `/services/${service}`,
    until: (body) => {
      const { Spec, Endpoint } = JSON.parse(body) as Partial<ServiceView>;
      const ports = Spec?.EndpointSpec?.Ports ?? [];
      const isOnNetwork = Spec?.TaskTemplate.Networks !== undefined || ports.some(({ PublishMode }) => PublishMode === 'ingress');
      const needsAddress = isOnNetwork && Spec?.EndpointSpec?.Mode !== 'dnsrr';
      return (ports.length === 0 || Endpoint?.Ports !== undefined) && (!needsAddress || Endpoint?.VirtualIPs !== undefined);
    },
  };
}

/** Until the service's last update has ended as that state says. */
export function waitForUpdate(service: string, state: string): WaitStep {
  return {
    kind: 'wait',
    name: `the update of ${service} ${state}`,
    path: `/services/${service}`,
    until: (body) => (JSON.parse(body) as { UpdateStatus?: { State: string } }).UpdateStatus?.State === state,
  };
}

/** Until the only node has said what it is; that comes after the answer to `init`. */
export const waitForNode: WaitStep = {
  kind: 'wait',
  name: 'the node is ready',
  path: '/nodes',
  until: (body) => {
    const [node] = JSON.parse(body) as readonly {
      Status?: { State?: string };
      Description?: object;
      ManagerStatus?: { Leader?: boolean };
    }[];
    return node?.Status?.State === 'ready' && node.Description !== undefined && node.ManagerStatus?.Leader === true;
  },
};
