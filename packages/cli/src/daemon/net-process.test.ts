import dgram from 'node:dgram';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@swarm/shared/runtime/clock';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { exchange } from '@swarm/worker/dns/forwarder';
import { decodeAnswer, encodeQuery } from '@swarm/worker/dns/wire';
import { NetProcessError } from '@swarm/worker/network/net-process';
import type { NetTables } from '@swarm/worker/network/net-tables';
import { freePort } from '@swarm/worker/testing/free-port';
import { expect, it, onTestFinished } from 'vitest';
import { askNet, type NetRequest } from '../net/control.ts';
import { createNetProcess } from './net-process.ts';

/** The real process, on addresses of loopback. */
const LAUNCHER = fileURLToPath(new URL('../../bin/swarm', import.meta.url));

function table(gateway: string, addresses: readonly string[] = ['10.0.0.9']) {
  return { networkID: `net-${gateway}`, name: 'front', gateway, subnet: '127.0.0.0/8', names: { web: addresses }, addresses: {} };
}

const tables = (change: Partial<NetTables> = {}): NetTables => ({ networks: [], members: [], ports: [], forwarders: [], ...change });

/** An address of its own for each test: several may run at once. */
function ownAddress(): string {
  return `127.77.${process.pid % 250}.${1 + Math.floor(Math.random() * 250)}`;
}

async function open() {
  const root = await mkdtemp(join(tmpdir(), 'net-process-'));
  const folder = join(root, 'net');
  const api = join(root, 'api.sock');
  const listen = join(root, 'tasks', 'docker.sock');
  const daemon = net.createServer((socket) => socket.end('the daemon'));
  await new Promise<void>((resolve) => daemon.listen(api, resolve));
  const one = createNetProcess({ folder, tasks: { listen, api }, clock: systemClock, logger: silentLogger });
  onTestFinished(async () => {
    await one.end();
    daemon.close();
    await rm(root, { recursive: true, force: true });
  });
  return { one, folder, listen, control: join(folder, 'control.sock') };
}

async function ask(address: string, port: number | undefined, name = 'web', timeoutMs = 30_000) {
  const query = encodeQuery(Math.floor(Math.random() * 0xffff), name, 'A');
  const answer = await exchange({ clock: systemClock, resolver: { address, port: port ?? 0 }, query, transport: 'udp', timeoutMs });
  return answer === undefined ? undefined : decodeAnswer(answer)?.addresses;
}

function connectTo(place: { readonly path: string } | { readonly port: number; readonly host: string }): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(place);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.on('close', () => resolve(text));
  });
}

/** A connection to the process now, for a question later. */
async function openQuestion(control: string): Promise<(question: NetRequest) => Promise<unknown>> {
  const socket = net.connect({ path: control });
  await new Promise((resolve) => socket.once('connect', resolve));
  return (question) =>
    new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('it ended without an answer')));
      socket.once('data', (line) => resolve(JSON.parse(line.toString())));
      socket.write(`${JSON.stringify(question)}\n`);
    });
}

it('starts when it is needed, serves what it is given, and leaves nothing when the node leaves', async () => {
  const { one, folder, listen } = await open();
  const gateway = ownAddress();
  expect(await one.status()).toBeUndefined();
  const status = await one.apply(tables({ networks: [table(gateway)] }));
  expect(status).toMatchObject({ names: [{ gateway, port: expect.any(Number) }], ports: [] });
  expect(await ask(gateway, status.names[0]?.port)).toEqual(['10.0.0.9']);
  await one.apply(tables({ networks: [table(gateway, ['10.0.0.10'])] }));
  expect(await ask(gateway, status.names[0]?.port)).toEqual(['10.0.0.10']);
  expect(await connectTo({ path: listen })).toBe('the daemon');
  await one.apply(tables());
  expect(await ask(gateway, status.names[0]?.port)).toBeUndefined();
  await one.end();
  expect(existsSync(folder) || existsSync(listen)).toBe(false);
  await expect.poll(() => alive(status.pid)).toBe(false);
});

