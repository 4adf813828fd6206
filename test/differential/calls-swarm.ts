import { api, get, list, post, remove } from './build-step.ts';
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
const ZEROS = {
  Orchestration: { TaskHistoryRetentionLimit: 0 },
  Raft: { SnapshotInterval: 0, KeepOldSnapshots: 0, LogEntriesForSlowFollowers: 0, ElectionTick: 0, HeartbeatTick: 0 },
  Dispatcher: { HeartbeatPeriod: 0 },
  CAConfig: { NodeCertExpiry: 0, ForceRotate: 0, ExternalCAs: [] },
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

/** Up, down and away: each makes a new root. */
const ROTATIONS = [3, 1, 0].flatMap((ForceRotate): Step[] => [
  post(
    '/swarm/update?version={swarm@}',
    { ...SPEC, CAConfig: { ...SPEC.CAConfig, ForceRotate } },
    { name: `force rotation ${ForceRotate}` },
  ),
  {
    kind: 'wait',
    name: `rotation ${ForceRotate} is over`,
    path: '/swarm',
    until: (body) => (JSON.parse(body) as { RootRotationInProgress?: boolean }).RootRotationInProgress === false,
  },
  get('/swarm', { name: `GET /swarm after force rotation ${ForceRotate}` }),
]);

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
      ['zeros', ZEROS],
      ['the defaults again', SPEC],
    ] as const
  ).flatMap(([name, body]) => [
    post('/swarm/update?version={swarm@}', body, { name: `swarm update with ${name}` }),
    get('/swarm', { name: `GET /swarm after update with ${name}` }),
  ]),
  post(
    '/swarm/update?version={swarm@}',
    { ...SPEC, CAConfig: { ...SPEC.CAConfig, ExternalCAs: [{ Protocol: 'cfssl', URL: '' }] } },
    { name: 'swarm update with an external CA' },
  ),
  post('/swarm/update?version={swarm@}', SPEC, { quiet: true }),
  post('/swarm/update?version={swarm@}&rotateWorkerToken=true&rotateManagerToken=1', SPEC, { name: 'rotate tokens' }),
  ...ROTATIONS,
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
      ['words in capitals', { Role: 'MANAGER', Availability: 'Active', Labels: {} }],
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
