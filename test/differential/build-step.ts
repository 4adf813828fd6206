import type { ApiStep, WaitStep } from './step.ts';

type Extra = Partial<Pick<ApiStep, 'name' | 'headers' | 'save'>>;

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

/** Until as many tasks as that of the service are observed in the state. */
export function waitForTasks(service: string, state: string, count: number): WaitStep {
  return {
    kind: 'wait',
    name: `${count} tasks of ${service} ${state}`,
    path: `/tasks?${filters({ service: [service] })}`,
    until: (body) => (JSON.parse(body) as { Status: { State: string } }[]).filter((task) => task.Status.State === state).length === count,
  };
}