it('says why names cannot be answered, and answers once they can', async () => {
  const { one } = await open();
  const status = await one.apply(tables({ networks: [table('192.0.2.1'), table(ownAddress())] }));
  expect(status.names.map(({ problem }) => problem)).toEqual([
    expect.stringMatching(/192\.0\.2\.1 is not an address of this host/),
    undefined,
  ]);
});

it('takes another port for names where 53 is taken', async () => {
  const { one } = await open();
  const gateway = ownAddress();
  const first = await one.apply(tables({ networks: [table(gateway)] }));
  const { one: other } = await open();
  const status = await other.apply(tables({ networks: [table(gateway)] }));
  expect(status.names[0]?.port).toBeGreaterThan(first.names[0]?.port ?? 0);
  expect(await ask(gateway, status.names[0]?.port)).toEqual(['10.0.0.9']);
});

it('keeps published ports, resets what no rule caught, and names the process that has one', async () => {
  const { one } = await open();
  const taken = await freePort();
  const rival = net.createServer();
  await new Promise<void>((resolve) => rival.listen(taken, '127.0.0.1', resolve));
  const free = await freePort();
  const ports = [free, taken].map((port) => ({ protocol: 'tcp' as const, port }));
  const wanted = tables({ ports: [...ports, { protocol: 'udp', port: free }, { protocol: 'sctp', port: free }] });
  const status = await one.apply(wanted);
  expect(status.ports.map(({ problem }) => problem)).toEqual([
    undefined,
    expect.stringContaining(`port ${taken}/tcp of this host is taken by the process`),
    undefined,
    undefined,
  ]);
  expect(status.ports[1]?.problem).toContain(`(pid ${process.pid})`);
  expect(status.ports.map((port) => port.taken)).toEqual([undefined, 'loopback', undefined, undefined]);
  expect(await connectTo({ port: free, host: '127.0.0.1' })).toBe('ECONNRESET');
  const late = net.createServer();
  const refusal = await new Promise((resolve) => late.once('error', resolve).listen(free, '0.0.0.0'));
  expect(refusal).toMatchObject({ code: 'EADDRINUSE' });
  await new Promise((resolve) => rival.close(resolve));
  await expect.poll(async () => (await one.status())?.ports[1]?.problem).toBeUndefined();
  await one.apply(tables());
  expect(await connectTo({ port: free, host: '127.0.0.1' })).toBe('ECONNREFUSED');
});

it('is replaced by another version without losing a query, a port or the socket of tasks', async () => {
  const { one, control, listen } = await open();
  const gateway = ownAddress();
  const port = await freePort();
  const before = await one.apply(tables({ networks: [table(gateway)], ports: [{ protocol: 'tcp', port }] }));
  const names = before.names[0]?.port;
  let over = false;
  const answers: (readonly string[] | undefined)[] = [];
  const asking = Array.from({ length: 4 }, async () => {
    while (!over) answers.push(await ask(gateway, names));
  });
  const reply = await askNet(control, { ask: 'replace', launcher: LAUNCHER }, 60_000);
  expect(reply).toMatchObject({ ok: true });
  await expect.poll(() => alive(before.pid)).toBe(false);
  over = true;
  await Promise.all(asking);
  expect(answers.length).toBeGreaterThan(20);
  expect(answers.filter((one) => one?.[0] !== '10.0.0.9')).toEqual([]);
  const after = await one.status();
  expect(after).toMatchObject({ names: [{ gateway, port: names }], ports: [{ port }] });
  expect(after?.pid).not.toBe(before.pid);
  expect(after?.ports[0]?.problem).toBeUndefined();
  expect(await connectTo({ path: listen })).toBe('the daemon');
});

