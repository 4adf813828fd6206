import type { InitRequest } from '@swarm/shared/engine-api/cluster-spec';
import { expect, test } from 'vitest';
import { LOCKED_MESSAGE, NO_LEADER_MESSAGE, NO_SWARM_MESSAGE, WORKER_MESSAGE } from '../local-state.ts';
import { ACTIVE_MANAGER, INACTIVE, MANAGER_ID, makeNode, startTestApi, type TestApi } from '../testing/cluster.ts';
import { startFixedEngine } from '../testing/fixed-engine.ts';

async function send(api: TestApi, method: 'GET' | 'POST' | 'DELETE' | 'HEAD' | 'PUT', url: string, body?: object) {
  const reply = await api.app.inject({
    method,
    url,
    ...(body && { payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return { status: reply.statusCode, body: reply.body === '' ? undefined : reply.json() };
}

const message = (status: number, text: string) => ({ status, body: { message: text } });

test('the ping says who we are, and HEAD says it without a body', async () => {
  const { app } = await startTestApi();
  for (const method of ['GET', 'HEAD'] as const) {
    const reply = await app.inject({ method, url: '/_ping' });
    expect(reply.headers).toMatchObject({
      'api-version': '1.41',
      ostype: 'linux',
      swarm: 'active/manager',
      'content-type': 'text/plain; charset=utf-8',
    });
    expect(reply.body).toBe(method === 'GET' ? 'OK' : '');
  }
});

const paths: readonly (readonly ['GET' | 'PUT' | 'HEAD' | 'POST', string, ReturnType<typeof message>])[] = [
  ['GET', '/v1.99/services', message(400, 'client version 1.99 is too new. Maximum supported API version is 1.41')],
  [
    'GET',
    '/v1.9/services',
    message(400, 'client version 1.9 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version'),
  ],
  ['GET', '/services/', message(404, 'page not found')],
  ['PUT', '/v1.41/services', message(404, 'page not found')],
  ['POST', '/swarm', message(404, 'page not found')],
];
test.each(paths)('%s %s is refused in the words clients know', async (method, url, expected) => {
  expect(await send(await startTestApi(), method, url)).toEqual(expected);
});

test('a page that is not there names no version of the API, as with dockerd; a thing that is not there does', async () => {
  const { app } = await startTestApi();
  for (const url of ['/v1.41/swarm/nope', '/services/']) expect((await app.inject(url)).headers).not.toHaveProperty('api-version');
  expect((await app.inject('/services/nope')).headers).toMatchObject({ 'api-version': '1.41', ostype: 'linux' });
});

const states = [
  ['inactive', INACTIVE, NO_SWARM_MESSAGE],
  ['a worker', { ...ACTIVE_MANAGER, isManager: false }, WORKER_MESSAGE],
  ['pending', { ...INACTIVE, state: 'pending' }, NO_LEADER_MESSAGE],
  ['locked', { ...INACTIVE, state: 'locked' }, LOCKED_MESSAGE],
  ['broken', { ...INACTIVE, state: 'error', error: 'the journal is damaged' }, 'the journal is damaged'],
] as const;
test.each(states)('a node that is %s answers no cluster route', async (_name, local, text) => {
  const api = await startTestApi();
  api.local = local;
  for (const url of ['/swarm', '/nodes', '/services', '/services/x', '/tasks', '/secrets', '/configs', '/swarm/unlockkey']) {
    expect(await send(api, 'GET', url)).toEqual(message(503, text));
  }
});

test('info tells the cluster even while the engine is down, and says that it is', async () => {
  const { body } = await send(await startTestApi(), 'GET', '/info');
  expect(body.Swarm).toMatchObject({ NodeID: MANAGER_ID, ControlAvailable: true, LocalNodeState: 'active', Nodes: 1, Managers: 1 });
  expect(body.Swarm.Cluster).not.toHaveProperty('JoinTokens');
  expect(body.Warnings[0]).toMatch(/Docker Engine of this host does not answer/);
});

test('the cluster is shown with its tokens and without its keys', async () => {
  const reply = await (await startTestApi()).app.inject('/swarm');
  expect(reply.json()).toMatchObject({
    JoinTokens: { Worker: 'SWMTKN-1-root-worker' },
    SubnetSize: 24,
    TLSInfo: { CertIssuerSubject: 'aXNzdWVy' },
  });
  expect(reply.body).not.toContain('key that never leaves');
});

test('tokens rotate one by one, and what an update leaves out becomes zero', async () => {
  const api = await startTestApi();
  const before = (await send(api, 'GET', '/swarm')).body;
  expect(await send(api, 'POST', `/swarm/update?version=${before.Version.Index}&rotateWorkerToken=True`, {})).toEqual({ status: 200 });
  const after = (await send(api, 'GET', '/swarm')).body;
  expect(after.JoinTokens).toEqual({ Worker: 'SWMTKN-1-root-rotated1', Manager: before.JoinTokens.Manager });
  expect(after.Spec).toMatchObject({ Name: 'default', Orchestration: { TaskHistoryRetentionLimit: 0 }, Raft: { ElectionTick: 0 } });
});

const updates: readonly (readonly [string, string, object, ReturnType<typeof message>])[] = [
  ['another name', '', { Name: 'x' }, message(400, 'swarm spec must be named "default"')],
  [
    'certificates of half an hour',
    '',
    { CAConfig: { NodeCertExpiry: 1.8e12 } },
    message(400, 'rpc error: code = InvalidArgument desc = minimum certificate expiry time is: 1h0m0s'),
  ],
  [
    'a negative heartbeat',
    '',
    { Dispatcher: { HeartbeatPeriod: -1 } },
    message(400, 'rpc error: code = InvalidArgument desc = heartbeat time period cannot be a negative duration'),
  ],
  ['a foreign CA protocol', '', { CAConfig: { ExternalCAs: [{ Protocol: 'foo' }] } }, message(400, 'invalid protocol: "foo"')],
  [
    'a default log driver of many options',
    '',
    { TaskDefaults: { LogDriver: { Name: 'gelf', Options: { labels: 'x'.repeat(4096) } } } },
    message(
      400,
      'rpc error: code = InvalidArgument desc = the default log driver has 4135 bytes with its options, more than the 4096 that go with each task; make its options shorter, or name it in the services that need it',
    ),
  ],
  ['a word that is no boolean', '&rotateWorkerToken=maybe', {}, message(400, 'invalid value for rotateWorkerToken: maybe')],
];
test.each(updates)('an update of the cluster with %s is refused', async (_name, query, spec, expected) => {
  const api = await startTestApi();
  const { Index } = (await send(api, 'GET', '/swarm')).body.Version;
  expect(await send(api, 'POST', `/swarm/update?version=${Index}${query}`, spec)).toEqual(expected);
});

test('init answers a bare JSON string, and a second one is refused', async () => {
  const api = await startTestApi();
  api.local = INACTIVE;
  const body = { ListenAddr: '0.0.0.0:2377', DefaultAddrPool: null, SubnetSize: 24, Spec: { Labels: null } };
  expect(await send(api, 'POST', '/swarm/init', body)).toEqual({ status: 200, body: MANAGER_ID });
  expect(await send(api, 'POST', '/swarm/init', body)).toEqual(
    message(503, 'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.'),
  );
});

const ADDRESS = { ListenAddr: '0.0.0.0:2377' };
const inits: readonly (readonly [string, object, ReturnType<typeof message>])[] = [
  ['no listen address', {}, message(400, 'invalid ListenAddr "": invalid empty address')],
  [
    'an advertised address of zero',
    { ...ADDRESS, AdvertiseAddr: '0.0.0.0' },
    message(400, 'advertise address must be a non-zero IP address or network interface (with optional port number)'),
  ],
  ['a foreign availability', { ...ADDRESS, Availability: 'zzz' }, message(500, 'invalid Availability: "zzz"')],
  [
    'a data port out of range',
    { ...ADDRESS, DataPathPort: 80 },
    message(500, 'Datapath port number is not in valid range (1024-49151) : 80'),
  ],
  ['a pool that is none', { ...ADDRESS, DefaultAddrPool: ['foo'] }, message(500, 'invalid base pool foo: invalid CIDR address: foo')],
  ['a subnet size of 30', { ...ADDRESS, SubnetSize: 30 }, message(500, 'subnet size is out of range: 30')],
];
test.each(inits)('init with %s is refused', async (_name, body, expected) => {
  const api = await startTestApi();
  api.local = INACTIVE;
  expect(await send(api, 'POST', '/swarm/init', body)).toEqual(expected);
  expect(api.local).toBe(INACTIVE);
});

test.each([
  ['1.38', []],
  ['1.39', ['DefaultAddrPool', 'SubnetSize']],
  ['1.40', ['DefaultAddrPool', 'SubnetSize', 'DataPathPort']],
])('a client of version %s can say of the network of a new cluster only %j: the rest is ignored', async (version, known) => {
  const api = await startTestApi();
  api.local = INACTIVE;
  const asked: InitRequest[] = [];
  const { init } = api.deps.node;
  Object.assign(api.deps.node, {
    init(request: InitRequest) {
      asked.push(request);
      return init(request);
    },
  });
  const pools = { DefaultAddrPool: ['10.20.0.0/16'], SubnetSize: 26, DataPathPort: 7777 };
  expect((await send(api, 'POST', `/v${version}/swarm/init`, { ...ADDRESS, ...pools })).status).toBe(200);
  expect(Object.keys(pools).filter((name) => name in (asked[0] ?? {}))).toEqual(known);
});

test('what a version ignores does not refuse a new cluster either', async () => {
  const api = await startTestApi();
  api.local = INACTIVE;
  expect((await send(api, 'POST', '/v1.38/swarm/init', { ...ADDRESS, SubnetSize: 30, DataPathPort: 80 })).status).toBe(200);
});

test.each([['2'], ['1'], [undefined]])('clients build as the engine of this host says it builds: %s', async (builder) => {
  const engine = await startFixedEngine(() => undefined, builder);
  const { app } = await startTestApi({ engine: engine.address });
  const reply = await app.inject({ method: 'HEAD', url: '/_ping' });
  expect(reply.headers['builder-version']).toBe(builder);
  await engine.stop();
});

test('join needs an address and a token that is one', async () => {
  const api = await startTestApi();
  api.local = INACTIVE;
  expect(await send(api, 'POST', '/swarm/join', {})).toEqual(message(400, 'at least 1 RemoteAddr is required to join'));
  expect(await send(api, 'POST', '/swarm/join', { RemoteAddrs: ['10.0.0.1:2377'], JoinToken: 'x' })).toEqual(
    message(500, 'invalid join token'),
  );
});

test('a manager leaves by force only, a node without a cluster not at all', async () => {
  const api = await startTestApi();
  const refused = await send(api, 'POST', '/swarm/leave');
  expect(refused.status).toBe(503);
  expect(refused.body.message).toMatch(
    /Removing the last manager erases all current state of the swarm\. Use `--force` to ignore this message\. $/,
  );
  expect(await send(api, 'POST', '/swarm/leave?force=1')).toEqual({ status: 200 });
  expect(await send(api, 'POST', '/swarm/leave?force=1')).toEqual(message(503, 'This node is not part of a swarm'));
});

test('autolock makes an unlock key, a rotation another one, and without autolock there is none', async () => {
  const api = await startTestApi();
  const keyOf = async () => (await send(api, 'GET', '/swarm/unlockkey')).body.UnlockKey as string;
  const update = async (AutoLockManagers: boolean, query = '') => {
    const version = (await send(api, 'GET', '/swarm')).body.Version.Index;
    const reply = await send(api, 'POST', `/swarm/update?version=${version}${query}`, { EncryptionConfig: { AutoLockManagers } });
    expect(reply).toEqual({ status: 200 });
  };
  await update(true);
  const first = await keyOf();
  expect(first).toMatch(/^SWMKEY-1-[A-Za-z0-9+/]{43}$/);
  expect(api.unlockKey).toBe(first);
  expect((await send(api, 'GET', '/swarm')).body.Spec.EncryptionConfig).toEqual({ AutoLockManagers: true });
  expect((await send(api, 'GET', '/swarm')).body).not.toHaveProperty('unlockKey');
  await update(true, '&rotateWorkerToken=true');
  expect(await keyOf()).toBe(first);
  await update(true, '&rotateManagerUnlockKey=true');
  expect(await keyOf()).not.toBe(first);
  expect(api.unlockKey).toBe(await keyOf());
  await update(false, '&rotateManagerUnlockKey=true');
  expect([await keyOf(), api.unlockKey]).toEqual(['', undefined]);
});

test('a locked manager says so, stays when it is told to leave, and is unlocked', async () => {
  const api = await startTestApi();
  api.local = { ...INACTIVE, state: 'locked' };
  api.unlockKey = 'the key';
  expect(await send(api, 'GET', '/services')).toEqual(message(503, LOCKED_MESSAGE));
  expect(await send(api, 'POST', '/swarm/leave')).toEqual(
    message(503, 'Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.'),
  );
  expect(await send(api, 'POST', '/swarm/unlock', { UnlockKey: 'another' })).toEqual(
    message(401, 'swarm could not be unlocked: invalid key provided'),
  );
  expect(await send(api, 'POST', '/swarm/unlock', { UnlockKey: 'the key' })).toEqual({ status: 200 });
  expect((await send(api, 'GET', '/services')).status).toBe(200);
});

test('only what is locked is unlocked', async () => {
  expect(await send(await startTestApi(), 'POST', '/swarm/unlock', { UnlockKey: 'x' })).toEqual(message(409, 'swarm is not locked'));
  expect(await send(await startTestApi(), 'GET', '/swarm/unlockkey')).toEqual({ status: 200, body: { UnlockKey: '' } });
});

async function withWorker(state: 'ready' | 'down' = 'ready') {
  const api = await startTestApi();
  await api.store.update((tx) =>
    tx.nodes.create(
      makeNode('worker1', 'one', {
        Status: { State: state, Addr: '10.0.0.2' },
        Spec: { Labels: { zone: 'a' }, Role: 'worker', Availability: 'active' },
      }),
    ),
  );
  return api;
}

const WORKER_SPEC = { Role: 'worker', Availability: 'drain', Labels: { zone: 'b' } };
const nodeUpdates: readonly (readonly [string, string, object, ReturnType<typeof message> | { status: number }])[] = [
  ['a whole spec', 'one', WORKER_SPEC, { status: 200 }],
  ['no role', 'one', { Availability: 'active' }, message(400, 'invalid Role: ""')],
  ['a foreign availability', 'one', { ...WORKER_SPEC, Availability: 'zzz' }, message(400, 'invalid Availability: "zzz"')],
  [
    'another role',
    'one',
    { ...WORKER_SPEC, Role: 'manager' },
    message(501, 'node one cannot become a manager: this version runs one manager per cluster; leave its role as "worker"'),
  ],
  [
    'the last manager demoted',
    'boss',
    WORKER_SPEC,
    message(400, 'rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm'),
  ],
];
test.each(nodeUpdates)('a node updated with %s', async (_name, term, spec, expected) => {
  const api = await withWorker();
  const before = (await send(api, 'GET', `/nodes/${term}`)).body;
  expect(await send(api, 'POST', `/nodes/${term}/update?version=${before.Version.Index}`, spec)).toEqual(expected);
  expect((await send(api, 'GET', `/nodes/${term}`)).body.Spec).toEqual(expected.status === 200 ? spec : before.Spec);
});

const removals: readonly (readonly [string, 'ready' | 'down', string, ReturnType<typeof message> | { status: number }])[] = [
  ['that is down', 'down', '/nodes/one', { status: 200 }],
  [
    'that is ready',
    'ready',
    '/nodes/one',
    message(400, "rpc error: code = FailedPrecondition desc = node worker1 is not down and can't be removed"),
  ],
  ['that is ready, by force', 'ready', '/nodes/one?force=true', { status: 200 }],
  [
    'that is the manager, even by force',
    'ready',
    '/nodes/boss?force=1',
    message(
      400,
      `rpc error: code = FailedPrecondition desc = node ${MANAGER_ID} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal`,
    ),
  ],
];
test.each(removals)('the removal of a node %s', async (_name, state, url, expected) => {
  expect(await send(await withWorker(state), 'DELETE', url)).toEqual(expected);
});

const nodeLists: readonly (readonly [string, number, readonly string[]])[] = [
  ['{"role":["manager"]}', 200, ['boss']],
  ['{"name":["on"]}', 200, ['one']],
  ['{"node.label":["zone=a"]}', 200, ['one']],
  ['{"membership":["accepted"]}', 200, ['boss', 'one']],
  ['{"role":["boss"]}', 500, []],
];
test.each(nodeLists)('the nodes by %s', async (filters, status, names) => {
  const reply = await send(await withWorker(), 'GET', `/nodes?filters=${encodeURIComponent(filters)}`);
  expect(reply.status).toBe(status);
  if (status === 200)
    expect(reply.body.map((node: { Description: { Hostname: string } }) => node.Description.Hostname).sort()).toEqual(names);
  else expect(reply.body.message).toBe("Invalid role filter: 'boss'");
});

test('two nodes of one host name are ambiguous', async () => {
  const api = await withWorker();
  await api.store.update((tx) => tx.nodes.create(makeNode('worker2', 'one')));
  expect(await send(api, 'GET', '/nodes/one')).toEqual(message(400, 'node one is ambiguous (2 matches found)'));
});

test('a node shows nothing of ours', async () => {
  const { body } = await send(await withWorker(), 'GET', '/nodes/one');
  expect(Object.keys(body).sort()).toEqual(['CreatedAt', 'Description', 'ID', 'Spec', 'Status', 'UpdatedAt', 'Version']);
});
