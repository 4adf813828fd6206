import { get, list, post, remove, SECOND, spec, waitForEndpoint, waitForTasks, waitForUpdate } from './build-step.ts';
import { REFUSED_EARLIER, SPECS } from './service-specs.ts';
import type { Step } from './step.ts';

const NAMES = ['has.dot', '-dash', 'dash-', 'a--b', 'under_score', 'a b', 'x'.repeat(63), 'x'.repeat(64), 'UPPER', '1', 'ü', 'a/b'];

/**
 * Read when the cluster has done what it does with a new service: endpoints are given after the answer. The dash keeps a
 * name that was refused from being the beginning of another service's id.
 */
const created = SPECS.flatMap(([name, parts], at): Step[] => [
  post('/services/create', spec(`c-${at}`, parts), { name: `POST /services/create with ${name}` }),
  waitForEndpoint(`c-${at}`),
  get(`/services/c-${at}`, { name: `GET /services/{id} with ${name}` }),
]);

/** Only one side has such a service, so it is taken away before anything is listed. */
const refusedEarlier = REFUSED_EARLIER.flatMap(([name, parts]): Step[] => [
  post('/services/create', spec('refused', parts), { name: `POST /services/create with ${name}` }),
  remove('/services/refused', { quiet: true }),
]);

/** An update that waits for nothing. */
const AT_ONCE = { UpdateConfig: { Monitor: 1_000_000, Parallelism: 0 }, RollbackConfig: { Monitor: 1_000_000, Parallelism: 0 } };

const nameOf = (wanted: string) => `c-${SPECS.findIndex(([name]) => name === wanted)}`;

const BODIES: readonly (readonly [string, string])[] = [
  ['an empty object', '{}'],
  ['null', 'null'],
  ['broken JSON', 'bad'],
  ['cut JSON', '{"Name":'],
  ['a list', '[]'],
  ['a text', '"x"'],
  ['a number', '1'],
  ['trailing content', '{} {}'],
];

