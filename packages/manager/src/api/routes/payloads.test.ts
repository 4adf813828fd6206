import { expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../testing/cluster.ts';

const DATA = Buffer.from('hunter2').toString('base64');

async function post(api: TestApi, url: string, body: object) {
  const reply = await api.app.inject({
    method: 'POST',
    url,
    payload: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return { status: reply.statusCode, body: reply.body === '' ? undefined : reply.json() };
}
const invalid = (message: string) => ({ status: 400, body: { message: `rpc error: code = InvalidArgument desc = ${message}` } });

test('a secret never gives its data back, a config does', async () => {
  const api = await startTestApi();
  for (const kind of ['secrets', 'configs']) {
    const { status, body } = await post(api, `/${kind}/create`, { Name: 'one', Data: DATA, labels: { a: 'b' } });
    expect(status).toBe(201);
    const shown = (await api.app.inject(`/${kind}/${body.ID}`)).json();
    expect(shown.Spec).toEqual({ Name: 'one', Labels: { a: 'b' }, ...(kind === 'configs' && { Data: DATA }) });
    expect((await api.app.inject(`/${kind}/ONE`)).json()).toEqual(shown);
    expect((await api.app.inject(`/${kind}`)).json()).toEqual([shown]);
  }
});

const refusals: readonly (readonly [string, string, object, ReturnType<typeof invalid>])[] = [
  ['no name', 'secrets', { Data: DATA }, invalid('name must be provided')],
  [
    'a name with a slash',
    'configs',
    { Name: 'a/b', Data: DATA },
    invalid('invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]'),
  ],
  ['no data', 'secrets', { Name: 'a' }, invalid('secret data must be larger than 0 and less than 512000 bytes')],
  [
    '512000 bytes',
    'secrets',
    { Name: 'a', Data: Buffer.alloc(512_000).toString('base64') },
    invalid('secret data must be larger than 0 and less than 512000 bytes'),
  ],
  [
    '1024000 bytes',
    'configs',
    { Name: 'a', Data: Buffer.alloc(1_024_000).toString('base64') },
    invalid('config data must be larger than 0 and less than 1024000 bytes'),
  ],
  [
    'data that is no base64',
    'secrets',
    { Name: 'a', Data: '%%' },
    { status: 400, body: { message: 'illegal base64 data at input byte 0' } },
  ],
];
test.each(refusals)('%s is refused (%s)', async (_name, kind, spec, expected) => {
  expect(await post(await startTestApi(), `/${kind}/create`, spec)).toEqual(expected);
});

test('the largest secret and config are taken', async () => {
  const api = await startTestApi();
  expect((await post(api, '/secrets/create', { Name: 'a', Data: Buffer.alloc(511_999).toString('base64') })).status).toBe(201);
  expect((await post(api, '/configs/create', { Name: 'a', Data: Buffer.alloc(1_023_999).toString('base64') })).status).toBe(201);
});

test('a name is taken whatever its case', async () => {
  const api = await startTestApi();
  await post(api, '/secrets/create', { Name: 'one', Data: DATA });
  expect(await post(api, '/secrets/create', { Name: 'ONE', Data: DATA })).toEqual({
    status: 409,
    body: { message: 'rpc error: code = AlreadyExists desc = secret ONE already exists' },
  });
});

const updates: readonly (readonly [string, object, number])[] = [
  ['other labels, no data', { Name: 'one', Labels: { a: 'c' } }, 200],
  ['the same data again, as stack deploy sends it', { Name: 'one', Labels: {}, Data: DATA }, 200],
  ['other data', { Name: 'one', Data: 'AAAA' }, 400],
  ['another name', { Name: 'two' }, 400],
];
test.each(updates)('an update with %s', async (_name, spec, status) => {
  const api = await startTestApi();
  await post(api, '/secrets/create', { Name: 'one', Data: DATA });
  const { Index } = (await api.app.inject('/secrets/one')).json().Version;
  const reply = await post(api, `/secrets/one/update?version=${Index}`, spec);
  if (status === 200) expect(reply).toEqual({ status, body: undefined });
  else expect(reply).toEqual(invalid('only updates to Labels are allowed'));
  expect(api.store.view((tx) => tx.secrets.all()[0]?.Spec.Data)).toBe(DATA);
});

test('an update names its version', async () => {
  const api = await startTestApi();
  await post(api, '/configs/create', { Name: 'one', Data: DATA });
  expect(await post(api, '/configs/one/update', { Name: 'one' })).toEqual({ status: 400, body: { message: 'invalid config version' } });
});

test('what a service uses cannot be removed, until the service is gone', async () => {
  const api = await startTestApi();
  const { body } = await post(api, '/secrets/create', { Name: 'one', Data: DATA });
  const reference = { File: { Name: 'one', UID: '0', GID: '0', Mode: 292 }, SecretID: body.ID, SecretName: 'one' };
  for (const Name of ['b', 'a']) {
    const { status } = await post(api, '/services/create', {
      Name,
      TaskTemplate: { ContainerSpec: { Image: 'nginx', Secrets: [reference] } },
    });
    expect(status).toBe(201);
  }
  const refused = await api.app.inject({ method: 'DELETE', url: '/secrets/one' });
  expect([refused.statusCode, refused.json().message]).toEqual([
    400,
    "rpc error: code = InvalidArgument desc = secret 'one' is in use by the following services: a, b",
  ]);
  for (const name of ['a', 'b']) await api.app.inject({ method: 'DELETE', url: `/services/${name}` });
  expect((await api.app.inject({ method: 'DELETE', url: '/secrets/one' })).statusCode).toBe(204);
});

const lists: readonly (readonly [string, string, number, readonly string[]])[] = [
  ['/secrets', '{"name":["ON"]}', 200, ['one']],
  ['/secrets', '{"names":["one","two"]}', 200, ['one', 'two']],
  ['/secrets', '{"names":["ONE"]}', 200, ['one']],
  ['/secrets', '{"names":["one"],"label":null}', 200, ['one']],
  ['/secrets', '{"foo":null}', 400, []],
  ['/secrets', '{"name":["one"],"names":["two"],"label":["x"]}', 200, ['two']],
  ['/configs', '{"names":["one"]}', 400, []],
];
test.each(lists)('GET %s?filters=%s', async (url, filters, status, names) => {
  const api = await startTestApi();
  for (const kind of ['secrets', 'configs']) {
    await post(api, `/${kind}/create`, { Name: 'one', Data: DATA });
    await post(api, `/${kind}/create`, { Name: 'two', Data: DATA, Labels: { x: '1' } });
  }
  const reply = await api.app.inject(`${url}?filters=${encodeURIComponent(filters)}`);
  expect(reply.statusCode).toBe(status);
  if (status === 200)
    expect(
      reply
        .json()
        .map((item: { Spec: { Name: string } }) => item.Spec.Name)
        .sort(),
    ).toEqual(names);
});
