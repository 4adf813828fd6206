import { expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../testing/cluster.ts';

const DATA = Buffer.from('x').toString('base64');
const LABELS = { 'com.docker.stack.namespace': 'st' };
const service = (over: object = {}) => ({
  TaskTemplate: {
    ContainerSpec: { Image: 'nginx', Secrets: [{ SecretName: 'st_s', File: { Name: 's', UID: '0', GID: '0', Mode: 292 } }] },
    Networks: [{ Target: 'st_default', Aliases: ['web'] }],
  },
  ...over,
});
const stack = (services: object, over: object = {}) => ({
  name: 'st',
  networks: { st_default: { Labels: LABELS } },
  secrets: { st_s: { Data: DATA } },
  configs: { st_c: { Data: DATA } },
  services,
  ...over,
});

async function deploy(api: TestApi, body: object, name = 'st') {
  const reply = await api.app.inject({
    method: 'POST',
    url: `/x/stacks/${name}`,
    payload: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return { status: reply.statusCode, body: reply.json() };
}
const actions = (body: { results: { kind: string; name: string; action: string }[] }) =>
  body.results.map(({ name, action }) => `${name} ${action}`);

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
