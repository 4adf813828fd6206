import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net, { type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NodeSpecSchema } from '@swarm/shared/engine-api/cluster-spec';
import { ConfigSpecSchema, NetworkCreateSchema, SecretSpecSchema } from '@swarm/shared/engine-api/payload-specs';
import { ServiceSpecSchema } from '@swarm/shared/engine-api/service-spec';
import { StackRequestSchema } from '@swarm/shared/engine-api/stack-spec';
import type { TSchema } from '@swarm/shared/schema/type';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { arbitraryBody, layOver } from './testing/arbitrary-body.ts';
import { startTestApi, type TestApi } from './testing/cluster.ts';
import { postBody } from './testing/post-body.ts';

/** Whatever comes in: the documented error, and nothing changed. Bodies of `/swarm/update`, which need a root, are in test/access. */

interface Target {
  readonly url: string;
  readonly schema: TSchema;
  /** A body that is taken, for a body that is laid over it. */
  readonly sound: object;
  readonly runs: number;
}

const SOUND_SERVICE = { TaskTemplate: { ContainerSpec: { Image: 'busybox:1' } } };

const targets: readonly Target[] = [
  { url: '/services/create', schema: ServiceSpecSchema, sound: SOUND_SERVICE, runs: 400 },
  { url: '/secrets/create', schema: SecretSpecSchema, sound: { Data: 'aGk=' }, runs: 100 },
  { url: '/configs/create', schema: ConfigSpecSchema, sound: { Data: 'aGk=' }, runs: 100 },
  { url: '/networks/create', schema: NetworkCreateSchema, sound: { Driver: 'overlay' }, runs: 150 },
  {
    url: `/nodes/${'m'.repeat(25)}/update?version=VERSION`,
    schema: NodeSpecSchema,
    sound: { Role: 'manager', Availability: 'active' },
    runs: 100,
  },
  { url: '/x/stacks/fuzz', schema: StackRequestSchema, sound: { stack: { services: {} } }, runs: 150 },
];

const post = (api: TestApi, url: string, payload: string) =>
  api.app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } });

test.each(targets)(
  'any body for $url is taken or refused with a reason, and what is refused changes nothing',
  async ({ url, schema, sound, runs }) => {
    const api = await startTestApi();
    const indexOf = () => api.store.view((tx) => tx.nodes.get('m'.repeat(25)))?.Version.Index ?? 0;
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(arbitraryBody(schema), fc.boolean(), fc.uuid(), async (body, alone, Name) => {
        const given = alone ? body : layOver({ ...(url.endsWith('/create') && { Name: `n${Name}` }), ...sound }, body);
        if ((await postBody(api, url.replace('VERSION', String(indexOf())), given)) === 'taken') taken += 1;
      }),
      // One that is sound is taken, whatever chance makes of the others.
      { numRuns: runs, examples: [[{}, false, '00000000-0000-4000-8000-000000000000']] },
    );
    expect(taken).toBeGreaterThan(0);
    await api.app.close();
  },
);

test('half of a surrogate pair in a name is read as Go reads it, and is no fault of the manager', async () => {
  const api = await startTestApi();
  const Networks = [{ Target: '\ud800' }];
  const reply = await post(api, '/services/create', JSON.stringify({ ...SOUND_SERVICE, Networks }));
  expect(reply.json().message).toBe('network \ufffd not found');
  await api.app.close();
});

test('a spec that was taken is taken again as it is shown, and shown the same', async () => {
  const api = await startTestApi();
  let taken = 0;
  await fc.assert(
    fc.asyncProperty(arbitraryBody(ServiceSpecSchema), async (body) => {
      const created = await post(api, '/services/create', JSON.stringify(layOver(SOUND_SERVICE, body)));
      if (created.statusCode !== 201) return;
      taken += 1;
      const url = `/services/${created.json().ID}`;
      const { Spec, Version } = (await api.app.inject(url)).json();
      const updated = await post(api, `${url}/update?version=${Version.Index}`, JSON.stringify(Spec));
      expect([updated.statusCode, updated.body]).toEqual([200, expect.any(String)]);
      expect((await api.app.inject(url)).json().Spec).toEqual(Spec);
      await api.app.inject({ method: 'DELETE', url });
    }),
    { numRuns: 300 },
  );
  expect(taken).toBeGreaterThan(20);
  await api.app.close();
});

