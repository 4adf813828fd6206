import type { IncomingMessage } from 'node:http';
import { Agent } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import type { ByteStream } from '@swarm/shared/protocol/byte-stream';
import { type ControlRefusal, parseRefusal } from '@swarm/shared/protocol/control-refusal';
import type { Link } from '@swarm/shared/protocol/link';
import { CONTROL_PATHS } from '@swarm/shared/protocol/session';
import { socketByteStream } from '@swarm/shared/protocol/socket-byte-stream';
import { SOCKET_OPTIONS, socketLink } from '@swarm/shared/protocol/socket-link';
import { WebSocket } from 'ws';

/** A manager answered, and will not have this node: what its certificate or its membership lacks. */
export class ManagerRefused extends Error {
  readonly refusal: ControlRefusal;

  constructor(address: string, refusal: ControlRefusal) {
    super(`manager ${address} refuses this node: ${refusal.message}`);
    this.name = 'ManagerRefused';
    this.refusal = refusal;
  }
}

/**
 * Opens WebSockets to managers; `tls` is asked anew for every connection, since certificates are renewed. Errors say in
 * a sentence which manager could not be reached, and why.
 */
export function webSocketDialer(tls: () => ConnectionOptions) {
  return {
    dial: (address: string, signal: AbortSignal): Promise<Link> => open(address, CONTROL_PATHS.session, tls(), signal, socketLink),
    dialStream: (address: string, streamID: string, signal: AbortSignal): Promise<ByteStream> =>
      open(address, `${CONTROL_PATHS.streams}/${encodeURIComponent(streamID)}`, tls(), signal, socketByteStream),
  };
}

/** The longest refusal that is read. */
const MAX_REFUSAL_BYTES = 16_384;

function open<End>(
  address: string,
  path: string,
  tls: ConnectionOptions,
  signal: AbortSignal,
  speak: (socket: WebSocket) => End,
): Promise<End> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const options = { ...SOCKET_OPTIONS, agent: new Agent(tls) };
    const socket = new WebSocket(`wss://${address}${path}`, options);
    const settle = (outcome: () => void) => {
      signal.removeEventListener('abort', onAbort);
      outcome();
    };
    const onAbort = () => {
      settle(() => reject(signal.reason));
      socket.terminate();
    };
    signal.addEventListener('abort', onAbort);
    // Wrapped in the turn in which it opens: nothing that arrives may be missed.
    socket.on('open', () => settle(() => resolve(speak(socket))));
    socket.on('error', (error) => settle(() => reject(unreachable(address, error.message))));
    socket.on('unexpected-response', (_request, response) => {
      readBody(response, (body) => {
        const refusal = parseRefusal(body);
        const foreign = () => unreachable(address, `it answered ${response.statusCode}, as no manager of a cluster does`);
        settle(() => reject(refusal === undefined ? foreign() : new ManagerRefused(address, refusal)));
        socket.terminate();
      });
    });
  });
}

function unreachable(address: string, reason: string): Error {
  return new Error(`cannot connect to manager ${address}: ${reason}`);
}

function readBody(response: IncomingMessage, done: (body: string) => void): void {
  let body = '';
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    body += text;
    if (body.length > MAX_REFUSAL_BYTES) response.destroy();
  });
  response.on('error', () => done(body));
  response.on('end', () => done(body));
}