it('is not asked any more once it is replaced, and knows what its successor is told, while it waits for answers from outside', async () => {
  const { one, control } = await open();
  const gateway = ownAddress();
  const silent = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => silent.bind(0, '0.0.0.0', resolve));
  onTestFinished(() => void silent.close());
  const change = { forwarders: [1, 2, 3].map((host) => `127.0.0.${host}#${silent.address().port}`) };
  const before = await one.apply(tables({ networks: [table(gateway)], ...change }));
  const names = before.names[0]?.port;
  let isOver = false;
  const outside = Array.from({ length: 8 }, async () => {
    while (!isOver) await ask(gateway, names, 'example.com', 5_000);
  });
  expect(await askNet(control, { ask: 'replace', launcher: LAUNCHER }, 60_000)).toMatchObject({ ok: true });
  const asked: (number | undefined)[] = [];
  for (let turn = 0; turn < 20; turn += 1) asked.push((await one.status())?.pid);
  await one.apply(tables({ networks: [table(gateway, ['10.0.0.10'])], ...change }));
  const askMany = async () =>
    new Set((await Promise.all(Array.from({ length: 40 }, () => ask(gateway, names)))).map((found) => found?.[0]));
  await expect.poll(askMany).toEqual(new Set(['10.0.0.10']));
  expect(asked).not.toContain(before.pid);
  isOver = true;
  await Promise.all(outside);
});

it('starts no second successor, and takes no tables that nobody would serve, while it waits for its end', async () => {
  const { one, control } = await open();
  const silent = dgram.createSocket('udp4');
  onTestFinished(() => void silent.close());
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
  const gateway = ownAddress();
  const forwarders = Array<string>(3).fill(`127.0.0.1#${silent.address().port}`);
  const before = await one.apply(tables({ networks: [table(gateway)], forwarders }));
  // These came before there was another process that could have taken them.
  const [apply, replace] = [await openQuestion(control), await openQuestion(control)];
  const outside = ask(gateway, before.names[0]?.port, 'example.org');
  await new Promise((resolve) => silent.once('message', resolve));
  expect(await askNet(control, { ask: 'replace', launcher: LAUNCHER }, 60_000)).toMatchObject({ ok: true });
  expect(await apply({ ask: 'apply' })).toMatchObject({ ok: false, reason: expect.stringContaining('is being replaced') });
  expect(await replace({ ask: 'replace', launcher: LAUNCHER })).toMatchObject({ ok: false });
  await expect.poll(() => alive(before.pid)).toBe(false);
  await outside;
});

it('goes on as it was when its successor cannot be started', async () => {
  const { one, control } = await open();
  const gateway = ownAddress();
  const before = await one.apply(tables({ networks: [table(gateway)] }));
  const reply = await askNet(control, { ask: 'replace', launcher: '/nonexistent' }, 60_000);
  expect(reply).toMatchObject({ ok: false, reason: expect.stringContaining('ENOENT') });
  expect(await one.status()).toMatchObject({ pid: before.pid });
  expect(await ask(gateway, before.names[0]?.port)).toEqual(['10.0.0.9']);
});

it('refuses tables that make no sense, and keeps those it has', async () => {
  const { one } = await open();
  const gateway = ownAddress();
  const status = await one.apply(tables({ networks: [table(gateway)] }));
  await expect(one.apply(tables({ networks: [table('not an address')] }))).rejects.toThrow(NetProcessError);
  expect(await ask(gateway, status.names[0]?.port)).toEqual(['10.0.0.9']);
});

it('says where its tables cannot be written, as on a file system that is full', async () => {
  const one = createNetProcess({ folder: '/dev/null/net', clock: systemClock, logger: silentLogger });
  await expect(one.apply(tables())).rejects.toThrow(NetProcessError);
  await expect(one.ensure()).rejects.toThrow(NetProcessError);
});

it('is started anew after a kill, from the tables it had', async () => {
  const { one } = await open();
  const gateway = ownAddress();
  const status = await one.apply(tables({ networks: [table(gateway)] }));
  const watch = one.watch((error) => {
    throw error;
  });
  onTestFinished(watch.stop);
  process.kill(status.pid, 'SIGKILL');
  // What it still takes dies with it, and the test would wait for the answer.
  await expect.poll(() => alive(status.pid)).toBe(false);
  await expect.poll(() => ask(gateway, status.names[0]?.port)).toEqual(['10.0.0.9']);
  expect((await one.status())?.pid).not.toBe(status.pid);
});

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
