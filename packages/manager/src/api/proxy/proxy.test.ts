import { mkdtemp, rm } from 'node:fs/promises';
import net, { type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeWhenGone } from '@swarm/shared/runtime/close-when-gone';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { startTestApi, type TestApi } from '../testing/cluster.ts';

/**
 * The proxy against an engine of raw sockets: what exactly reaches it, and what exactly comes back. Like Docker's own,
 * this engine loses whatever reaches it in one piece with a request that it hijacks.
 */
interface FakeEngine {
  readonly received: string[];
  answer: (head: string, body: string, socket: Socket) => void;
  stop(): Promise<void>;
}

let directory: string;
let engine: FakeEngine;
let api: TestApi;
let open: Socket[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'api-proxy-'));
  engine = await startEngine(join(directory, 'engine.sock'));
  api = await startTestApi({ engine: { socketPath: join(directory, 'engine.sock') } });
  await api.app.listen({ path: join(directory, 'api.sock') });
  open = [];
});

afterEach(async () => {
  for (const socket of open) socket.destroy();
  await api.app.close();
  await engine.stop();
  await rm(directory, { recursive: true });
});

function startEngine(path: string): Promise<FakeEngine> {
  const sockets = new Set<Socket>();
  const fake: FakeEngine = {
    received: [],
    answer: (_head, _body, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}'),
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    let bytes = '';
    const onData = (chunk: Buffer) => {
      bytes += chunk.toString();
      const end = bytes.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(bytes)?.[1] ?? 0);
      if (end < 0 || bytes.length < end + 4 + length) return;
      socket.off('data', onData);
      if (bytes.startsWith('GET /version')) {
        socket.end('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"ApiVersion":"1.45","MinAPIVersion":"1.25"}');
        return;
      }
      fake.received.push(bytes.slice(0, end));
      fake.answer(bytes.slice(0, end), bytes.slice(end + 4, end + 4 + length), socket);
    };
    socket.on('data', onData);
  });
  return new Promise((resolve) => server.listen(path, () => resolve(fake)));
}

interface Client {
  readonly socket: Socket;
  /** Resolves as soon as all that has come holds `text`. */
  saw(text: string): Promise<string>;
  readonly ended: Promise<string>;
}

function dial(): Client {
  const socket = net.connect({ path: join(directory, 'api.sock'), allowHalfOpen: true });
  open.push(socket);
  let seen = '';
  const waiters: (() => void)[] = [];
  socket.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
    for (const check of waiters) check();
  });
  const ended = new Promise<string>((resolve) => socket.on('close', () => resolve(seen)).on('end', () => resolve(seen)));
  return {
    socket,
    ended,
    saw: (text) =>
      new Promise((resolve) => {
        const check = () => {
          if (seen.includes(text)) resolve(seen);
        };
        waiters.push(check);
        check();
      }),
  };
}

/** An engine that echoes standard input in capitals, once it has said that it hijacks. */
const echo: FakeEngine['answer'] = (head, _body, socket) => {
  const upgraded = /upgrade: tcp/i.test(head);
  socket.write(
    `HTTP/1.1 ${upgraded ? '101 UPGRADED' : '200 OK'}\r\nContent-Type: application/vnd.docker.raw-stream\r\n${upgraded ? 'Connection: Upgrade\r\nUpgrade: tcp\r\n' : ''}\r\n`,
  );
  socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()));
  socket.on('end', () => socket.end('bye'));
};

const BODY = '{"Detach":false}';
const head = (upgrade: boolean) =>
  `POST /v1.41/exec/e1/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n${upgrade ? 'Connection: Upgrade\r\nUpgrade: tcp\r\n' : ''}\r\n`;

