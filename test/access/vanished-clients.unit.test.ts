import { readFile } from 'node:fs/promises';
import tls from 'node:tls';
import { eventually } from '@swarm/shared/testing/eventually';
import { expect, onTestFinished, test } from 'vitest';
import { root, startSecureApi } from './world.ts';

/** What the kernel waits for on a connection, see proc_net_tcp: 02 is the next question whether the other end is there. */
const KEEPALIVE_TIMER = '02';

test('a client over TCP is asked by the kernel now and then whether it is still there', async () => {
  const { port, addClient } = await startSecureApi();
  const client = await addClient('alice');
  const socket = tls.connect({ host: '127.0.0.1', port, ca: root.certificate, ...client });
  onTestFinished(() => void socket.destroy());
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  const [ours, theirs] = [port, socket.localPort ?? 0].map((number) => `:${number.toString(16).toUpperCase().padStart(4, '0')}`);
  await eventually(async () => {
    const lines = (await readFile('/proc/net/tcp', 'utf8')).split('\n').map((line) => line.trim().split(/\s+/));
    const timer = lines.find(([, local, remote]) => local?.endsWith(ours ?? '') && remote?.endsWith(theirs ?? ''))?.[5];
    expect(timer?.split(':')[0]).toBe(KEEPALIVE_TIMER);
  });
});
