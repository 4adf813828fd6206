import dgram from 'node:dgram';
import net from 'node:net';
import { systemClock } from '@swarm/shared/runtime/clock';
import { expect, it, onTestFinished } from 'vitest';
import { bindDns } from '../../dns/dns-sockets.ts';
import { createForwarder } from '../../dns/forwarder.ts';
import { createResponder } from '../../dns/responder.ts';
import { freePort } from '../../testing/free-port.ts';
import { createProbeWire } from './probe-wire.ts';

const random = { fraction: Math.random };

it('tells an answer from a refusal, over UDP and TCP, with small packets and large ones', async () => {
  const responder = createResponder({ forwarder: createForwarder({ clock: systemClock, random }), random });
  const namesPort = await freePort();
  const sockets = await bindDns({ address: '127.0.0.1', port: namesPort }, responder);
  onTestFinished(sockets.close);
  const wire = createProbeWire({ clock: systemClock, random, namesPort, knockPort: namesPort });
  // It knows no networks yet and refuses to tell: packets came through all the same.
  expect(await wire.askUdp('127.0.0.1')).toBe('answered');
  expect(await wire.askUdp('127.0.0.1', 1450)).toBe('answered');
  expect(await wire.askTcp('127.0.0.1')).toBe('answered');
  expect(await wire.knockTcp('127.0.0.1')).toBe('answered');
  const nobody = createProbeWire({ clock: systemClock, random, namesPort: await freePort(), knockPort: await freePort() });
  expect(await nobody.askUdp('127.0.0.1')).toBe('refused');
  expect(await nobody.askTcp('127.0.0.1')).toBe('refused');
  expect(await nobody.knockTcp('127.0.0.1')).toBe('refused');
  expect(await nobody.knockUdp('127.0.0.1')).toBe('refused');
});

it('takes the packet size in bytes on the wire', async () => {
  const listener = dgram.createSocket('udp4');
  onTestFinished(() => void listener.close());
  const length = new Promise((resolve) => listener.on('message', (bytes) => resolve(bytes.length)));
  await new Promise<void>((resolve) => listener.bind(0, '127.0.0.1', resolve));
  const wire = createProbeWire({ clock: systemClock, random, namesPort: listener.address().port });
  // Nothing answers.
  const [outcome] = await Promise.all([wire.askUdp('127.0.0.1', 1450), expect(length).resolves.toBe(1422)]);
  expect(outcome).toBe('silent');
});

it('tells a host that hangs from one that answers', async () => {
  const server = net.createServer((socket) => socket.on('error', () => socket.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const namesPort = address !== null && typeof address === 'object' ? address.port : 0;
  expect(await createProbeWire({ clock: systemClock, random, namesPort }).askTcp('127.0.0.1')).toBe('silent');
});

it('takes an address to which no way leads for silent, over UDP and TCP', async () => {
  // The system refuses it at once, as it does every address of another host while there is no route.
  const nowhere = '255.255.255.255';
  const wire = createProbeWire({ clock: systemClock, random });
  expect(await Promise.all([wire.askUdp(nowhere), wire.askTcp(nowhere), wire.knockUdp(nowhere)])).toEqual(['silent', 'silent', 'silent']);
});