const deliveries: readonly (readonly [string, (upgrade: boolean) => readonly string[]])[] = [
  ['after the answer', (upgrade) => [head(upgrade) + BODY, 'one ', 'two']],
  ['in one piece with the request', (upgrade) => [`${head(upgrade) + BODY}one two`]],
  ['in one piece with the rest of the body', (upgrade) => [head(upgrade) + BODY.slice(0, 5), `${BODY.slice(5)}one `, 'two']],
];
for (const upgrade of [true, false]) {
  test.each(deliveries)(
    `exec ${upgrade ? 'with' : 'without'} Upgrade: standard input that comes %s arrives whole, and its end too`,
    async (_name, pieces) => {
      const bodies: string[] = [];
      engine.answer = (requestHead, body, socket) => {
        bodies.push(body);
        echo(requestHead, body, socket);
      };
      const client = dial();
      const [first = '', ...rest] = pieces(upgrade);
      client.socket.write(first);
      if (!first.endsWith(BODY) && rest.length > 0) client.socket.write(rest.shift() as string);
      else if (rest.length > 0) await client.saw('raw-stream');
      for (const piece of rest) client.socket.write(piece);
      await client.saw('TWO');
      client.socket.end();
      const all = await client.ended;
      expect(all.slice(all.indexOf('\r\n\r\n') + 4)).toBe('ONE TWObye');
      expect(bodies).toEqual([BODY]);
    },
  );
}

test('an upgrade that the engine refuses is answered, and the connection is closed: nothing reaches the engine past our routes', async () => {
  engine.answer = (_head, _body, socket) => socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n{"message":1}');
  const client = dial();
  client.socket.write(`${head(true) + BODY}GET /nodes HTTP/1.1\r\nHost: x\r\n\r\n`);
  const answer = await client.ended;
  expect(answer).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
  expect(answer).toMatch(/connection: close/i);
  expect(engine.received).toHaveLength(1);
});

test.each([true, false])('an engine that is gone is named to who attaches (upgrade: %s)', async (upgrade) => {
  await engine.stop();
  const client = dial();
  client.socket.write(head(upgrade) + BODY);
  expect(await client.ended).toMatch(/^HTTP\/1\.1 503 [\s\S]*the Docker Engine of this host does not answer/);
});

test('a request is passed on with its prefix, its query and its body, and the answer keeps our own version', async () => {
  let sent = '';
  engine.answer = (_head, body, socket) => {
    sent = body;
    socket.end('HTTP/1.1 201 Created\r\nApi-Version: 1.99\r\nX-Own: yes\r\nContent-Length: 2\r\n\r\n{}');
  };
  const client = dial();
  client.socket.write(
    'POST /v1.41/containers/create?name=a%2Fb HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nConnection: close\r\n\r\n{"a":1}',
  );
  const answer = await client.ended;
  expect(engine.received[0]).toMatch(/^POST \/v1\.41\/containers\/create\?name=a%2Fb HTTP\/1\.1\r\n/);
  expect(sent).toBe('{"a":1}');
  expect(answer).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
  expect(answer).toMatch(/X-Own: yes/);
  expect(answer).toMatch(/api-version: 1\.45/i);
  expect(answer).not.toContain('1.99');
});

test('headers and lines of a stream pass at once, and a client that goes away ends it at the engine', async () => {
  const gone = new Promise<void>((resolve) => {
    engine.answer = (_head, _body, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      socket.on('end', () => resolve()).resume();
      void client.saw('chunked').then(() => socket.write('5\r\nline1\r\n'));
    };
  });
  const client = dial();
  client.socket.write('GET /containers/x/logs?follow=1 HTTP/1.1\r\nHost: x\r\n\r\n');
  await client.saw('line1');
  client.socket.destroy();
  await gone;
});