describe('on the wire', () => {
  async function listen() {
    const directory = await mkdtemp(join(tmpdir(), 'bad-input-'));
    const path = join(directory, 'api.sock');
    const api = await startTestApi();
    await api.app.listen({ path });
    const sockets: Socket[] = [];
    onTestFinished(async () => {
      for (const socket of sockets) socket.destroy();
      await api.app.close();
      await rm(directory, { recursive: true });
    });
    const connections = () => new Promise<number>((resolve) => api.app.server.getConnections((_error, count) => resolve(count)));
    /** What comes back for raw bytes, until the other side closes. */
    const send = async (...parts: readonly (string | Buffer)[]): Promise<string> => {
      const socket = net.connect(path);
      sockets.push(socket);
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', () => undefined);
      for (const part of parts) socket.write(part);
      await new Promise((resolve) => socket.once('close', resolve));
      return text;
    };
    const untilQuiet = async () => {
      while ((await connections()) > 0) await new Promise((resolve) => setImmediate(resolve));
    };
    const version = () => api.store.view((tx) => tx.version);
    return { path, api, send, untilQuiet, version, connections };
  }
  const head = (headers: string) =>
    `POST /services/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n${headers}\r\n`;

  test.each<readonly [string, readonly string[], RegExp]>([
    ['a chunk whose size is no number', [head('Transfer-Encoding: chunked\r\n'), 'xyz\r\n{}\r\n0\r\n\r\n'], /^HTTP\/1\.1 400 /],
    ['a chunk longer than it says', [head('Transfer-Encoding: chunked\r\n'), '1\r\n{}{}{}\r\n0\r\n\r\n'], /^HTTP\/1\.1 400 /],
    ['a length that is no number', [head('Content-Length: many\r\n'), '{}'], /^HTTP\/1\.1 400 /],
    ['a length and chunks', [head('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n'), '0\r\n\r\n'], /^HTTP\/1\.1 400 /],
    ['a header of 2 MB', [head(`X-Long: ${'x'.repeat(2_000_000)}\r\n`)], /^HTTP\/1\.1 4(00|31) /],
    [
      'a content type that is none',
      [head('Content-Length: 2\r\n').replace('application/json', 'json'), '{}'],
      /^HTTP\/1\.1 400 .*malformed Content-Type header \(json\)/s,
    ],
    ['no HTTP', ['\x16\x03\x01\x02\x00hello\r\n\r\n'], /^HTTP\/1\.1 400 .*not a valid HTTP request/s],
    ['a body that is no UTF-8', [head('Content-Length: 2\r\n'), '\u00ff'], /^HTTP\/1\.1 400 /],
  ])('%s is refused, the connection ends, and nothing changes', async (_, parts, answer) => {
    const { send, untilQuiet, version } = await listen();
    const before = version();
    expect(await send(...parts)).toMatch(answer);
    await untilQuiet();
    expect(version()).toBe(before);
  });

  const get = (target: string, headers = '') => `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`;

  test.each<readonly [string, string, RegExp]>([
    ['names its host in its target is answered as any other', get('http://docker/v1.41/services'), /^HTTP\/1\.1 200 .*\n\[\]/s],
    ['names its host and no path asks for the root', get('http://docker?x=1'), /^HTTP\/1\.1 503 .*engine/s],
    [
      'names its host and offers an upgrade is answered as any other',
      get('http://docker/v1.41/tasks', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'),
      /^HTTP\/1\.1 200 /,
    ],
    [
      'filters by as many ids as dockerd takes is answered',
      get(
        `/secrets?filters=${encodeURIComponent(JSON.stringify({ names: Array.from({ length: 2000 }, (_, at) => String(at).padStart(25, 'x')) }))}`,
      ),
      /^HTTP\/1\.1 200 /,
    ],
    [
      'brings the logins of many registries is answered',
      get('/services', `X-Registry-Config: ${'x'.repeat(100_000)}\r\n`),
      /^HTTP\/1\.1 200 /,
    ],
    [
      'asks for a name of any length is of something unknown',
      get(`/services/${'x'.repeat(5000)}`),
      /^HTTP\/1\.1 404 .*"service x+ not found"/s,
    ],
    [
      'has an escape that is no byte is refused as any other',
      get('/services/%zz'),
      /^HTTP\/1\.1 400 .*\n\{"message":"the path \/services\/%zz cannot be read/s,
    ],
    [
      'has bytes that are no text is refused as any other',
      get('/services/%FF'),
      /^HTTP\/1\.1 400 .*\n\{"message":"the path \/services\/%FF cannot be read/s,
    ],
    ['asks which methods a path has is told that it may go on', get('/services').replace('GET', 'OPTIONS'), /^HTTP\/1\.1 200 /],
  ])('a request that %s', async (_, text, answer) => {
    const { send } = await listen();
    expect(await send(text)).toMatch(answer);
  });

  test('a body beyond the limit is refused without being kept', async () => {
    const { send, version } = await listen();
    const before = version();
    const size = 17 * 1024 * 1024;
    const answer = await send(head(`Content-Length: ${size}\r\n`), Buffer.alloc(size, 0x20));
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*larger than 16777216 bytes/s);
    expect(version()).toBe(before);
  });

  test('clients that vanish in the middle of a body, or of an answer, leave nothing behind', async () => {
    const { path, api, version, untilQuiet } = await listen();
    const before = version();
    for (const text of [
      `${head('Content-Length: 1000\r\n')}{"Name":"web"`,
      `${head('Transfer-Encoding: chunked\r\n')}5\r\n{"Na`,
      'GET /events HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /services HTTP/1.1\r\nHo',
    ]) {
      const socket = net.connect(path);
      await once(socket, 'connect');
      await new Promise((resolve) => socket.write(text, resolve));
      socket.destroy();
    }
    await untilQuiet();
    expect(version()).toBe(before);
    expect((await api.app.inject('/services')).json()).toEqual([]);
  });

  test('any bytes at all end in an answer or a closed connection, and the API goes on', async () => {
    const { send, api } = await listen();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('GET', 'POST', 'BREW', ''), async (noise, method) => {
        const answer = await send(`${method} /services/${noise} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        expect(answer === '' || /^HTTP\/1\.1 [45]\d\d |^HTTP\/1\.1 200 /.test(answer)).toBe(true);
      }),
      { numRuns: 60 },
    );
    expect((await api.app.inject('/_ping')).statusCode).toBe(200);
  });
});
