import { api, filters, get, list, post, remove, spec, waitForTasks } from './build-step.ts';
import type { Step } from './step.ts';

const SPEC = {
  Name: 'default',
  Labels: {},
  Orchestration: { TaskHistoryRetentionLimit: 5 },
  Raft: { SnapshotInterval: 10000, KeepOldSnapshots: 0, LogEntriesForSlowFollowers: 500, ElectionTick: 10, HeartbeatTick: 1 },
  Dispatcher: { HeartbeatPeriod: 5000000000 },
  CAConfig: { NodeCertExpiry: 7776000000000000 },
  TaskDefaults: {},
  EncryptionConfig: { AutoLockManagers: false },
};
const INIT = { ListenAddr: '0.0.0.0:2377', AdvertiseAddr: '10.99.0.1' };
const LISTS = ['/services', '/tasks', '/nodes', '/secrets', '/configs'];

/** Before the node is in a cluster. */
export const INACTIVE_CALLS: readonly Step[] = [
  ...[...LISTS, '/swarm', '/swarm/unlockkey', '/services/x', '/tasks/x', '/nodes/x', '/secrets/x', '/configs/x'].map((path) =>
    get(path, { name: `inactive: GET ${path}` }),
  ),
  ...['/services/create', '/secrets/create', '/configs/create'].map((path) => post(path, {}, { name: `inactive: POST ${path}` })),
  ...['/services/x', '/nodes/x', '/secrets/x', '/configs/x'].map((path) => remove(path, { name: `inactive: DELETE ${path}` })),
  ...['/services/x/update?version=1', '/nodes/x/update?version=1', '/swarm/update?version=1', '/secrets/x/update?version=1'].map((path) =>
    post(path, {}, { name: `inactive: POST ${path}` }),
  ),
  get('/services/x/logs?stdout=1', { name: 'inactive: GET logs' }),
  post('/swarm/leave', undefined, { name: 'inactive: leave' }),
  post('/swarm/leave?force=1', undefined, { name: 'inactive: leave by force' }),
  post('/swarm/unlock', { UnlockKey: 'x' }, { name: 'inactive: unlock' }),
  get('/_ping', { name: 'inactive: GET /_ping' }),
  api('HEAD', '/_ping', undefined, { name: 'inactive: HEAD /_ping' }),
  post('/networks/create', { Name: 'n', Driver: 'overlay' }, { name: 'inactive: POST /networks/create overlay' }),
  ...(
    [
      ['nothing', {}],
      ['an empty listen address', { ListenAddr: '' }],
      ['a bad listen address', { ...INIT, ListenAddr: 'nonsense' }],
      ['a bad advertise address', { ...INIT, AdvertiseAddr: '0.0.0.0' }],
      ['an advertise interface that is not there', { ...INIT, AdvertiseAddr: 'eth77' }],
      ['a bad availability', { ...INIT, Availability: 'zzz' }],
      ['a bad pool', { ...INIT, DefaultAddrPool: ['foo'] }],
      ['a pool smaller than its subnets', { ...INIT, DefaultAddrPool: ['10.20.0.0/24'], SubnetSize: 16 }],
      ['a subnet size past its range', { ...INIT, DefaultAddrPool: ['10.20.0.0/16'], SubnetSize: 30 }],
      ['a bad data path port', { ...INIT, DataPathPort: 80 }],
      ['a bad data path address', { ...INIT, DataPathAddr: 'nope0' }],
      ['another name', { ...INIT, Spec: { Name: 'foo' } }],
      // A spec that it refuses only later leaves dockerd 20.10 half initialised: such specs are sent as updates, below.
    ] as const
  ).map(([name, body]) => post('/swarm/init', body, { name: `init with ${name}` })),
  post('/swarm/init', 'bad', { name: 'init with broken JSON' }),
  ...(
    [
      ['nothing', {}],
      ['no remote', { ListenAddr: '0.0.0.0:2377', JoinToken: 'x' }],
      ['a bad token', { ListenAddr: '0.0.0.0:2377', RemoteAddrs: ['10.99.0.1:2377'], JoinToken: 'x' }],
      ['no token', { ListenAddr: '0.0.0.0:2377', RemoteAddrs: ['10.99.0.1:2377'] }],
      ['a bad availability', { ListenAddr: '0.0.0.0:2377', RemoteAddrs: ['10.99.0.1:2377'], JoinToken: 'x', Availability: 'zzz' }],
    ] as const
  ).map(([name, body]) => post('/swarm/join', body, { name: `join with ${name}` })),
  post('/swarm/init', INIT, { name: 'init' }),
];

const nodeSpec = (more: object) => ({ Role: 'manager', Availability: 'active', Labels: {}, ...more });