test.each([
  ['our own routes', '/nodes', '"Hostname":"boss"'],
  ['routes that we share with the engine', '/info', '"ControlAvailable":true'],
])('an h2c upgrade that is offered on %s is ignored', async (_name, path, text) => {
  const client = dial();
  client.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n`);
  expect(await client.saw(text)).toMatch(/^HTTP\/1\.1 200 OK/);
  expect(engine.received.join()).not.toMatch(/upgrade/i);
});

test('a session of a build is upgraded', async () => {
  engine.answer = (_head, _body, socket) => {
    socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    socket.on('data', (chunk: Buffer) => socket.end(chunk.toString().toUpperCase()));
  };
  const client = dial();
  client.socket.write('POST /session HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
  await client.saw('101 UPGRADED');
  client.socket.write('frames');
  expect(await client.ended).toContain('FRAMES');
});

test('a body that an upload offers with an upgrade is streamed, not gathered', async () => {
  const first = new Promise<void>((resolve) => {
    engine.answer = () => resolve();
  });
  const client = dial();
  client.socket.write('POST /build HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked\r\n\r\n');
  client.socket.write('3\r\ntar\r\n');
  // Its end never comes.
  await first;
});

test.each([true, false])('a body of megabytes before standard input is refused (upgrade: %s)', async (upgrade) => {
  const client = dial();
  const size = 2 * 1024 * 1024;
  client.socket.write(head(upgrade).replace(/Content-Length: \d+/, `Content-Length: ${size}`));
  client.socket.write(Buffer.alloc(size, 0x20));
  expect(await client.ended).toMatch(/^HTTP\/1\.1 400 [\s\S]*larger than 524288 bytes/);
  expect(engine.received).toEqual([]);
});

test('a client that leaves in the middle of a request to attach leaves no connection behind', async () => {
  const closed = new Promise<void>((resolve) => {
    api.app.server.once('connection', (socket: Socket) => void socket.once('close', () => resolve()));
  });
  const client = dial();
  client.socket.write(head(false).replace(/Content-Length: \d+/, 'Content-Length: 500') + BODY);
  client.socket.destroySoon();
  await closed;
});

test.each([true, false])(
  'a client that was killed leaves no connection behind to a program that neither reads nor writes (upgrade: %s)',
  async (upgrade) => {
    const clock = new VirtualClock();
    const own = await startTestApi({ engine: { socketPath: join(directory, 'engine.sock') }, clock });
    await own.app.listen({ path: join(directory, 'own.sock') });
    onTestFinished(() => own.app.close());
    const attached = Promise.withResolvers<Socket>();
    engine.answer = (_head, _body, socket) => {
      socket.write(upgrade ? 'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n' : 'HTTP/1.1 200 OK\r\n\r\n');
      attached.resolve(socket);
    };
    const client = net.connect({ path: join(directory, 'own.sock'), allowHalfOpen: true });
    const answered = new Promise((resolve) => client.once('data', resolve));
    client.write(head(upgrade) + BODY);
    const socket = await attached.promise;
    await answered;
    const inputEnded = new Promise((resolve) => socket.resume().once('end', resolve));
    client.end();
    await inputEnded;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    client.destroy();
    await new Promise((resolve) => client.once('close', resolve));
    await clock.advance(5_000);
    // The engine's end is looked at likewise: it has heard the end of the input before.
    closeWhenGone(socket, clock);
    await clock.advance(5_000);
    await closed;
  },
);

test('an upgrade that the engine answers as usual leaves no connection to it behind', async () => {
  const closed = new Promise<void>((resolve) => {
    // As Docker's engine does, this one keeps its connection.
    engine.answer = (_head, _body, socket) => {
      socket.once('end', () => resolve());
      socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}');
    };
  });
  const client = dial();
  client.socket.write(head(true) + BODY);
  expect(await client.ended).toMatch(/404/);
  await closed;
});

test('what is no HTTP is told so', async () => {
  const client = dial();
  client.socket.write('hello there\r\n\r\n');
  expect(await client.ended).toMatch(/^HTTP\/1\.1 400 [\s\S]*not a valid HTTP request/);
});

test('a body that ends too early changes nothing, and the server lives on', async () => {
  const client = dial();
  client.socket.end(
    'POST /services/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"Name":"web"',
  );
  await client.ended;
  expect((await api.app.inject('/services')).json()).toEqual([]);
});

test('a body without end is refused before it fills the memory', async () => {
  const reply = await api.app.inject({
    method: 'POST',
    url: '/configs/create',
    headers: { 'content-type': 'application/json' },
    payload: Buffer.alloc(17 * 1024 * 1024, 0x20),
  });
  expect([reply.statusCode, reply.json().message]).toEqual([400, expect.stringContaining('is larger than 16777216 bytes')]);
});

test.each([
  ['text/plain', '{}', "unsupported Content-Type header (text/plain): must be 'application/json'"],
  ['application/json; charset=utf-8', '{', 'invalid JSON: '],
])('a body of type %s: %s', async (type, payload, message) => {
  const reply = await api.app.inject({ method: 'POST', url: '/services/create', headers: { 'content-type': type }, payload });
  expect(reply.statusCode).toBe(400);
  expect(reply.json().message).toContain(message);
});
