import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { makeNode, startTestApi, type TestApi } from '../testing/cluster.ts';

const WEB = { Name: 'web', Labels: { tier: 'front' }, TaskTemplate: { ContainerSpec: { Image: 'nginx' } } };

async function post(api: TestApi, url: string, payload: object, headers: Record<string, string> = {}) {
  return api.app.inject({
    method: 'POST',
    url,
    payload: JSON.stringify(payload),
    headers: { 'content-type': 'application/json', ...headers },
  });
}
const get = (api: TestApi, url: string) => api.app.inject({ method: 'GET', url });

async function withService(spec: object = WEB, headers: Record<string, string> = {}) {
  const api = await startTestApi();
  const created = await post(api, '/services/create', spec, headers);
  expect(created.statusCode).toBe(201);
  return { api, id: created.json<{ ID: string }>().ID };
}

async function read(api: TestApi, id: string, query = '') {
  return (await get(api, `/services/${id}${query}`)).json();
}

test('a service is read back with what was sent, defaults filled, credentials never', async () => {
  const { api, id } = await withService(WEB, { 'x-registry-auth': 'c2VjcmV0' });
  const reply = await get(api, '/services/web');
  expect(reply.headers['content-type']).toBe('application/json');
  expect(reply.body).not.toContain('c2VjcmV0');
  expect(reply.json()).toMatchObject({ ID: id, Spec: { ...WEB, Mode: { Replicated: { Replicas: 1 } } }, Endpoint: { Spec: {} } });
  expect(reply.json()).not.toHaveProperty('ServiceStatus');
  expect(reply.json()).not.toHaveProperty('templateID');
});

test('a service without a name gets one', async () => {
  const { api, id } = await withService({ ...WEB, Name: undefined });
  expect((await read(api, id)).Spec.Name).toMatch(/^[a-z]+_[a-z]+$/);
});

test.each([
  ['exact id', (id: string) => id],
  ['name', () => 'web'],
  ['beginning of the id', (id: string) => id.slice(0, 8)],
])('a service is found by its %s', async (_name, term) => {
  const { api, id } = await withService();
  expect((await read(api, term(id))).ID).toBe(id);
});

test('what is not there is a 404 that names it', async () => {
  const api = await startTestApi();
  const reply = await get(api, '/v1.41/services/nope');
  expect([reply.statusCode, reply.json()]).toEqual([404, { message: 'service nope not found' }]);
});

test('defaults are shown where they are asked for', async () => {
  const { api, id } = await withService();
  expect((await read(api, id, '?insertDefaults=true')).Spec).toMatchObject({
    UpdateConfig: { Parallelism: 1, Monitor: 5e9, FailureAction: 'pause', Order: 'stop-first' },
    TaskTemplate: { RestartPolicy: { Condition: 'any', Delay: 5e9, MaxAttempts: 0 }, Resources: {}, Placement: {} },
  });
});

const HOST_PORT = { TargetPort: 80, PublishedPort: 8080, PublishMode: 'host', Protocol: 'tcp' };
test.each([
  ['nothing to publish', {}, { Spec: {} }],
  ['a mode alone', { EndpointSpec: { Mode: 'vip' } }, { Spec: {} }],
  [
    'the network of the host',
    { EndpointSpec: { Mode: 'vip' }, TaskTemplate: { ...WEB.TaskTemplate, Networks: [{ Target: 'host' }] } },
    { Spec: { Mode: 'vip' }, VirtualIPs: [{ NetworkID: 'predefinedhost00000000000' }] },
  ],
  [
    'a network and no virtual addresses',
    { EndpointSpec: { Mode: 'dnsrr' }, TaskTemplate: { ...WEB.TaskTemplate, Networks: [{ Target: 'host' }] } },
    { Spec: {} },
  ],
  ['a port', { EndpointSpec: { Mode: 'vip', Ports: [HOST_PORT] } }, { Spec: { Mode: 'vip', Ports: [HOST_PORT] }, Ports: [HOST_PORT] }],
])('the endpoint of a service with %s shows what was given by it', async (_name, more, endpoint) => {
  const api = await startTestApi();
  await post(api, '/services/create', { ...WEB, ...more });
  expect((await read(api, 'web')).Endpoint).toEqual(endpoint);
});