export const SWARM_CALLS: readonly Step[] = [
  get('/swarm'),
  get('/info'),
  get('/_ping'),
  api('HEAD', '/_ping'),
  get('/version'),
  get('/v1.99/services'),
  get('/v1.9/services'),
  get('/v1.11/services'),
  get('/v1.24/services'),
  get('/v1.41/services'),
  get('/v1.41/nope'),
  get('/nope'),
  get('/v1.99/nope'),
  post('/swarm/init', INIT, { name: 'init again' }),
  post('/swarm/join', { ListenAddr: '0.0.0.0:2377', RemoteAddrs: ['10.99.0.1:2377'], JoinToken: 'x' }, { name: 'join a member' }),
  post('/swarm/leave', undefined, { name: 'leave the last manager' }),
  get('/swarm/unlockkey'),
  post('/swarm/unlock', { UnlockKey: 'x' }, { name: 'unlock what is not locked' }),
  post('/swarm/unlock', 'bad', { name: 'unlock with broken JSON' }),
  ...[
    '',
    '?version=foo',
    '?version=99999',
    '?version={swarm@}&rotateWorkerToken=foo',
    '?version={swarm@}&rotateManagerToken=maybe',
    '?version={swarm@}&rotateManagerUnlockKey=x',
  ].map((query) => post(`/swarm/update${query}`, SPEC)),
  ...(
    [
      ['the same', SPEC],
      ['labels', { ...SPEC, Labels: { a: 'b' } }],
      ['nothing', {}],
      ['the defaults back', SPEC],
      ['another name', { ...SPEC, Name: 'foo' }],
      ['too short certificates', { ...SPEC, CAConfig: { NodeCertExpiry: 1 } }],
      ['negative heartbeats', { ...SPEC, Dispatcher: { HeartbeatPeriod: -1 } }],
      ['an unknown CA protocol', { ...SPEC, CAConfig: { ExternalCAs: [{ Protocol: 'foo', URL: 'https://x' }] } }],
      ['a negative history', { ...SPEC, Orchestration: { TaskHistoryRetentionLimit: -1 } }],
      ['a log driver', { ...SPEC, TaskDefaults: { LogDriver: { Name: 'json-file', Options: { a: 'b' } } } }],
      ['no log driver', SPEC],
    ] as const
  ).flatMap(([name, body]) => [
    post('/swarm/update?version={swarm@}', body, { name: `swarm update with ${name}` }),
    get('/swarm', { name: `GET /swarm after update with ${name}` }),
  ]),
  post('/swarm/update?version={swarm@}&rotateWorkerToken=true&rotateManagerToken=1', SPEC, { name: 'rotate tokens' }),
  api('PUT', '/swarm', {}),
  get('/swarm/nope'),
  get('/swarm/'),

  get('/nodes'),
  get('/nodes/{node}'),
  get('/nodes/self'),
  get('/nodes/nope'),
  get('/nodes/'),
  ...[
    { role: ['manager'] },
    { role: ['worker'] },
    { role: ['boss'] },
    { membership: ['accepted'] },
    { membership: ['pending'] },
    { membership: ['foo'] },
    { name: ['zzz'] },
    { id: ['zzzzzz'] },
    { label: ['a'] },
    { 'node.label': ['a'] },
    { foo: ['a'] },
  ].map((wanted) => list('/nodes', wanted)),
  ...(
    [
      ['labels', nodeSpec({ Labels: { a: 'b' } })],
      ['a name', nodeSpec({ Name: 'foo' })],
      ['pause', nodeSpec({ Availability: 'pause' })],
      ['drain', nodeSpec({ Availability: 'drain' })],
      ['active', nodeSpec({})],
      ['no labels', { Role: 'manager', Availability: 'active' }],
      ['no role', { Availability: 'active' }],
      ['no availability', { Role: 'manager' }],
      ['a bad role', nodeSpec({ Role: 'boss' })],
      ['a bad availability', nodeSpec({ Availability: 'zzz' })],
      ['a demotion', nodeSpec({ Role: 'worker' })],
      ['nothing', {}],
    ] as const
  ).flatMap(([name, body]) => [
    post('/nodes/{node}/update?version={node@}', body, { name: `node update with ${name}` }),
    get('/nodes/{node}', { name: `GET node after update with ${name}` }),
  ]),
  post('/nodes/{node}/update', nodeSpec({}), { name: 'node update without version' }),
  post('/nodes/{node}/update?version=x', nodeSpec({}), { name: 'node update with bad version' }),
  post('/nodes/{node}/update?version=1', nodeSpec({}), { name: 'node update with old version' }),
  post('/nodes/{node}/update?version={node@}', 'bad', { name: 'node update with broken JSON' }),
  post('/nodes/nope/update?version=1', nodeSpec({})),
  remove('/nodes/nope'),
  remove('/nodes/{node}'),
  remove('/nodes/{node}?force=1'),
];

