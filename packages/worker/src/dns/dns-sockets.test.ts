import dgram from 'node:dgram';
import net from 'node:net';
import { systemClock } from '@swarm/shared/runtime/clock';
import { expect, it, onTestFinished } from 'vitest';
import type { NetTables } from '../network/net-tables.ts';
import { freePort } from '../testing/free-port.ts';
import { bindDns } from './dns-sockets.ts';
import { createForwarder, exchange, type Transport } from './forwarder.ts';
import { createResponder } from './responder.ts';
import { frame } from './tcp-frames.ts';
import { decodeAnswer, decodeQuery, encodeAnswer, encodeQuery } from './wire.ts';

/** Real sockets on loopback: the asker is 127.0.0.1, the network is 127.0.0.0/24. */
const GATEWAY = '127.0.0.1';
const MANY = Array.from({ length: 5000 }, (_, at) => `10.0.${Math.floor(at / 250)}.${at % 250}`);

const tables = (forwarders: readonly string[] = []): NetTables => ({
  networks: [
    {
      networkID: 'n',
      name: 'net',
      gateway: GATEWAY,
      subnet: '127.0.0.0/24',
      names: { web: ['10.0.0.9'], 'tasks.web': MANY.slice(0, 200), huge: MANY },
      addresses: {},
    },
  ],
  members: [],
  ports: [],
  forwarders,
});

async function serve(forwarders: readonly string[] = []) {
  const random = { fraction: Math.random };
  const forwarder = createForwarder({ clock: systemClock, random });
  const responder = createResponder({ forwarder, random });
  responder.replaceTables(tables(forwarders));
  const port = await freePort();
  const sockets = await bindDns({ address: GATEWAY, port }, responder);
  onTestFinished(sockets.close);
  const send = (query: Buffer, transport: Transport = 'udp') =>
    exchange({ clock: systemClock, resolver: { address: GATEWAY, port }, query, transport, timeoutMs: 30_000 });
  const ask = async (name: string, transport: Transport = 'udp', edns = false) => {
    const answer = await send(encodeQuery(Math.floor(Math.random() * 0xffff), name, 'A', edns ? 200 : 0), transport);
    return answer === undefined ? undefined : decodeAnswer(answer);
  };
  return { port, responder, forwarder, send, ask };
}

/** A resolver of the host. What it does with a query is the test's. */
async function resolver(onQuery: (bytes: Buffer, reply: (answer: Buffer) => void) => void) {
  const socket = dgram.createSocket('udp4');
  socket.on('message', (bytes, { port, address }) => onQuery(bytes, (answer) => socket.send(answer, port, address)));
  const port = await freePort();
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
  const tcp = net.createServer((connection) => {
    connection.on('data', (chunk: Buffer) => onQuery(chunk.subarray(2), (answer) => connection.write(frame(answer))));
    connection.on('error', () => connection.destroy());
  });
  await new Promise<void>((resolve) => tcp.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => {
    socket.close();
    tcp.close();
  });
  return `127.0.0.1#${port}`;
}

function answerWith(address: string, rcode: 'NOERROR' | 'SERVFAIL' = 'NOERROR') {
  return (bytes: Buffer, reply: (answer: Buffer) => void) => {
    const decoded = decodeQuery(bytes);
    if (decoded.kind === 'query') reply(encodeAnswer(decoded.query, { rcode, ...(rcode === 'NOERROR' && { addresses: [address] }) }, 512));
  };
}

it('answers over UDP and TCP; what is too large for UDP sends to TCP, with as much as fits', async () => {
  const { ask } = await serve();
  for (const transport of ['udp', 'tcp'] as const) {
    expect(await ask('web', transport)).toMatchObject({ rcode: 'NOERROR', authoritative: true, addresses: ['10.0.0.9'] });
  }
  const plain = await ask('tasks.web');
  expect(plain).toMatchObject({ truncated: true });
  expect(plain?.addresses).toHaveLength(30);
  expect((await ask('tasks.web', 'udp', true))?.addresses.length).toBeGreaterThan(60);
  const whole = await ask('tasks.web', 'tcp');
  expect(whole?.truncated).toBe(false);
  expect([...(whole?.addresses ?? [])].sort()).toEqual(MANY.slice(0, 200).sort());
  expect((await ask('huge', 'tcp'))?.addresses.length).toBeGreaterThan(4000);
});

it('gives the many in another order each time', async () => {
  const { ask } = await serve();
  const first = new Set<string | undefined>();
  for (let at = 0; at < 12; at += 1) first.add((await ask('tasks.web'))?.addresses[0]);
  expect(first.size).toBeGreaterThan(3);
});

it('serves new tables at once', async () => {
  const { ask, responder } = await serve();
  responder.replaceTables({ ...tables(), networks: [] });
  expect(await ask('web')).toMatchObject({ rcode: 'REFUSED' });
});

it('passes names of the outside on, over the transport they came by', async () => {
  const { ask } = await serve([await resolver(answerWith('192.0.2.1'))]);
  expect(await ask('example.com')).toMatchObject({ authoritative: true, addresses: ['192.0.2.1'] });
  expect(await ask('example.com', 'tcp')).toMatchObject({ addresses: ['192.0.2.1'] });
});