const badUpdates: readonly (readonly [string, string, object, number, string])[] = [
  ['no version', '', WEB, 400, `invalid service version '': strconv.ParseUint: parsing "": invalid syntax`],
  [
    'a version that no version can be',
    `?version=${'9'.repeat(20)}`,
    WEB,
    400,
    `invalid service version '${'9'.repeat(20)}': strconv.ParseUint: parsing "${'9'.repeat(20)}": value out of range`,
  ],
  ['a version that has passed', '?version=1', WEB, 500, 'rpc error: code = Unknown desc = update out of sequence'],
  [
    'another name',
    '?version=now',
    { ...WEB, Name: 'other' },
    501,
    'rpc error: code = Unimplemented desc = renaming services is not supported',
  ],
  [
    'another mode',
    '?version=now',
    { ...WEB, Mode: { Global: {} } },
    501,
    'rpc error: code = Unimplemented desc = service mode change is not allowed',
  ],
  ['a foreign source of credentials', '?version=now&registryAuthFrom=foo', WEB, 500, 'unsupported registryAuthFrom value'],
  [
    'credentials of a spec there never was',
    '?version=now&registryAuthFrom=previous-spec',
    WEB,
    500,
    'service does not have a previous spec',
  ],
  ['a foreign rollback', '?version=now&rollback=foo', WEB, 500, 'unrecognized rollback option foo'],
];
test.each(badUpdates)('an update with %s is refused and changes nothing', async (_name, query, spec, status, message) => {
  const { api, id } = await withService();
  const before = await read(api, id);
  const reply = await post(api, `/services/web/update${query.replace('now', before.Version.Index)}`, spec);
  expect([reply.statusCode, reply.json()]).toEqual([status, { message }]);
  expect(await read(api, id)).toEqual(before);
});

async function update(api: TestApi, spec: object, query = '', headers: Record<string, string> = {}) {
  const { Version } = await read(api, 'web');
  const reply = await post(api, `/services/web/update?version=${Version.Index}${query}`, spec, headers);
  expect([reply.statusCode, reply.json()]).toEqual([200, { Warnings: null }]);
}
const stored = (api: TestApi) => api.store.view((tx) => tx.services.all()[0]!);

test('scaling keeps the template; a new image makes one, and forgets the old that no task used', async () => {
  const { api } = await withService();
  const { templateID } = stored(api);
  await update(api, { ...WEB, Mode: { Replicated: { Replicas: 5 } } });
  expect(stored(api).templateID).toBe(templateID);
  await update(api, { ...WEB, TaskTemplate: { ContainerSpec: { Image: 'nginx:2' } } });
  expect(stored(api).templateID).not.toBe(templateID);
  expect(api.store.view((tx) => tx.templates.all().map((template) => template.ID))).toEqual([stored(api).templateID]);
});

test('the same spec again keeps version and way back, and clears what an update ended with', async () => {
  const { api } = await withService();
  await update(api, { ...WEB, Labels: { tier: 'back' } });
  const before = stored(api);
  await api.store.update((tx) =>
    tx.services.update({ ...tx.services.get(before.ID)!, UpdateStatus: { State: 'completed', Message: 'update completed' } }),
  );
  await update(api, { ...WEB, Labels: { tier: 'back' } });
  const { UpdateStatus, PreviousSpec, specVersion, templateID } = stored(api);
  expect({ UpdateStatus, PreviousSpec, specVersion, templateID }).toEqual({
    UpdateStatus: undefined,
    PreviousSpec: before.PreviousSpec,
    specVersion: before.specVersion,
    templateID: before.templateID,
  });
});

test('the same spec again tries a paused update anew', async () => {
  const { api } = await withService();
  const before = stored(api);
  await api.store.update((tx) => tx.services.update({ ...before, UpdateStatus: { State: 'paused', Message: 'update paused' } }));
  await update(api, WEB);
  expect(stored(api).UpdateStatus).toBeUndefined();
  expect(stored(api).specVersion).toBeGreaterThan(before.specVersion);
});

test('a rollback by hand swaps the specs and their credentials, and a second leads back', async () => {
  const { api } = await withService(WEB, { 'x-registry-auth': 'old' });
  await update(api, { ...WEB, Labels: { tier: 'back' } }, '', { 'x-registry-auth': 'new' });
  await update(api, WEB, '&rollback=previous');
  expect(stored(api)).toMatchObject({
    Spec: { Labels: { tier: 'front' } },
    PreviousSpec: { Labels: { tier: 'back' } },
    registryAuth: 'old',
    previousRegistryAuth: 'new',
    UpdateStatus: { State: 'rollback_started', Message: 'manually requested rollback' },
  });
  await update(api, WEB, '&rollback=previous');
  expect(stored(api)).toMatchObject({ Spec: { Labels: { tier: 'back' } }, registryAuth: 'new' });
});

const ON_8080 = { ...WEB, EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 8080 }] } };

