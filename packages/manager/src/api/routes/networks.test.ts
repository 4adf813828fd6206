import { expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../testing/cluster.ts';

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
    'a name with a dot',
    { Name: 'a.b', Driver: 'overlay' },
    400,
    'rpc error: code = InvalidArgument desc = name must be valid as a DNS name component',
  ],
];
test.each(refusals)('%s is refused', async (_name, body, status, message) => {
  const api = await startTestApi();
  await create(api, { Name: 'backend', Driver: 'overlay' });
  expect(await create(api, body)).toEqual({ status, body: { message } });
});

test('a network that a service needs cannot be removed', async () => {
  const api = await startTestApi();
  const { body: network } = await create(api, { Name: 'st_default', Driver: 'overlay', Labels: { 'com.docker.stack.namespace': 'st' } });
  const service = await api.app.inject({
    method: 'POST',
    url: '/services/create',
    payload: { Name: 'web', TaskTemplate: { ContainerSpec: { Image: 'nginx' }, Networks: [{ Target: 'st_default' }] } },
  });
  expect(service.json().Warnings).toHaveLength(1);
  const refused = await api.app.inject({ method: 'DELETE', url: '/networks/st_default' });
  expect([refused.statusCode, refused.json().message]).toEqual([
    400,
    `rpc error: code = FailedPrecondition desc = network ${network.Id} is in use by service ${service.json().ID}`,
  ]);
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

test('what is not in the cluster is the engine’s to answer', async () => {
  const reply = await (await startTestApi()).app.inject('/networks/docker0');
  expect([reply.statusCode, reply.json().message]).toEqual([
    503,
    expect.stringContaining('the Docker Engine of this host does not answer'),
  ]);
});