it('asks the next resolver when one refuses, fails or is silent, and the silent one last from then on', async () => {
  let asked = 0;
  const silent = await resolver(() => {
    asked += 1;
  });
  const closed = `127.0.0.1#${await freePort()}`;
  const failing = await resolver(answerWith('', 'SERVFAIL'));
  const { ask } = await serve([closed, silent, await resolver(answerWith('192.0.2.2'))]);
  expect(await ask('example.com')).toMatchObject({ addresses: ['192.0.2.2'] });
  expect(await ask('example.org')).toMatchObject({ addresses: ['192.0.2.2'] });
  expect(asked).toBe(1);
  const other = await serve([failing]);
  expect(await other.ask('example.com')).toMatchObject({ rcode: 'SERVFAIL' });
  const none = await serve();
  expect(await none.ask('example.com')).toMatchObject({ rcode: 'SERVFAIL', authoritative: false });
});

it('asks the next resolver when no way leads to one', async () => {
  // The system refuses the first at once, as it does every address while the host has no route, and the second has no such zone.
  const unreachable = ['255.255.255.255', 'fe80::1%gone0'];
  const { ask } = await serve([...unreachable, await resolver(answerWith('192.0.2.4'))]);
  expect(await ask('example.com')).toMatchObject({ addresses: ['192.0.2.4'] });
  const alone = await serve(unreachable);
  expect(await alone.ask('example.com')).toMatchObject({ rcode: 'SERVFAIL' });
});

it('does not believe an answer to another question', async () => {
  const { ask } = await serve([
    await resolver((bytes, reply) => {
      const forged = Buffer.from(bytes);
      forged.writeUInt16BE((forged.readUInt16BE(0) + 1) & 0xffff, 0);
      answerWith('198.51.100.66')(forged, reply);
      answerWith('198.51.100.67')(encodeQuery(bytes.readUInt16BE(0), 'other.example', 'A'), reply);
      answerWith('192.0.2.3')(bytes, reply);
    }),
  ]);
  expect(await ask('example.com')).toMatchObject({ addresses: ['192.0.2.3'] });
});

it('lets one asker wait for only so many answers of the outside, and goes on with its own names', async () => {
  const { ask, forwarder, send } = await serve([await resolver(() => undefined)]);
  const refused: unknown[] = [];
  const flood = Array.from({ length: 300 }, (_, at) =>
    send(encodeQuery(at, `host${at}.example`, 'A')).then((answer) => answer !== undefined && refused.push(decodeAnswer(answer)?.rcode)),
  );
  await expect.poll(() => refused.length).toBeGreaterThan(100);
  expect(forwarder.outstanding()).toBeLessThanOrEqual(128);
  expect(await ask('web')).toMatchObject({ addresses: ['10.0.0.9'] });
  await Promise.all(flood);
  expect(forwarder.outstanding()).toBe(0);
});

it('survives noise on both transports', async () => {
  const { ask, port } = await serve();
  const noise = dgram.createSocket('udp4');
  for (let at = 0; at < 500; at += 1) {
    const bytes = Buffer.from(Array.from({ length: at % 97 }, () => Math.floor(Math.random() * 256)));
    await new Promise((resolve) => noise.send(bytes, port, GATEWAY, resolve));
  }
  noise.close();
  for (const bytes of [Buffer.of(0xff, 0xff, 1, 2), Buffer.of(0, 3, 1, 2, 3), Buffer.alloc(0)]) {
    const socket = net.connect(port, GATEWAY);
    socket.on('error', () => socket.destroy());
    socket.end(bytes);
    await new Promise((resolve) => socket.once('close', resolve).resume());
  }
  expect(await ask('web')).toMatchObject({ addresses: ['10.0.0.9'] });
  expect(await ask('web', 'tcp')).toMatchObject({ addresses: ['10.0.0.9'] });
});

it('answers many queries of one connection, also when they come in pieces', async () => {
  const { port } = await serve();
  const queries = Array.from({ length: 100 }, (_, id) => frame(encodeQuery(id, id % 2 === 0 ? 'web' : 'nope', 'A')));
  const socket = net.connect(port, GATEWAY);
  const seen = new Set<number>();
  const done = Promise.withResolvers<void>();
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      seen.add(rest.readUInt16BE(2));
      rest = rest.subarray(2 + rest.readUInt16BE(0));
    }
    if (seen.size === 100) done.resolve();
  });
  const all = Buffer.concat(queries);
  for (let at = 0; at < all.length; at += 7) socket.write(all.subarray(at, at + 7));
  await done.promise;
  socket.destroy();
});

it('lets one asker hold only so many connections', async () => {
  const { ask, port } = await serve();
  const held = Array.from({ length: 80 }, () => net.connect(port, GATEWAY));
  let closed = 0;
  for (const socket of held) {
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      closed += 1;
    });
  }
  await expect.poll(() => closed).toBe(16);
  for (const socket of held) socket.destroy();
  await expect.poll(async () => (await ask('web', 'tcp'))?.addresses).toEqual(['10.0.0.9']);
});
