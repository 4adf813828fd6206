import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Link } from '@swarm/shared/protocol/link';
import { describeLink } from '@swarm/shared/protocol/link-contract';
import { SOCKET_OPTIONS, socketLink } from '@swarm/shared/protocol/socket-link';
import { expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';

async function connect() {
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true, ...SOCKET_OPTIONS });
  const upgraded: Duplex[] = [];
  const far = new Promise<Link>((resolve) => {
    server.on('upgrade', (request, socket, head) => {
      upgraded.push(socket);
      sockets.handleUpgrade(request, socket, head, (webSocket) => resolve(socketLink(webSocket)));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, SOCKET_OPTIONS);
  const near = await new Promise<Link>((resolve) => client.once('open', () => resolve(socketLink(client))));
  return {
    client,
    near,
    far: await far,
    lose: () => upgraded[0]?.destroy(),
    dispose: () => {
      for (const socket of upgraded) socket.destroy();
      server.close();
    },
  };
}

describeLink('WebSocket', connect);

test.each([
  { sent: 'text that is not JSON', data: '{"half":' },
  { sent: 'binary data', data: Buffer.from('{}') },
])('$sent ends the link with a reason', async ({ data }) => {
  const { client, far, dispose } = await connect();
  const closed = vi.fn<(reason: string) => void>();
  far.onClose = closed;
  far.onMessage = () => expect.unreachable();
  client.send(data);
  await vi.waitFor(() => expect(closed).toHaveBeenCalledWith('the peer sent a message that is not JSON text'));
  dispose();
});

test('a frame over the bound is refused before it is held in memory', async () => {
  const { client, far, dispose } = await connect();
  const closed = vi.fn<(reason: string) => void>();
  far.onClose = closed;
  far.onMessage = () => expect.unreachable();
  client.send(Buffer.alloc(SOCKET_OPTIONS.maxPayload + 1, 0x20).toString());
  await vi.waitFor(() => expect(closed).toHaveBeenCalledWith('Max payload size exceeded'), { timeout: 5_000 });
  dispose();
});