export const SERVICE_CALLS: readonly Step[] = [
  get('/services'),
  ...created,
  ...refusedEarlier,
  post('/services/create', spec('moved', { service: { Networks: [{ Target: 'host' }] } }), {
    name: 'POST /services/create with deprecated networks',
  }),
  get('/services/moved', { name: 'GET /services/{id} with deprecated networks' }),
  remove('/services/moved', { quiet: true }),
  ...NAMES.map((name) => post('/services/create', spec(name), { name: `POST /services/create named ${JSON.stringify(name)}` })),
  post('/services/create', spec('c-0'), { name: 'POST /services/create with a name that is taken' }),
  post('/services/create', spec('C-0'), { name: 'POST /services/create with a name taken in another case' }),
  ...BODIES.map(([name, body]) => post('/services/create', body, { name: `POST /services/create with ${name}` })),
  post('/services/create', undefined, { name: 'POST /services/create without body' }),
  post('/services/create', JSON.stringify(spec('typed')), {
    headers: { 'content-type': 'text/plain' },
    name: 'POST /services/create as text/plain',
  }),
  remove('/services/typed', { quiet: true }),
  post('/services/create', spec('authed'), { headers: { 'x-registry-auth': 'e30=' }, name: 'POST /services/create with registry auth' }),
  post('/services/create', spec('authed2'), { headers: { 'x-registry-auth': '!!' }, name: 'POST /services/create with bad registry auth' }),
  // These alone start something.
  waitForTasks(nameOf('no mode'), 'running', 1),
  waitForTasks(nameOf('global job with rollback config'), 'running', 1),
  ...['', '?status=true', '?status=maybe', '?status=1'].map((query) => get(`/services${query}`, { name: `GET /services${query}` })),
  ...[
    { name: ['c1'] },
    { name: { c1: true } },
    { label: ['a'] },
    { label: ['a=1'] },
    { label: ['a='] },
    { label: ['a=1', 'b.c'] },
    { mode: ['global'] },
    { mode: ['foo'] },
    { mode: ['replicated', 'global'] },
    { runtime: ['container'] },
    { runtime: ['plugin'] },
    { id: ['nope'] },
    { foo: ['x'] },
    {},
    { name: [] },
    { name: null },
    { name: 'web' },
    [],
    'x',
    { name: ['c10', 'c11'], mode: ['global'] },
  ].map((wanted) => list('/services', wanted)),
  get('/services?filters=bad'),
  get('/services?filters='),
  get('/services/'),
  get('/services/nope'),
  get('/services/c-0?insertDefaults=true'),
  get('/services/c-0?insertDefaults=maybe'),
  get('/services/none?insertDefaults=0'),
  get('/services/C-0'),
  other('PUT', '/services/c-0'),
  other('POST', '/services/c-0'),
  other('GET', '/services/c-0/nope'),
  other('DELETE', '/services'),
  other('GET', '/services/create'),
  post(
    '/services/create',
    spec('web', {
      container: { Command: ['sh', '-c', 'echo hello; echo oops >&2; exec sleep 3600'], StopGracePeriod: SECOND },
      service: { Mode: { Replicated: { Replicas: 2 } }, ...AT_ONCE },
    }),
    { save: 'web', name: 'POST /services/create of web' },
  ),
  waitForTasks('web', 'running', 2),
  get('/services/{web}'),
  get('/services/web?insertDefaults=true'),
  list('/services', { name: ['web'] }, 'status=true&'),
  post('/services/{web}/update', spec('web'), { name: 'POST /services/{web}/update without version' }),
  post('/services/{web}/update?version=foo', spec('web')),
  post('/services/{web}/update?version=-1', spec('web')),
  post('/services/{web}/update?version=1', spec('web')),
  post('/services/{web}/update?version=99999999999999999999', spec('web')),
  post('/services/nope/update?version=1', spec('web')),
  post('/services/nope/update', spec('web')),
  post('/services/{web}/update?version={web@}', spec('other'), { name: 'update: rename' }),
  post('/services/{web}/update?version={web@}', spec(''), { name: 'update: no name' }),
  post('/services/{web}/update?version={web@}', spec('web', { service: { Mode: { Global: {} } } }), { name: 'update: mode change' }),
  post('/services/{web}/update?version={web@}', {}, { name: 'update: empty object' }),
  post('/services/{web}/update?version={web@}', 'bad', { name: 'update: broken JSON' }),
  post('/services/{web}/update?version={web@}&rollback=foo', spec('web'), { name: 'update: unknown rollback' }),
  post('/services/{web}/update?version={web@}&rollback=previous', spec('web'), { name: 'update: rollback without previous' }),
  post('/services/{web}/update?version={web@}&registryAuthFrom=foo', spec('web'), { name: 'update: unknown registryAuthFrom' }),
  post('/services/{web}/update?version={web@}&registryAuthFrom=previous-spec', spec('web'), {
    name: 'update: registryAuthFrom without previous',
  }),
  post(
    '/services/{web}/update?version={web@}',
    spec('web', {
      container: { Command: ['sleep', '3600'], StopGracePeriod: SECOND },
      service: { Mode: { Replicated: { Replicas: 1 } }, Labels: { new: '1' }, ...AT_ONCE },
    }),
    { name: 'update: scale and change' },
  ),
  waitForUpdate('{web}', 'completed'),
  waitForTasks('web', 'running', 1),
  get('/services/{web}', { name: 'GET /services/{web} after the update' }),
  post('/services/{web}/update?version={web@}&rollback=previous', spec('web'), { name: 'update: rollback' }),
  waitForUpdate('{web}', 'rollback_completed'),
  waitForTasks('web', 'running', 2),
  get('/services/{web}', { name: 'GET /services/{web} after the rollback' }),
  remove('/services/nope'),
  remove('/services/c-0'),
  // What runs would be waited for when the node leaves.
  remove(`/services/${nameOf('no mode')}`, { name: 'DELETE /services/{id} of tasks that run' }),
  remove(`/services/${nameOf('global job with rollback config')}`, { name: 'DELETE /services/{id} of a job that runs' }),
];

function other(method: string, path: string): Step {
  return { kind: 'api', name: `${method} ${path}`, method, path, ...(method === 'GET' ? {} : { body: '{}' }) };
}