const data = (text: string) => Buffer.from(text).toString('base64');
const PAYLOADS: readonly (readonly [string, unknown])[] = [
  ['labels', { Name: 'p-1', Labels: { a: 'b' }, Data: data('x') }],
  ['no labels', { Name: 'p-2', Data: data('x') }],
  ['dots and dashes', { Name: 'p.-_3', Data: data('x') }],
  ['a taken name', { Name: 'p-1', Data: data('x') }],
  ['a name taken in another case', { Name: 'P-1', Data: data('x') }],
  ['no name', { Data: data('x') }],
  ['a bad name', { Name: 'a b', Data: data('x') }],
  ['a name that begins with a dot', { Name: '.a', Data: data('x') }],
  ['a name of 64', { Name: 'a'.repeat(64), Data: data('x') }],
  ['a name of 65', { Name: 'a'.repeat(65), Data: data('x') }],
  ['no data', { Name: 'd' }],
  ['empty data', { Name: 'd', Data: '' }],
  ['null data', { Name: 'd', Data: null }],
  ['bad base64', { Name: 'd', Data: '!!' }],
  ['base64 for URLs', { Name: 'd64', Data: '_-8=' }],
  ['data of 511999', { Name: 'big', Data: data('x'.repeat(511_999)) }],
  ['data of 512000', { Name: 'big2', Data: data('x'.repeat(512_000)) }],
  ['data of 1024000', { Name: 'big3', Data: data('x'.repeat(1_024_000)) }],
  ['a driver', { Name: 'drv', Driver: { Name: 'foo', Options: { a: 'b' } } }],
  ['a driver and data', { Name: 'drv2', Driver: { Name: 'foo' }, Data: data('x') }],
  ['a template driver', { Name: 'tpl', Templating: { Name: 'golang' }, Data: data('x') }],
  ['an unknown template driver', { Name: 'tpl2', Templating: { Name: 'foo' }, Data: data('x') }],
  ['nothing', {}],
  ['broken JSON', 'bad'],
  ['data a number', { Name: 'd', Data: 1 }],
];

export const PAYLOAD_CALLS: readonly Step[] = ['secret', 'config'].flatMap((kind): Step[] => {
  const root = `/${kind}s`;
  return [
    get(root),
    ...PAYLOADS.map(([name, body]) => post(`${root}/create`, body, { name: `POST ${root}/create with ${name}` })),
    post(`${root}/create`, undefined, { name: `POST ${root}/create without body` }),
    post(`${root}/create`, { Name: 'kept', Labels: { k: 'v' }, Data: data('kept') }, { name: `POST ${root}/create of kept`, save: kind }),
    get(root, { name: `GET ${root} afterwards` }),
    ...['p-1', 'P-1', 'p.-_3', 'nope', 'tpl', 'drv'].map((name) => get(`${root}/${name}`)),
    get(`${root}/{${kind}}`),
    get(`${root}/`),
    ...[
      { name: ['p'] },
      { name: ['P-1'] },
      { names: ['p-1'] },
      { label: ['a'] },
      { label: ['a=b'] },
      { label: ['a=c'] },
      { id: ['zzzzzz'] },
      { foo: ['x'] },
      { name: ['p-1'], label: ['zz'] },
    ].map((wanted) => list(root, wanted)),
    get(`${root}?filters=bad`),
    ...(
      [
        ['new labels', { Name: 'kept', Labels: { n: '1' } }],
        ['the same data', { Name: 'kept', Labels: { n: '2' }, Data: data('kept') }],
        ['other data', { Name: 'kept', Labels: { n: '2' }, Data: data('other') }],
        ['another name', { Name: 'other', Labels: {} }],
        ['no name', { Labels: {} }],
        ['no labels', { Name: 'kept' }],
        ['nothing', {}],
      ] as const
    ).flatMap(([name, body]) => [
      post(`${root}/{${kind}}/update?version={${kind}@}`, body, { name: `${kind} update with ${name}` }),
      get(`${root}/{${kind}}`, { name: `GET ${kind} after update with ${name}` }),
    ]),
    post(`${root}/{${kind}}/update`, { Name: 'kept' }, { name: `${kind} update without version` }),
    post(`${root}/{${kind}}/update?version=x`, { Name: 'kept' }, { name: `${kind} update with bad version` }),
    post(`${root}/{${kind}}/update?version=1`, { Name: 'kept' }, { name: `${kind} update with old version` }),
    post(`${root}/nope/update?version=1`, { Name: 'kept' }),
    post(
      `/services/create`,
      {
        Name: `uses-${kind}`,
        Mode: { Replicated: { Replicas: 0 } },
        TaskTemplate: {
          ContainerSpec: {
            Image: 'busybox',
            ...(kind === 'secret'
              ? { Secrets: [{ SecretID: '{secret}', SecretName: 'kept', File: { Name: 'f', UID: '0', GID: '0', Mode: 292 } }] }
              : { Configs: [{ ConfigID: '{config}', ConfigName: 'kept', File: { Name: 'f', UID: '0', GID: '0', Mode: 292 } }] }),
          },
        },
      },
      { name: `a service that uses a ${kind}` },
    ),
    get(`/services/uses-${kind}`),
    remove(`${root}/{${kind}}`, { name: `DELETE ${root} in use` }),
    remove(`${root}/p-1`),
    remove(`${root}/p-1`, { name: `DELETE ${root}/p-1 again` }),
    remove(`/services/uses-${kind}`),
    remove(`${root}/{${kind}}`),
  ];
});

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

