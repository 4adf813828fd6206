import { MAX_MESSAGE_BYTES } from '@swarm/shared/protocol/link';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { startTestApi } from '../testing/cluster.ts';
import { MAX_SPEC_BYTES } from './check-size.ts';

const text = (length: number) => 'x'.repeat(length);
const Data = Buffer.from('data').toString('base64');
const service = (over: object, container: object = {}) => ({
  Name: 'web',
  TaskTemplate: { ContainerSpec: { Image: 'nginx', ...container }, ...over },
});
const inNetwork = (alias: string) => service({ Networks: [{ Target: 'net', Aliases: [alias] }] });

const TOO_LONG = /more than the 4194304 that a node is sent/;

/** Every node that needs the object would lose its session for it: what is over the bounds of the protocol is refused at the door. */
test.each([
  {
    it: 'a service with a long environment',
    url: '/services/create',
    body: service({}, { Env: [`A=${text(MAX_SPEC_BYTES)}`] }),
    says: TOO_LONG,
  },
  {
    it: 'a service with long labels',
    url: '/services/create',
    body: { ...service({}), Labels: { a: text(MAX_SPEC_BYTES) } },
    says: TOO_LONG,
  },
  {
    it: 'a config with long labels',
    url: '/configs/create',
    body: { Name: 'c', Data, Labels: { a: text(MAX_SPEC_BYTES) } },
    says: TOO_LONG,
  },
  {
    it: 'a secret with long labels',
    url: '/secrets/create',
    body: { Name: 's', Data, Labels: { a: text(MAX_SPEC_BYTES) } },
    says: TOO_LONG,
  },
  {
    it: 'an alias that is no name',
    url: '/services/create',
    body: inNetwork(text(256)),
    says: /has 256 characters; a name has 255 at most/,
  },
])('$it is refused, and changes nothing', async ({ url, body, says }) => {
  const { status, message, version } = await post(url, body);
  expect([status, message, version]).toEqual([400, expect.stringMatching(says), 'unchanged']);
});

test.each([
  { it: 'an environment of nearly that size', url: '/services/create', body: service({}, { Env: [`A=${text(MAX_SPEC_BYTES - 1000)}`] }) },
  { it: 'the longest alias', url: '/services/create', body: inNetwork(text(255)) },
  { it: 'a config of the largest size', url: '/configs/create', body: { Name: 'c', Data: Buffer.alloc(1_023_999).toString('base64') } },
])('$it is taken', async ({ url, body }) => {
  expect((await post(url, body)).status).toBe(201);
});

test('a spec of the largest size fits a message', () => {
  expect(MAX_SPEC_BYTES).toBeLessThan(MAX_MESSAGE_BYTES / 1.5);
});

async function post(url: string, body: object) {
  const api = await startTestApi();
  await api.store.update((tx) => tx.networks.create({ ID: asID('net-id'), Spec: { Name: 'net', Driver: 'overlay' } }));
  const before = api.store.view((tx) => tx.version);
  const reply = await api.app.inject({
    method: 'POST',
    url,
    payload: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  const after = api.store.view((tx) => tx.version);
  await api.app.close();
  return { status: reply.statusCode, message: reply.json().message, version: after === before ? 'unchanged' : 'changed' };
}
