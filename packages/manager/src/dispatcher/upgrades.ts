import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ControlRefusal, REFUSAL_STATUS } from '@swarm/shared/protocol/control-refusal';
import { CONTROL_PATHS } from '@swarm/shared/protocol/session';
import { socketByteStream } from '@swarm/shared/protocol/socket-byte-stream';
import { SOCKET_OPTIONS, socketLink } from '@swarm/shared/protocol/socket-link';
import { http } from '@swarm/shared/runtime/http';
import { WebSocketServer } from 'ws';
import type { Dispatcher } from './dispatcher.ts';
import type { SessionPeer } from './node-session.ts';

/** Takes over WebSocket upgrades whose peer has proved who it is, and owns their sockets from then on. */
export interface Upgrades {
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, peer: SessionPeer): void;
}

/** The control port's WebSockets: one session per worker, and the streams that were asked for over it. */
export function acceptUpgrades(dispatcher: Dispatcher): Upgrades {
  const sockets = new WebSocketServer({ noServer: true, clientTracking: false, ...SOCKET_OPTIONS });
  return {
    onUpgrade(request, socket, head, peer) {
      // Until the WebSocket has its own listener, a reset connection must not end the process.
      socket.on('error', () => socket.destroy());
      const path = (request.url ?? '').split('?', 1)[0] ?? '';
      if (path === CONTROL_PATHS.session) {
        sockets.handleUpgrade(request, socket, head, (webSocket) => dispatcher.accept(socketLink(webSocket), peer));
        return;
      }
      const streamID = path.startsWith(`${CONTROL_PATHS.streams}/`) ? path.slice(CONTROL_PATHS.streams.length + 1) : undefined;
      if (streamID === undefined) {
        refuse(socket, { code: 'not-found', message: `the control port has no WebSocket at ${path}` });
      } else if (!dispatcher.streams.isExpected(streamID, peer.nodeID)) {
        refuse(socket, { code: 'not-found', message: 'this stream was not asked of this node, was opened before, or has expired' });
      } else {
        sockets.handleUpgrade(request, socket, head, (webSocket) =>
          dispatcher.streams.accept(streamID, peer.nodeID, socketByteStream(webSocket)),
        );
      }
    },
  };
}

function refuse(socket: Duplex, refusal: ControlRefusal): void {
  const body = JSON.stringify(refusal);
  const status = REFUSAL_STATUS[refusal.code];
  socket.end(
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
