import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ACTIVE_MANAGER, INACTIVE, startTestApi, type TestApi } from '../testing/cluster.ts';

let directory: string;
let api: TestApi;
const received: string[] = [];
const engine = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  if (request.url === '/version') {
    response.end('{"ApiVersion":"1.45","MinAPIVersion":"1.24"}');
    return;
  }
  void text(request).then((body) => {
    received.push(`${request.method} ${request.url} ${body}`);
    response.statusCode = 201;
    response.end('{"Name":"v"}');
  });
});
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'volumes-'));
  const socketPath = join(directory, 'engine.sock');
  await new Promise<void>((resolve) => engine.listen(socketPath, resolve));
  api = await startTestApi({ engine: { socketPath } });
});
beforeEach(() => {
  received.length = 0;
  api.local = ACTIVE_MANAGER;
});
afterAll(async () => {
  await api.app.close();
  engine.close();
  await rm(directory, { recursive: true });
});

const send = (method: 'POST' | 'PUT', url: string, payload: string) =>
  api.app.inject({ method, url, payload, headers: { 'content-type': 'application/json', 'content-length': String(payload.length) } });

const CLUSTER = '{"Name":"v","ClusterVolumeSpec":{"AccessMode":{}}}';

test.each([
  ['a volume of this host', '/v1.45/volumes/create', '{"Name":"v","ClusterVolumeSpec":null}'],
  ['a body that is no JSON, which the engine explains', '/v1.45/volumes/create', 'bad'],
  ['a version that knows no others', '/v1.41/volumes/create', CLUSTER],
])('%s goes to the engine as it came', async (_, url, body) => {
  expect((await send('POST', url, body)).statusCode).toBe(201);
  expect(received).toEqual([`POST ${url} ${body}`]);
});

test('a volume of the whole cluster is refused with what to do instead, whatever the case of the key', async () => {
  for (const body of [CLUSTER, CLUSTER.toLowerCase()]) {
    const reply = await send('POST', '/v1.45/volumes/create', body);
    expect([reply.statusCode, reply.json().message]).toEqual([501, expect.stringContaining('--driver')]);
  }
  expect((await send('PUT', '/v1.45/volumes/v?version=1', '{}')).statusCode).toBe(501);
  expect(received).toEqual([]);
});

test('a host that is in no cluster leaves it to the engine to say so', async () => {
  api.local = INACTIVE;
  expect((await send('POST', '/v1.45/volumes/create', CLUSTER)).statusCode).toBe(201);
});
