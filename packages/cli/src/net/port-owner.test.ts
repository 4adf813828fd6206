import dgram from 'node:dgram';
import net from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { findPortOwner } from './port-owner.ts';

async function listen(host: string): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

async function bind(type: 'udp4' | 'udp6', address: string): Promise<number> {
  const socket = dgram.createSocket(type);
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  onTestFinished(() => void socket.close());
  return socket.address().port;
}

async function connect(): Promise<number> {
  const socket = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => socket.connect(9, '127.0.0.1', () => resolve()));
  onTestFinished(() => void socket.close());
  return socket.address().port;
}

test.each([
  ['listens on every address, TCP', 'tcp', () => listen('0.0.0.0'), 'everywhere'],
  ['listens on 127.0.0.1, TCP', 'tcp', () => listen('127.0.0.1'), 'loopback'],
  ['listens on every address, UDP', 'udp', () => bind('udp4', '0.0.0.0'), 'everywhere'],
  ['listens on 127.0.0.53, UDP', 'udp', () => bind('udp4', '127.0.0.53'), 'loopback'],
  ['listens on ::ffff:127.0.0.1, UDP', 'udp', () => bind('udp6', '::ffff:127.0.0.1'), 'loopback'],
  ['goes out by the port, UDP', 'udp', connect, undefined],
] as const)('a process that %s', async (_, protocol, open, where) => {
  const owner = await findPortOwner(protocol, await open());
  expect([owner.where, owner.process?.pid]).toEqual([where, process.pid]);
});

test('a port that nobody has has no owner', async () => {
  expect(await findPortOwner('tcp', 1)).toEqual({});
});
