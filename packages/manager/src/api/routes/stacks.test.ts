import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { MANAGER_ID, startTestApi, type TestApi } from '../testing/cluster.ts';
import { actions, deploy, image, LABELS, plain, post, service, stack } from '../testing/stack-requests.ts';

test('a stack is created whole, with the ids in its services', async () => {
  const api = await startTestApi();
  const { status, body } = await deploy(api, { stack: stack({ st_web: service() }), registryAuth: { st_web: 'auth' } });
  expect(status).toBe(200);
  expect(actions(body)).toEqual(['st_default created', 'st_s created', 'st_c created', 'st_web created']);
  expect(body.warnings).toEqual([]);
  api.store.view((tx) => {
    const stored = tx.services.all()[0]!;
    expect(stored.registryAuth).toBe('auth');
    expect(stored.Spec.Labels).toEqual(LABELS);
    expect(stored.Spec.TaskTemplate.Networks?.[0]?.Target).toBe(tx.networks.all()[0]?.ID);
    expect(stored.Spec.TaskTemplate.ContainerSpec?.Secrets?.[0]).toMatchObject({ SecretID: tx.secrets.all()[0]?.ID, SecretName: 'st_s' });
  });
});

test('the same stack again writes nothing at all', async () => {
  const api = await startTestApi();
  await deploy(api, { stack: stack({ st_web: service() }) });
  const version = api.store.view((tx) => tx.version);
  const { body } = await deploy(api, { stack: stack({ st_web: service() }) });
  expect(actions(body)).toEqual(['st_default unchanged', 'st_s unchanged', 'st_c unchanged', 'st_web unchanged']);
  expect(api.store.view((tx) => tx.version)).toBe(version);
});

test('one service that is refused refuses the whole stack, by its name', async () => {
  const api = await startTestApi();
  const { status, body } = await deploy(api, { stack: stack({ st_web: service(), st_bad: { TaskTemplate: { ContainerSpec: {} } } }) });
  expect([status, body.message]).toEqual([
    400,
    'service "st_bad": rpc error: code = InvalidArgument desc = ContainerSpec: image reference must be provided',
  ]);
  api.store.view((tx) => expect([tx.services.size, tx.networks.size, tx.secrets.size, tx.templates.size]).toEqual([0, 0, 0, 0]));
});

test('a restart that was forced by hand is kept, a change is an update', async () => {
  const api = await startTestApi();
  await deploy(api, { stack: stack({ st_web: service() }) });
  await api.store.update((tx) => {
    const stored = tx.services.all()[0]!;
    tx.services.update({ ...stored, Spec: { ...stored.Spec, TaskTemplate: { ...stored.Spec.TaskTemplate, ForceUpdate: 3 } } });
  });
  expect(actions((await deploy(api, { stack: stack({ st_web: service() }) })).body).at(-1)).toBe('st_web unchanged');
  expect(actions((await deploy(api, { stack: stack({ st_web: service({ Mode: { Replicated: { Replicas: 4 } } }) }) })).body).at(-1)).toBe(
    'st_web updated',
  );
  expect(api.store.view((tx) => tx.services.all()[0]?.Spec.TaskTemplate.ForceUpdate)).toBe(3);
});

test('services that are no longer named go with prune only', async () => {
  const api = await startTestApi();
  await deploy(api, { stack: stack({ st_web: service(), st_old: service() }) });
  expect(actions((await deploy(api, { stack: stack({ st_web: service() }) })).body).at(-1)).toBe('st_web unchanged');
  expect(actions((await deploy(api, { stack: stack({ st_web: service() }), prune: true })).body).at(-1)).toBe('st_old removed');
});

