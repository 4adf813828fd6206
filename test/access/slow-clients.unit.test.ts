import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { buildApi } from '@swarm/manager/api/build-api';
import { listenApi } from '@swarm/manager/api/listen-api';
import { startTestApi } from '@swarm/manager/api/testing/cluster';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { eventually } from '@swarm/shared/testing/eventually';
import { expect, onTestFinished, test } from 'vitest';
import { root, startSecureApi } from './world.ts';

/** Longer than a busy machine takes from a connection to its first request. */
const HEAD_TIMEOUT_MS = 2_000;

/** A client of each address of the API. */
const CONNECTIONS: Readonly<Record<string, () => Promise<Duplex>>> = {
  async 'the unix socket'() {
    const admin = await startTestApi();
    const folder = await mkdtemp(join(tmpdir(), 'swarm-slow-'));
    const path = join(folder, 'api.sock');
    const app = await buildApi({ ...admin.deps, headTimeoutMs: HEAD_TIMEOUT_MS });
    await listenApi(app, path, silentLogger);
    onTestFinished(async () => {
      await app.close();
      await admin.app.close();
      await rm(folder, { recursive: true });
    });
    return connected(net.connect(path), 'connect');
  },
  async TLS() {
    const { port, addClient } = await startSecureApi(undefined, { headTimeoutMs: HEAD_TIMEOUT_MS });
    const client = await addClient('alice');
    return connected(tls.connect({ host: '127.0.0.1', port, ca: root.certificate, ...client }), 'secureConnect');
  },
};

function connected<S extends net.Socket>(socket: S, event: string): Promise<S> {
  onTestFinished(() => void socket.destroy());
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve(socket));
    socket.once('error', reject);
  });
}

test.each(Object.entries(CONNECTIONS))(
  'over %s a client that sends its head a byte at a time is cut off, and one that idles between requests is not',
  async (_, connect) => {
    const slow = await connect();
    let answer = '';
    slow.on('data', (chunk) => {
      answer += chunk;
    });
    slow.on('error', () => undefined);
    const head = 'GET /_ping HTTP/1.1\r\nHost: x\r\nX-Slow: ';
    let sent = 0;
    const drip = setInterval(() => {
      if (slow.writable) slow.write(head[sent] ?? 'x');
      sent += 1;
    }, HEAD_TIMEOUT_MS / 20);
    onTestFinished(() => clearInterval(drip));

    const idle = await connect();
    let first = '';
    idle.on('data', (chunk) => {
      first += chunk;
    });
    idle.write('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => expect(first).toMatch(/200 OK.*OK$/s));
    const silent = await connect();
    silent.on('error', () => undefined).resume();

    await eventually(() => expect(slow.closed).toBe(true));
    await eventually(() => expect(silent.closed).toBe(true));
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*the head of the request did not come in time/s);

    first = '';
    idle.write('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n');
    await eventually(() => expect(first).toMatch(/200 OK.*OK$/s));
  },
);