test('a rollback by hand to a port that another service publishes since is refused, and changes nothing', async () => {
  const { api } = await withService();
  await api.store.update((tx) => tx.networks.create({ ID: asID('ingress'), Spec: { Name: 'ingress', Ingress: true } }));
  await update(api, ON_8080);
  await update(api, WEB);
  expect((await post(api, '/services/create', { ...ON_8080, Name: 'other' })).statusCode).toBe(201);
  const before = await read(api, 'web');
  const reply = await post(api, `/services/web/update?version=${before.Version.Index}&rollback=previous`, WEB);
  expect([reply.statusCode, reply.json().message]).toEqual([
    400,
    expect.stringMatching(
      /service web cannot go back to its previous spec: .*port '8080' is already in use by service 'other'.*; update it instead$/,
    ),
  ]);
  expect(await read(api, 'web')).toEqual(before);
});

test('credentials stay when an update brings none', async () => {
  const { api } = await withService(WEB, { 'x-registry-auth': 'old' });
  await update(api, { ...WEB, Labels: {} });
  expect(stored(api).registryAuth).toBe('old');
});

test('every update of a job starts its next iteration', async () => {
  const job = { ...WEB, Mode: { ReplicatedJob: { TotalCompletions: 3 } } };
  const { api, id } = await withService(job);
  expect((await read(api, id)).JobStatus.JobIteration).toEqual({});
  expect((await read(api, id)).Spec.Mode).toEqual({ ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 3 } });
  await update(api, job);
  expect((await read(api, id)).JobStatus.JobIteration).toEqual({ Index: 1 });
});

test('a service that is removed is gone with its template, and its name is free', async () => {
  const { api, id } = await withService();
  const removed = await api.app.inject({ method: 'DELETE', url: `/services/${id}` });
  expect([removed.statusCode, removed.body, removed.headers['content-type']]).toEqual([200, '', undefined]);
  expect(api.store.view((tx) => tx.templates.size)).toBe(0);
  expect((await post(api, '/services/create', WEB)).statusCode).toBe(201);
});

const lists: readonly (readonly [string, object, readonly string[]])[] = [
  ['all', {}, ['api', 'web', 'worker']],
  ['a prefix of the name', { name: ['w'] }, ['web', 'worker']],
  ["the Go client's spelling", { name: { web: true } }, ['web']],
  ['a label', { label: ['tier'] }, ['api', 'web']],
  ['a label and its value', { label: ['tier=front'] }, ['web']],
  ['two labels, both needed', { label: ['tier=front', 'nope'] }, []],
  ['a mode', { mode: ['global'] }, ['worker']],
  ['a mode nobody knows', { mode: ['foo'] }, []],
];
test.each(lists)('the list by %s', async (_name, filters, names) => {
  const { api } = await withService();
  await post(api, '/services/create', { ...WEB, Name: 'api', Labels: { tier: 'back' } });
  await post(api, '/services/create', { ...WEB, Name: 'worker', Labels: {}, Mode: { global: {} } });
  const reply = await get(api, `/services?filters=${encodeURIComponent(JSON.stringify(filters))}`);
  const services = reply.json<{ ID: string; Spec: { Name: string } }[]>();
  expect(services.map((service) => service.Spec.Name).sort()).toEqual(names);
  expect(services.map((service) => service.ID)).toEqual(services.map((service) => service.ID).sort());
});

test('a filter nobody knows is refused by its name', async () => {
  const reply = await get(await startTestApi(), '/services?filters={"foo":["x"]}');
  expect([reply.statusCode, reply.json()]).toEqual([400, { message: "Invalid filter 'foo'" }]);
});

test('ServiceStatus comes with status=true: running whatever is wanted, desired what the mode promises', async () => {
  const { api, id } = await withService({ ...WEB, Mode: { Replicated: { Replicas: 3 } } });
  await api.store.update((tx) => {
    tx.nodes.create(makeNode('node1', 'one'));
    const service = tx.services.get(id)!;
    for (const [task, DesiredState] of [
      ['t1', 'running'],
      ['t2', 'shutdown'],
    ] as const) {
      tx.tasks.create({
        ID: task as never,
        ServiceID: service.ID,
        templateID: service.templateID,
        specVersion: service.specVersion,
        Slot: 1,
        DesiredState,
        Status: { State: 'running', Timestamp: '2026-01-01T00:00:00Z' },
      });
    }
  });
  const [service] = (await get(api, '/services?status=true')).json();
  expect(service.ServiceStatus).toEqual({ RunningTasks: 2, DesiredTasks: 3, CompletedTasks: 0 });
});