const refusals: readonly (readonly [string, object, string])[] = [
  [
    'other data under a known name',
    stack({}, { secrets: { st_s: { Data: 'AAAA' } } }),
    'secret "st_s": a secret of this name exists with other data, which cannot be changed; give the new one another name',
  ],
  [
    'an external network that is missing',
    stack({}, { external: { networks: ['nope'] } }),
    'network "nope" is declared as external, but could not be found. You need to create a swarm-scoped network before the stack is deployed',
  ],
  ['an external secret that is missing', stack({}, { external: { secrets: ['nope'] } }), 'secret not found: nope'],
  [
    'a service of another stack',
    stack({ st_web: service({ Labels: { 'com.docker.stack.namespace': 'other' } }) }),
    'service "st_web": its label com.docker.stack.namespace is "other", but it is part of stack "st"; leave the label out',
  ],
  [
    'the name of another stack',
    stack({}, { name: 'other' }),
    'the stack in the body is "other", but the path names "st"; make them the same',
  ],
];
test.each(refusals)('%s is refused', async (_name, body, message) => {
  const api = await startTestApi();
  await deploy(api, { stack: stack({}) });
  expect(await deploy(api, { stack: body })).toEqual({ status: 400, body: { message } });
});

test.each([
  ['another stack', { 'com.docker.stack.namespace': 'st_web' }, 'belongs to stack "st_web"'],
  ['no stack', {}, 'belongs to no stack'],
])('a service of %s is not taken over, and nothing else of the stack is made', async (_whose, Labels, owner) => {
  const api = await startTestApi();
  const created = await api.app.inject({
    method: 'POST',
    url: '/services/create',
    payload: JSON.stringify({ Name: 'st_web_1', Labels, ...image('mine') }),
    headers: { 'content-type': 'application/json' },
  });
  expect(created.statusCode).toBe(201);
  const { status, body } = await deploy(api, { stack: stack({ st_web_1: service() }) });
  expect([status, body.message]).toEqual([
    409,
    `service "st_web_1": a service of this name is there and ${owner}; rename the service in the file, or remove the other first: swarm service rm st_web_1`,
  ]);
  api.store.view((tx) => {
    expect(tx.services.all().map(({ Spec }) => [Spec.TaskTemplate.ContainerSpec?.Image, Spec.Labels])).toEqual([['mine', Labels]]);
    expect([tx.networks.size, tx.stackRevisions.size]).toEqual([0, 0]);
  });
});

test('the predefined networks need not be created to be external', async () => {
  expect((await deploy(await startTestApi(), { stack: stack({}, { external: { networks: ['host'] } }) })).status).toBe(200);
});

test('a stack is removed whole, networks of tasks that still stop included', async () => {
  const api = await startTestApi();
  await deploy(api, { stack: stack({ st_web: service() }) });
  await api.store.update((tx) => {
    const stored = tx.services.all()[0]!;
    tx.tasks.create({
      ID: 't1' as never,
      ServiceID: stored.ID,
      templateID: stored.templateID,
      specVersion: stored.specVersion,
      Slot: 1,
      DesiredState: 'running',
      Status: { State: 'running', Timestamp: '2026-01-01T00:00:00Z' },
    });
  });
  const removed = await api.app.inject({ method: 'DELETE', url: '/x/stacks/st' });
  expect(actions(removed.json())).toEqual(['st_web removed', 'st_s removed', 'st_c removed', 'st_default removed']);
  // The task's label can still be asked for, until it is reaped with its template.
  expect((await api.app.inject(`/tasks?filters=${encodeURIComponent('{"label":["com.docker.stack.namespace=st"]}')}`)).json()).toHaveLength(
    1,
  );
  expect((await api.app.inject({ method: 'DELETE', url: '/x/stacks/st' })).json()).toEqual({ message: 'nothing found in stack: st' });
});

