import type { IncomingMessage } from 'node:http';
import { Agent, type AgentOptions } from 'node:https';
import type { ByteStream } from '@swarm/shared/protocol/byte-stream';
import type { Link } from '@swarm/shared/protocol/link';
import { CONTROL_PATHS } from '@swarm/shared/protocol/session';
import { socketByteStream } from '@swarm/shared/protocol/socket-byte-stream';
import { SOCKET_OPTIONS, socketLink } from '@swarm/shared/protocol/socket-link';
import { WebSocket } from 'ws';

/** How this node proves who it is and checks a manager; asked anew for every connection, since certificates are renewed. */
export type TlsOptions = Pick<AgentOptions, 'ca' | 'cert' | 'key' | 'minVersion' | 'rejectUnauthorized' | 'checkServerIdentity'>;

/** Opens WebSockets to managers. Errors say in a sentence which manager could not be reached, and why. */
export function webSocketDialer(tls: () => TlsOptions) {
  return {
    dial: (address: string, signal: AbortSignal): Promise<Link> => open(address, CONTROL_PATHS.session, tls(), signal, socketLink),
    dialStream: (address: string, streamID: string, signal: AbortSignal): Promise<ByteStream> =>
      open(address, `${CONTROL_PATHS.streams}/${encodeURIComponent(streamID)}`, tls(), signal, socketByteStream),
  };
}

/** Longest part of a refusal's body that is read. */
const MAX_REFUSAL_BYTES = 4096;

function open<End>(address: string, path: string, tls: TlsOptions, signal: AbortSignal, speak: (socket: WebSocket) => End): Promise<End> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const options = { ...SOCKET_OPTIONS, agent: new Agent(tls) };
    const socket = new WebSocket(`wss://${address}${path}`, options);
    const settle = (outcome: () => void) => {
      signal.removeEventListener('abort', onAbort);
      outcome();
    };
    const refuse = (reason: string) => settle(() => reject(new Error(`cannot connect to manager ${address}: ${reason}`)));
    const onAbort = () => {
      settle(() => reject(signal.reason));
      socket.terminate();
    };
    signal.addEventListener('abort', onAbort);
    // Wrapped in the turn in which it opens: nothing that arrives may be missed.
    socket.on('open', () => settle(() => resolve(speak(socket))));
    socket.on('error', (error) => refuse(error.message));
    socket.on('unexpected-response', (_request, response) => {
      readRefusal(response, (reason) => {
        refuse(reason);
        socket.terminate();
      });
    });
  });
}

function readRefusal(response: IncomingMessage, done: (reason: string) => void): void {
  let body = '';
  response.setEncoding('utf8');
  response.on('data', (text: string) => {
    if (body.length < MAX_REFUSAL_BYTES) body += text;
  });
  response.on('close', () => done(`it answered ${response.statusCode}: ${messageOf(body.slice(0, MAX_REFUSAL_BYTES))}`));
}

function messageOf(body: string): string {
  try {
    const answer: unknown = JSON.parse(body);
    if (typeof answer === 'object' && answer !== null && 'message' in answer && typeof answer.message === 'string') return answer.message;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return body.trim() || 'no reason given';
}
