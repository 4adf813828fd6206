import { api, get, list, post, spec } from './build-step.ts';
import type { Step } from './step.ts';

/** Requests as only few clients send them: other forms of a target, long ones, headers that say nothing. */
export const REQUEST_CALLS: readonly Step[] = [
  get('http://docker/v1.41/secrets', { name: 'GET of a target with its host' }),
  get('http://docker/secrets', { name: 'GET of a target with its host and no version' }),
  list('/secrets', { names: Array.from({ length: 1000 }, (_, at) => `none-${at}`.padEnd(40, 'x')) }),
  get(`/services/${'x'.repeat(2000)}`, { name: 'GET of a name of 2000' }),
  get('/secrets', { name: 'GET with a header of 100 kB', headers: { 'x-registry-config': 'x'.repeat(100_000) } }),
  get('/services/%zz', { name: 'GET of an escape that is no byte' }),
  get('/services/nope%20it', { name: 'GET of an escape in a name' }),
  ...['/services', '/swarm', '/nodes/nope', '/_ping', '/containers/json'].map((path) => api('OPTIONS', path)),
  ...['json', 'application/json, application/json'].map((type) =>
    post('/services/create', JSON.stringify(spec('of-type', { service: { Mode: { Replicated: {}, Global: {} } } })), {
      headers: { 'content-type': type },
      name: `POST /services/create as ${type}`,
    }),
  ),
  post('/services/create', '{"Name":"huge","UpdateConfig":{"Parallelism":18446744073709551615},"TaskTemplate":{"ContainerSpec":{}}}', {
    name: 'POST /services/create with the largest integer',
  }),
];