async function withTasks(api: TestApi, service: string, slots: readonly number[], node = MANAGER_ID) {
  await api.store.update((tx) => {
    const stored = tx.services.by('name', service)[0]!;
    for (const Slot of slots) {
      tx.tasks.create({
        ID: asID(`${service}-${Slot}`),
        ServiceID: stored.ID,
        templateID: stored.templateID,
        specVersion: stored.specVersion,
        Slot,
        NodeID: node,
        DesiredState: 'running',
        Status: { State: 'running', Timestamp: '2026-01-01T00:00:00Z' },
      });
    }
  });
}

test('a plan says what would be made, changed and left, and changes nothing', async () => {
  const api = await startTestApi();
  await deploy(api, plain({ st_web: image('nginx:1', { Mode: { Replicated: { Replicas: 2 } } }), st_old: image('old') }));
  await withTasks(api, 'st_web', [1, 2]);
  await withTasks(api, 'st_old', [1]);
  const version = api.store.view((tx) => tx.version);
  const { status, body } = await post(api, 'st/plan', {
    ...plain({ st_web: image('nginx:2', { Mode: { Replicated: { Replicas: 3 } } }), st_new: image('new') }),
    prune: true,
  });
  expect(status).toBe(200);
  expect(body.objects).toEqual([
    { kind: 'service', name: 'st_new', action: 'created', changes: [] },
    {
      kind: 'service',
      name: 'st_web',
      action: 'updated',
      changes: [
        { path: 'Mode.Replicated.Replicas', before: '2', after: '3' },
        { path: 'TaskTemplate.ContainerSpec.Image', before: 'nginx:1', after: 'nginx:2' },
      ],
    },
    { kind: 'service', name: 'st_old', action: 'removed', changes: [] },
  ]);
  expect(body.tasks).toEqual([
    { service: 'st_new', action: 'start', to: 'boss' },
    { service: 'st_web', action: 'replace', slot: 1, from: 'boss', to: 'boss' },
    { service: 'st_web', action: 'replace', slot: 2, from: 'boss', to: 'boss' },
    { service: 'st_web', action: 'start', to: 'boss' },
    { service: 'st_old', action: 'stop', slot: 1, from: 'boss' },
  ]);
  expect(body.doubts).toEqual([]);
  expect(api.store.view((tx) => [tx.version, tx.services.size])).toEqual([version, 2]);
});

test('a plan doubts what fits nowhere now: the room that leaving tasks make is counted', async () => {
  const api = await startTestApi();
  const memory = (MemoryBytes: number) =>
    image('db', { TaskTemplate: { ContainerSpec: { Image: 'db' }, Resources: { Reservations: { MemoryBytes } } } });
  await deploy(api, plain({ st_db: memory(5e9) }));
  await withTasks(api, 'st_db', [1]);
  const fits = await post(api, 'st/plan', plain({ st_db: memory(7e9) }));
  expect([fits.body.doubts, fits.body.tasks]).toEqual([[], [{ service: 'st_db', action: 'replace', slot: 1, from: 'boss', to: 'boss' }]]);
  const tooMuch = await post(api, 'st/plan', plain({ st_db: memory(7e9), st_two: memory(2e9) }));
  expect(tooMuch.body.doubts).toEqual([
    'service "st_two": 1 of its tasks would find no node now: no suitable node (insufficient resources on 1 node)',
  ]);
});

test('a plan is refused where the deploy would be', async () => {
  const api = await startTestApi();
  const { status, body } = await post(api, 'st/plan', plain({ st_bad: { TaskTemplate: { ContainerSpec: {} } } }));
  expect([status, body.message]).toEqual([400, expect.stringContaining('service "st_bad"')]);
});

test('a network that is there with other settings stays, and the plan says so', async () => {
  const api = await startTestApi();
  await deploy(api, { stack: stack({}) });
  const { body } = await post(api, 'st/plan', { stack: stack({}, { networks: { st_default: { Labels: LABELS, Attachable: true } } }) });
  expect(body.warnings).toEqual([
    'network "st_default" is there with other settings and stays as it is (Attachable is false, not true); to change it, remove the stack first',
  ]);
});