/** What a task has written, and what happened: streams that end. */
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
  post('/services/{talker}/update?version={talker@}', spec('talker', { service: { Labels: { c: 'd' } } }), {
    name: 'it is scaled to none',
  }),
  remove('/services/talker'),
  ...[
    { type: ['service'], service: ['talker'] },
    { service: ['talker'], event: ['create'] },
    { service: ['talker'], event: ['remove'], scope: ['swarm'] },
    { type: ['secret'], event: ['update'] },
    { type: ['config'], config: ['kept'] },
    { scope: ['swarm'], type: ['nope'] },
  ].map((wanted) => get(`/events?since=1&until={now}&${filters(wanted)}`, { name: `GET /events filters ${JSON.stringify(wanted)}` })),
  get('/events?since=x'),
  get('/events?since=1&until=x'),
  get('/events?since=1&until={now}&filters=bad', { name: 'GET /events filters bad' }),
];

export const NETWORK_CALLS: readonly Step[] = [
  get('/networks'),
  get('/networks/'),
  ...['host', 'bridge', 'nope'].flatMap((name) => ['', '?scope=swarm', '?scope=local'].map((query) => get(`/networks/${name}${query}`))),
  ...(
    [
      ['an overlay', { Name: 'back', Driver: 'overlay', CheckDuplicate: true, Labels: { a: 'b' } }],
      ['an attachable overlay', { Name: 'att', Driver: 'overlay', Attachable: true }],
      ['a subnet', { Name: 'sub', Driver: 'overlay', IPAM: { Config: [{ Subnet: '10.50.0.0/24', Gateway: '10.50.0.1' }] } }],
      ['an internal overlay', { Name: 'int', Driver: 'overlay', Internal: true, Options: { encrypted: '' } }],
      ['a taken name', { Name: 'back', Driver: 'overlay' }],
      ['no name', { Driver: 'overlay' }],
      ['a bad name', { Name: 'a.b', Driver: 'overlay' }],
      ['a name of 64', { Name: 'x'.repeat(64), Driver: 'overlay' }],
      ['a bad subnet', { Name: 'bad', Driver: 'overlay', IPAM: { Config: [{ Subnet: 'foo' }] } }],
      ['a local scope', { Name: 'loc', Driver: 'overlay', Scope: 'local' }],
      ['a bridge of the swarm', { Name: 'sbr', Driver: 'bridge', Scope: 'swarm' }],
      ['a second ingress', { Name: 'ing2', Driver: 'overlay', Ingress: true }],
      ['an attachable ingress', { Name: 'ing3', Driver: 'overlay', Ingress: true, Attachable: true }],
      ['the name of a local network', { Name: 'bridge', Driver: 'overlay' }],
      ['a local bridge', { Name: 'lbr', Driver: 'bridge' }],
      ['broken JSON', 'bad'],
    ] as const
  ).map(([name, body]) => post('/networks/create', body, { name: `POST /networks/create with ${name}` })),
  ...['back', 'att', 'sub', 'int', 'sbr', 'lbr'].map((name) => ({
    kind: 'wait' as const,
    name: `network ${name} allocated`,
    path: `/networks/${name}`,
    until: (body: string) => (JSON.parse(body) as { Driver?: string }).Driver !== '',
  })),
  ...['back', 'att', 'sub', 'int', 'sbr', 'lbr', 'ingress'].map((name) => get(`/networks/${name}`)),
  ...[
    { scope: ['swarm'] },
    { driver: ['overlay'] },
    { label: ['a=b'] },
    { name: ['back'] },
    { name: ['bac'] },
    { type: ['custom'] },
    { type: ['foo'] },
    { foo: ['x'] },
    { scope: ['foo'] },
    { id: ['zzzzzz'] },
  ].map((wanted) => list('/networks', wanted)),
  ...['back', 'nope', 'host', 'ingress', 'att'].map((name) => remove(`/networks/${name}`)),
  post('/networks/prune', undefined, { name: 'POST /networks/prune' }),
  get('/networks', { name: 'GET /networks after prune' }),
];
