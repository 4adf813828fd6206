import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ByteStream } from '@swarm/shared/protocol/byte-stream';
import { describeByteStream } from '@swarm/shared/protocol/byte-stream-contract';
import type { Link } from '@swarm/shared/protocol/link';
import { describeLink } from '@swarm/shared/protocol/link-contract';
import { socketByteStream } from '@swarm/shared/protocol/socket-byte-stream';
import { SOCKET_OPTIONS, socketLink } from '@swarm/shared/protocol/socket-link';
import { eventually } from '@swarm/shared/testing/eventually';
import { expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

async function openSockets() {
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, ...SOCKET_OPTIONS });
  const upgraded: Duplex[] = [];
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, SOCKET_OPTIONS);
  return {
    client,
    /** Wraps both ends in the turn in which they open. */
    async wrap<End>(speak: (socket: WebSocket) => End): Promise<{ near: End; far: End }> {
      const far = new Promise<End>((resolve) => {
        server.on('upgrade', (request, socket, head) => {
          upgraded.push(socket);
          sockets.handleUpgrade(request, socket, head, (webSocket) => resolve(speak(webSocket)));
        });
      });
      const near = new Promise<End>((resolve) => client.once('open', () => resolve(speak(client))));
      return { near: await near, far: await far };
    },
    lose: () => upgraded[0]?.destroy(),
    dispose: () => {
      for (const socket of upgraded) socket.destroy();
      server.close();
    },
  };
}

async function connect() {
  const sockets = await openSockets();
  return { ...sockets, ...(await sockets.wrap<Link>(socketLink)) };
}

describeLink('WebSocket', connect);
describeByteStream('WebSocket', async () => {
  const sockets = await openSockets();
  return { ...sockets, ...(await sockets.wrap<ByteStream>(socketByteStream)) };
});

test('frames of a stream without a byte in them take no room, however many come', async () => {
  const sockets = await openSockets();
  const { near, far } = await sockets.wrap<ByteStream>(socketByteStream);
  for (let n = 0; n < 1_000; n += 1) sockets.client.send(Buffer.alloc(0), { binary: true });
  await near.write(Buffer.from('a byte'));
  expect(Buffer.from((await far.read()) ?? []).toString()).toBe('a byte');
  sockets.dispose();
});

test.each([
  { sent: 'text that is not JSON', data: '{"half":' },
  { sent: 'binary data', data: Buffer.from('{}') },
])('$sent ends the link with a reason', async ({ data }) => {
  const { client, far, dispose } = await connect();
  const closed = vi.fn<(reason: string) => void>();
  far.onClose = closed;
  far.onMessage = () => expect.unreachable();
  client.send(data);
  await eventually(() => expect(closed).toHaveBeenCalledWith('the peer sent a message that is not JSON text'));
  dispose();
});

test('a frame over the bound is refused before it is held in memory', async () => {
  const { client, far, dispose } = await connect();
  const closed = vi.fn<(reason: string) => void>();
  far.onClose = closed;
  far.onMessage = () => expect.unreachable();
  client.send(Buffer.alloc(SOCKET_OPTIONS.maxPayload + 1, 0x20).toString());
  await eventually(() => expect(closed).toHaveBeenCalledWith('Max payload size exceeded'));
  dispose();
});
