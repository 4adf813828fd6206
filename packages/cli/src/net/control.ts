import net, { type Server, type Socket } from 'node:net';
import type { NetStatus } from '@swarm/worker/network/net-process';

/** What the daemon asks of `swarm net`, over a socket that only their user reaches: one line of JSON each way. */
export type NetRequest =
  | { readonly ask: 'status' }
  /** Read the tables anew; answered once they are served. */
  | { readonly ask: 'apply' }
  /** Start this program in your place, hand your sockets over, and end; answered once it serves. */
  | { readonly ask: 'replace'; readonly launcher: string }
  /** The node has left: end. */
  | { readonly ask: 'end' };

export type NetReply = { readonly ok: true; readonly status: NetStatus } | { readonly ok: false; readonly reason: string };

const MAX_LINE = 64 * 1024 * 1024;
const MAX_REQUEST = 64 * 1024;
const ASKS: ReadonlySet<string> = new Set(['status', 'apply', 'replace', 'end']);

/** Undefined where nothing listens. @throws Error when something does, and does not answer as it should. */
export function askNet(path: string, request: NetRequest, timeoutMs: number): Promise<NetReply | undefined> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path });
    let text = '';
    let connected = false;
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`it did not answer within ${timeoutMs} ms`)));
    socket.on('connect', () => {
      connected = true;
      socket.write(`${JSON.stringify(request)}\n`);
    });
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_LINE) socket.destroy(new Error('its answer is too long'));
      if (!text.endsWith('\n')) return;
      socket.destroy();
      try {
        resolve(JSON.parse(text) as NetReply);
      } catch {
        reject(new Error('its answer is no JSON'));
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(error);
    });
    socket.on('close', () => (connected ? reject(new Error('it ended without an answer')) : resolve(undefined)));
  });
}

/** Answers requests on a server that listens, one after the other on each connection. */
export function serveControl(server: Server, answer: (request: NetRequest) => Promise<NetReply>): void {
  server.on('connection', (socket: Socket) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_REQUEST) socket.destroy();
      const end = text.indexOf('\n');
      if (end === -1) return;
      const request = parseRequest(text.slice(0, end));
      text = '';
      const reply: Promise<NetReply> =
        request === undefined ? Promise.resolve({ ok: false, reason: 'this request is not known' }) : answer(request);
      void reply.then((value) => {
        if (!socket.destroyed) socket.end(`${JSON.stringify(value)}\n`);
      });
    });
  });
}

function parseRequest(line: string): NetRequest | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || !('ask' in value) || !ASKS.has(String(value.ask))) return undefined;
    if (value.ask === 'replace') {
      return 'launcher' in value && typeof value.launcher === 'string' ? { ask: 'replace', launcher: value.launcher } : undefined;
    }
    return { ask: value.ask as 'status' | 'apply' | 'end' };
  } catch {
    return undefined;
  }
}
