import { filters, get, list, post, remove, spec, waitForTasks } from './build-step.ts';
import type { Step } from './step.ts';

export const TASK_CALLS: readonly Step[] = [
  list('/tasks', { service: ['web'], 'desired-state': ['running'] }),
  ...[
    { service: ['nope'] },
    { node: ['nope'] },
    { 'desired-state': ['foo'] },
    { 'desired-state': ['Running'] },
    { state: ['running'] },
    { foo: ['x'] },
    { id: ['zzzzzz'] },
    { name: ['zz'] },
    { label: ['zz'] },
    { runtime: ['zz'] },
    { service: ['web', 'nope'] },
  ].map((wanted) => list('/tasks', wanted)),
  get('/tasks?filters=bad'),
  get('/tasks/nope'),
  get('/tasks/'),
  get('/tasks/nope/logs?stdout=1'),
  get('/tasks/nope/logs'),
  get('/services/nope/logs?stdout=1'),
  get('/services/web/logs'),
  get('/services/web/logs?stdout=0&stderr=no'),
  get('/services/web/logs?stdout=1&tail=abc'),
  get('/services/web/logs?stdout=1&tail=-1'),
  get('/services/web/logs?stdout=1&since=abc'),
];

const LOGS = [
  'stdout=1',
  'stderr=1',
  'stdout=1&stderr=1',
  'stdout=1&stderr=1&tail=1',
  'stdout=1&stderr=1&tail=0',
  'stdout=1&timestamps=1',
  'stdout=1&details=1',
  'stdout=1&details=1&timestamps=1',
  'stdout=1&since=1.5',
  'stdout=1&since=99999999999',
];

/** Streams that do not end, and what they give before the client goes. */
const FOLLOWED: readonly (readonly [string, readonly string[]])[] = [
  ['/services/talker/logs?stdout=1', ['one', 'two']],
  ['/services/talker/logs?stderr=1', ['bad']],
  ['/services/talker/logs?stdout=1&stderr=1&tail=1', ['bad']],
  ['/services/talker/logs?stdout=1&details=1', ['two']],
  ['/tasks/{talking}/logs?stdout=1', ['one', 'two']],
];

/** What is written while a client follows. */
const late: readonly Step[] = [
  post(
    '/services/create',
    spec('late', {
      container: { Args: ['sh', '-c', 'echo early; sleep 3; echo late; exec sleep 1000'] },
      service: { Mode: { Replicated: { Replicas: 1 } } },
    }),
    { name: 'a service that writes later' },
  ),
  waitForTasks('late', 'running', 1),
  get('/services/late/logs?stdout=1&follow=1', { until: ['late'] }),
  remove('/services/late'),
];

/** What a task has written, and what happened. */
export const STREAM_CALLS: readonly Step[] = [
  post(
    '/services/create',
    spec('talker', {
      container: { Args: ['sh', '-c', 'echo one; sleep 1; echo two; sleep 1; echo bad >&2; exec sleep 1000'], Labels: { a: 'b' } },
      service: { Mode: { Replicated: { Replicas: 1 } } },
    }),
    { name: 'a service that writes', save: 'talker' },
  ),
  waitForTasks('talker', 'running', 1),
  {
    kind: 'wait',
    name: 'all is written',
    path: '/services/talker/logs?stderr=1',
    until: (body) => body.includes('bad'),
  },
  ...LOGS.map((query) => get(`/services/talker/logs?${query}`)),
  get(`/tasks?${filters({ service: ['talker'] })}`, { name: 'GET /tasks of talker', save: 'talking' }),
  get('/tasks/{talking}'),
  ...['stdout=1', 'stdout=1&details=1', 'stderr=1&tail=1'].map((query) => get(`/tasks/{talking}/logs?${query}`)),
  list('/containers/json', { label: ['com.docker.swarm.service.name=talker'] }),
  ...FOLLOWED.map(([query, until]) => get(`${query}&follow=1`, { until })),
  ...late,
  post('/services/{talker}/update?version={talker@}', spec('talker', { service: { Labels: { c: 'd' } } }), {
    name: 'it is scaled to none',
  }),
  remove('/services/talker'),
  ...[
    { type: ['service'], service: ['talker'] },
    { service: ['talker'], event: ['create'] },
    { service: ['talker'], event: ['remove'], scope: ['swarm'] },
    { scope: ['swarm'], type: ['nope'] },
    { type: ['service'], service: ['talker'], nonsense: ['x'] },
  ].map((wanted) => get(`/events?since=1&until={now}&${filters(wanted)}`, { name: `GET /events filters ${JSON.stringify(wanted)}` })),
  get(`/events?since=1&${filters({ type: ['service'], service: ['talker'] })}`, {
    name: 'GET /events without end',
    until: ['"Action":"create"', '"Action":"remove"'],
  }),
  get(`/events?until={now}&${filters({ type: ['service'], service: ['talker'] })}`, { name: 'GET /events until alone' }),
  get('/events?since=x'),
  get('/events?since=1&until=x'),
  get('/events?since=1&until={now}&filters=bad', { name: 'GET /events filters bad' }),
];
