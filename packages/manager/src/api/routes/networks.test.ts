import { asID, type GuestID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { MANAGER_ID, startTestApi, type TestApi } from '../testing/cluster.ts';

async function create(api: TestApi, body: object) {
  const reply = await api.app.inject({
    method: 'POST',
    url: '/networks/create',
    payload: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return { status: reply.statusCode, body: reply.json() };
}

test('a cluster network is stored, listed beside the engine, found by name and id, and removed', async () => {
  const api = await startTestApi();
  const { status, body } = await create(api, { Name: 'backend', Driver: 'overlay', Labels: { a: '' }, CheckDuplicate: true });
  expect([status, body.Warning]).toEqual([201, '']);
  const [listed] = (await api.app.inject('/networks')).json();
  expect(listed).toMatchObject({ Name: 'backend', Id: body.Id, Scope: 'swarm', Driver: 'overlay', Labels: { a: '' }, Containers: null });
  for (const term of ['backend', body.Id, body.Id.slice(0, 6)])
    expect((await api.app.inject(`/networks/${term}?scope=swarm`)).json()).toEqual(listed);
  expect((await api.app.inject({ method: 'DELETE', url: '/networks/backend' })).statusCode).toBe(204);
  expect((await api.app.inject('/networks/')).json()).toEqual([]);
});

test('what was asked of a network is shown', async () => {
  const api = await startTestApi();
  const range = { Subnet: '10.9.0.0/16', IPRange: '10.9.4.0/24', Gateway: '10.9.0.9' };
  await create(api, { Name: 'ranged', Driver: 'overlay', IPAM: { Config: [range] } });
  await create(api, { Name: 'macs', Driver: 'macvlan', Scope: 'swarm', ConfigFrom: { Network: 'options' } });
  expect((await api.app.inject('/networks/ranged')).json().IPAM.Config).toEqual([range]);
  expect((await api.app.inject('/networks/macs')).json()).toMatchObject({ Driver: 'macvlan', ConfigFrom: { Network: 'options' } });
});

const filters: readonly (readonly [string, number])[] = [
  ['{"scope":["swarm"]}', 1],
  ['{"scope":["local"]}', 0],
  ['{"label":["a="]}', 1],
  ['{"label":["a=b"]}', 0],
  ['{"name":["back"]}', 0],
  ['{"driver":["overlay"],"dangling":["true"]}', 1],
  ['{"type":["builtin"]}', 0],
];
test.each(filters)('GET /networks?filters=%s gives %i', async (filter, count) => {
  const api = await startTestApi();
  await create(api, { Name: 'backend', Scope: 'swarm', Labels: { a: '' } });
  expect((await api.app.inject(`/networks?filters=${encodeURIComponent(filter)}`)).json()).toHaveLength(count);
});

const refusals: readonly (readonly [string, object, number, string])[] = [
  ['a name that is taken', { Name: 'backend', Driver: 'overlay' }, 409, 'network with name backend already exists'],
  ['a name that is taken in another case', { Name: 'Backend', Driver: 'overlay' }, 409, 'network with name Backend already exists'],
  ['a network of this host with the name of one of the cluster', { Name: 'backend' }, 409, 'network with name backend already exists'],
  [
    'an overlay with the options of a network of each host',
    { Name: 'x', Driver: 'overlay', ConfigFrom: { Network: 'options' } },
    400,
    'network "x" takes its options from network "options", which each host has for itself; an overlay has one set of options for all hosts: give them with the network',
  ],
  ['an overlay of one host', { Name: 'x', Driver: 'overlay', Scope: 'local' }, 403, 'cannot downgrade network scope for overlay networks'],
  ['a predefined name', { Name: 'host', Scope: 'swarm' }, 403, 'operation is not permitted on predefined host network'],
  [
    'an ingress that is attachable',
    { Name: 'x', Driver: 'overlay', Ingress: true, Attachable: true },
    400,
    'rpc error: code = InvalidArgument desc = ingress network cannot be attachable',
  ],
  [
    'a subnet that is none',
    { Name: 'x', Driver: 'overlay', IPAM: { Config: [{ Subnet: 'foo' }] } },
    400,
    'invalid subnet foo: invalid CIDR block notation',
  ],
  [
    'a subnet that overlaps one of another network',
    { Name: 'x', Driver: 'overlay', IPAM: { Config: [{ Subnet: '10.1.0.0/16' }] } },
    400,
    'rpc error: code = InvalidArgument desc = subnet 10.1.0.0/16 of network "x" overlaps 10.1.0.0/24 of network "backend"; choose another one, or leave it out',
  ],
  [
    'a subnet around a host',
    { Name: 'x', Driver: 'overlay', IPAM: { Config: [{ Subnet: '10.0.0.0/24' }] } },
    400,
    'rpc error: code = InvalidArgument desc = subnet 10.0.0.0/24 of network "x" contains 10.0.0.1, the address of a node: its containers would cut that host off; choose another one, or leave it out',
  ],
  [
    'a second ingress network',
    { Name: 'x', Driver: 'overlay', Ingress: true },
    409,
    expect.stringMatching(/^rpc error: code = AlreadyExists desc = ingress network \([0-9a-z]{25}\) is already present$/),
  ],
  [
    'a name with a dot',
    { Name: 'a.b', Driver: 'overlay' },
    400,
    'rpc error: code = InvalidArgument desc = name must be valid as a DNS name component',
  ],
];
test.each(refusals)('%s is refused', async (_name, body, status, message) => {
  const api = await startTestApi();
  await create(api, { Name: 'backend', Driver: 'overlay', IPAM: { Config: [{ Subnet: '10.1.0.0/24' }] } });
  await create(api, { Name: 'ingress', Driver: 'overlay', Ingress: true });
  const before = api.store.view((tx) => tx.version);
  expect(await create(api, body)).toEqual({ status, body: { message } });
  expect(api.store.view((tx) => tx.version)).toBe(before);
});

test('the 301st network has its subnet and number at once; a pool that is used up says so', async () => {
  const api = await startTestApi();
  for (let n = 0; n < 300; n += 1) await create(api, { Name: `n${n}`, Driver: 'overlay' });
  const last = (await api.app.inject('/networks/n299')).json();
  // 10.0.0.0/24 has the address of the manager.
  expect(last).toMatchObject({ IPAM: { Config: [{ Subnet: '10.1.44.0/24', Gateway: '10.1.44.1' }] } });
  expect(last.Options).toEqual({ 'com.docker.network.driver.overlay.vxlanid_list': String(4097 + 299) });
  await api.store.update((tx) => tx.clusters.update({ ...tx.clusters.all()[0]!, DefaultAddrPool: ['10.1.44.0/23'] }));
  const full = await create(api, { Name: 'one-more', Driver: 'overlay' });
  expect(full.status).toBe(201);
  expect((await create(api, { Name: 'too-many', Driver: 'overlay' })).body.message).toMatch(
    /^no subnet is left for network "too-many": the 301 networks of the cluster .* remove a network/,
  );
});

test('a subnet around the data path of a host is nobody’s, whatever its other address is', async () => {
  const api = await startTestApi();
  await api.store.update((tx) => tx.nodes.update({ ...tx.nodes.all()[0]!, dataPathAddr: '10.7.0.9' }));
  const body = { Name: 'x', Driver: 'overlay', IPAM: { Config: [{ Subnet: '10.7.0.0/24' }] } };
  expect((await create(api, body)).body.message).toContain('contains 10.7.0.9, the address of a node');
});

test('ingress stays while a service publishes ports', async () => {
  const api = await startTestApi();
  await create(api, { Name: 'ingress', Driver: 'overlay', Ingress: true });
  const service = await api.app.inject({
    method: 'POST',
    url: '/services/create',
    payload: { Name: 'web', TaskTemplate: { ContainerSpec: { Image: 'nginx' } }, EndpointSpec: { Ports: [{ TargetPort: 80 }] } },
  });
  expect(service.statusCode).toBe(201);
  const refused = await api.app.inject({ method: 'DELETE', url: '/networks/ingress' });
  expect(refused.json().message).toBe(
    `rpc error: code = FailedPrecondition desc = ingress network cannot be removed because service ${service.json().ID} depends on it`,
  );
  await api.app.inject({ method: 'DELETE', url: '/services/web' });
  expect((await api.app.inject({ method: 'DELETE', url: '/networks/ingress' })).statusCode).toBe(204);
});

test('a network that a service needs cannot be removed', async () => {
  const api = await startTestApi();
  const { body: network } = await create(api, { Name: 'st_default', Driver: 'overlay', Labels: { 'com.docker.stack.namespace': 'st' } });
  const service = await api.app.inject({
    method: 'POST',
    url: '/services/create',
    payload: { Name: 'web', TaskTemplate: { ContainerSpec: { Image: 'nginx' }, Networks: [{ Target: 'st_default' }] } },
  });
  expect(service.json().Warnings ?? []).toEqual([]);
  const refused = await api.app.inject({ method: 'DELETE', url: '/networks/st_default' });
  expect([refused.statusCode, refused.json().message]).toEqual([
    400,
    `rpc error: code = FailedPrecondition desc = network ${network.Id} is in use by service ${service.json().ID}`,
  ]);
});

test('the number of a network that is gone comes again late', async () => {
  const api = await startTestApi();
  const numberOf = async (Name: string, Options = {}) => {
    await create(api, { Name, Driver: 'overlay', Options });
    return (await api.app.inject(`/networks/${Name}`)).json().Options['com.docker.network.driver.overlay.vxlanid_list'];
  };
  expect([await numberOf('a'), await numberOf('b')]).toEqual(['4097', '4098']);
  await api.app.inject({ method: 'DELETE', url: '/networks/b' });
  expect(await numberOf('c')).toBe('4099');
  expect(await numberOf('chosen', { 'com.docker.network.driver.overlay.vxlanid_list': '4098' })).toBe('4098');
  await create(api, { Name: 'ingress', Driver: 'overlay', Ingress: true });
  expect(await numberOf('d')).toBe('4100');
});

test('a network in which a container of some host is cannot be removed', async () => {
  const api = await startTestApi();
  const { body: network } = await create(api, { Name: 'open', Driver: 'overlay', Attachable: true });
  const guest = { ID: asID<GuestID>('g'), networkID: network.Id, nodeID: MANAGER_ID, name: 'box', aliases: [], running: true };
  await api.store.update((tx) => tx.guests.create(guest));
  const refused = await api.app.inject({ method: 'DELETE', url: '/networks/open' });
  expect([refused.statusCode, refused.json().message]).toEqual([
    400,
    `rpc error: code = FailedPrecondition desc = network ${network.Id} is in use by container box on node boss; remove it there, or disconnect it`,
  ]);
  expect((await api.app.inject({ method: 'POST', url: '/networks/prune' })).json().NetworksDeleted).toBeNull();
  await api.store.update((tx) => tx.guests.remove('g'));
  expect((await api.app.inject({ method: 'DELETE', url: '/networks/open' })).statusCode).toBe(204);
});

test('predefined networks are found by scope only, and never listed', async () => {
  const api = await startTestApi();
  expect((await api.app.inject('/networks/host?scope=swarm')).json()).toMatchObject({
    Name: 'host',
    Scope: 'swarm',
    Driver: 'host',
    Labels: { 'com.docker.swarm.predefined': 'true' },
  });
  expect((await api.app.inject('/networks')).json()).toEqual([]);
});

test('verbose takes no word but those of a boolean', async () => {
  const api = await startTestApi();
  const get = (query: string) => api.app.inject(`/networks/host?scope=swarm&verbose=${query}`);
  expect((await get('maybe')).json().message).toBe('invalid value for verbose: maybe: strconv.ParseBool: parsing "maybe": invalid syntax');
  expect((await get('maybe')).statusCode).toBe(400);
  expect((await get('True')).statusCode).toBe(200);
});

test('what is not in the cluster is the engine’s to answer', async () => {
  const reply = await (await startTestApi()).app.inject('/networks/docker0');
  expect([reply.statusCode, reply.json().message]).toEqual([
    503,
    expect.stringContaining('the Docker Engine of this host does not answer'),
  ]);
});

test('prune removes what nothing uses: not ingress, not what a service needs, not what the filters spare', async () => {
  const api = await startTestApi();
  for (const Name of ['used', 'unused']) await create(api, { Name, Driver: 'overlay' });
  await create(api, { Name: 'kept', Driver: 'overlay', Labels: { keep: '' } });
  await create(api, { Name: 'ingress', Driver: 'overlay', Ingress: true });
  await api.app.inject({
    method: 'POST',
    url: '/services/create',
    payload: { Name: 'web', TaskTemplate: { ContainerSpec: { Image: 'nginx' }, Networks: [{ Target: 'used' }] } },
  });
  const prune = async (filters: object) =>
    (await api.app.inject({ method: 'POST', url: `/networks/prune?filters=${encodeURIComponent(JSON.stringify(filters))}` })).json();
  expect(await prune({ until: ['1h'] })).toEqual({ NetworksDeleted: null });
  expect(await prune({ until: ['soon'] })).toEqual({ message: expect.stringContaining('invalid until filter "soon"') });
  expect(await prune({ 'label!': ['keep'] })).toEqual({ NetworksDeleted: ['unused'] });
  expect(await prune({})).toEqual({ NetworksDeleted: ['kept'] });
  const left = (await api.app.inject('/networks')).json() as { Name: string }[];
  expect(left.map(({ Name }) => Name).sort()).toEqual(['ingress', 'used']);
});
