import { mkdtemp, rm } from 'node:fs/promises';
import net, { type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeWhenGone } from '@swarm/shared/runtime/close-when-gone';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, onTestFinished, test } from 'vitest';
import { holdSocket } from './hold-socket.ts';

async function open() {
  const folder = await mkdtemp(join(tmpdir(), 'hold-socket-'));
  const api = join(folder, 'api.sock');
  const listen = join(folder, 'tasks.sock');
  const clock = new VirtualClock();
  const servers: { server: Server; sockets: Set<Socket> }[] = [];
  onTestFinished(async () => {
    for (const { server, sockets } of servers) {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
    await rm(folder, { recursive: true, force: true });
  });
  /** A daemon that answers a whole request, known by its end, with its name and the request. */
  const startDaemon = async (name: string) => {
    const sockets = new Set<Socket>();
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket);
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => socket.end(`${name} heard ${text}`));
    });
    servers.push({ server, sockets });
    await new Promise<void>((resolve) => server.listen(api, resolve));
    return () => new Promise((resolve) => server.close(resolve));
  };
  const ask = (text: string) =>
    new Promise<string>((resolve) => {
      const socket = net.connect({ path: listen, allowHalfOpen: true }, () => socket.end(text));
      let answer = '';
      socket.on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message));
      socket.on('close', () => resolve(answer));
    });
  const hold = async () => {
    const held = await holdSocket({ listen, api, clock });
    onTestFinished(held.stop);
  };
  return { startDaemon, ask, hold, listen, api, clock };
}

test('whoever holds the socket reaches the next daemon through the same file', async () => {
  const { startDaemon, ask, hold } = await open();
  const stop = await startDaemon('first');
  await hold();
  expect(await ask('hello')).toBe('first heard hello');
  await stop();
  expect(['', 'ECONNRESET', 'EPIPE']).toContain(await ask('anyone?'));
  await startDaemon('second');
  expect(await ask('hello')).toBe('second heard hello');
});

test('the daemon hears that a client was killed which had ended its input before', async () => {
  const { hold, listen, api, clock } = await open();
  const accepted = Promise.withResolvers<Socket>();
  const daemon = net.createServer({ allowHalfOpen: true }, (socket) => accepted.resolve(socket));
  onTestFinished(() => void daemon.close());
  await new Promise<void>((resolve) => daemon.listen(api, resolve));
  await hold();
  const client = net.connect({ path: listen, allowHalfOpen: true });
  client.end('all of it');
  const socket = await accepted.promise;
  closeWhenGone(socket, clock);
  await new Promise((resolve) => socket.resume().once('end', resolve));
  expect(socket.destroyed).toBe(false);
  const gone = new Promise((resolve) => client.once('close', resolve));
  client.destroy();
  await gone;
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await clock.advance(5_000);
  await new Promise<void>((resolve) => setImmediate(resolve));
  await clock.advance(5_000);
  await closed;
});
