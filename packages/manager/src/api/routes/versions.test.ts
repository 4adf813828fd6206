import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startTestApi } from '../testing/cluster.ts';

/** An engine of API 1.47. */
async function startEngine() {
  const server = http.createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    if (request.url === '/version') response.end('{"ApiVersion":"1.47","MinAPIVersion":"1.24"}');
    else response.writeHead(404).end('{"message":"no such thing"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { engine: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } };
}

const post = { method: 'POST', headers: { 'content-type': 'application/json' } } as const;
const filter = (value: object) => encodeURIComponent(JSON.stringify(value));

test('an unknown filter is refused with the words of the version', async () => {
  const { app } = await startTestApi(await startEngine());
  const url = `/services?filters=${filter({ foo: ['a'] })}`;
  expect((await app.inject(`/v1.43${url}`)).json().message).toBe("Invalid filter 'foo'");
  expect((await app.inject(`/v1.44${url}`)).json().message).toBe("invalid filter 'foo'");
  expect((await app.inject(url)).json().message).toBe("invalid filter 'foo'");
});

test('a version that does not have the status of services passes over it', async () => {
  const { app } = await startTestApi(await startEngine());
  const payload = JSON.stringify({ Name: 'web', TaskTemplate: { ContainerSpec: { Image: 'x' } } });
  await app.inject({ ...post, url: '/services/create', payload });
  expect((await app.inject('/v1.41/services?status=true')).json()[0]).toHaveProperty('ServiceStatus');
  expect((await app.inject('/v1.40/services?status=true')).json()[0]).not.toHaveProperty('ServiceStatus');
  expect((await app.inject('/v1.40/services?status=maybe')).statusCode).toBe(200);
  expect((await app.inject('/v1.41/services?status=maybe')).statusCode).toBe(400);
});

test('fields that a version does not have are dropped, in creates and in updates', async () => {
  const { app } = await startTestApi(await startEngine());
  const payload = JSON.stringify({
    Name: 'web',
    TaskTemplate: { ContainerSpec: { Image: 'x', Healthcheck: { Test: ['CMD', 'x'], StartInterval: 2_000_000 } } },
  });
  const read = async () => (await app.inject('/services/web')).json();
  await app.inject({ ...post, url: '/v1.43/services/create', payload });
  const { Spec, Version } = await read();
  expect(Spec.TaskTemplate.ContainerSpec.Healthcheck).toEqual({ Test: ['CMD', 'x'] });
  await app.inject({ ...post, url: `/v1.44/services/web/update?version=${Version.Index}`, payload });
  expect((await read()).Spec.TaskTemplate.ContainerSpec.Healthcheck).toEqual({ Test: ['CMD', 'x'], StartInterval: 2_000_000 });
});

test.each([
  ['/services/nope/logs', 'Bad parameters: you must choose at least one stream'],
  ['/services/web/logs?stdout=0&stderr=no', 'Bad parameters: you must choose at least one stream'],
  ['/services/web/logs?stdout=1&tail=abc', 'tail value must be a positive integer or "all"'],
  ['/services/web/logs?stdout=1&tail=-1', 'negative tail values not supported'],
  ['/services/web/logs?stdout=1&since=abc', 'could not parse since timestamp: strconv.ParseInt: parsing "abc": invalid syntax'],
  ['/services/web/logs?stdout=1&since=1.x', 'could not parse since timestamp: strconv.ParseInt: parsing "x": invalid syntax'],
])('GET %s is answered as dockerd does', async (url, message) => {
  const { app } = await startTestApi();
  await app.inject({
    ...post,
    url: '/services/create',
    payload: JSON.stringify({ Name: 'web', TaskTemplate: { ContainerSpec: { Image: 'x' } } }),
  });
  const reply = await app.inject(url);
  expect([reply.statusCode, reply.json().message]).toEqual([500, message]);
});
