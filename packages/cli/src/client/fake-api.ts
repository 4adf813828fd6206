import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';

/** A daemon's API on a socket, for tests: it answers what it is told to, and throws on what it does not know. */
export interface FakeRequest {
  readonly method: string;
  /** Without the version prefix. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The `filters` parameter, both of its spellings. */
  readonly filters: { readonly [key: string]: readonly string[] };
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

export type FakeAnswer =
  | { readonly status: number; readonly body?: unknown }
  | { readonly stream: (response: ServerResponse) => void }
  /** To a request that asks for an upgrade: the connection as it is from then on. */
  | { readonly raw: (connection: Duplex) => void };

export interface FakeApi {
  readonly host: string;
  readonly requests: readonly FakeRequest[];
  close(): Promise<void>;
}

export async function startFakeApi(answer: (request: FakeRequest) => FakeAnswer | undefined, apiVersion = '1.41'): Promise<FakeApi> {
  const folder = await mkdtemp(join(tmpdir(), 'swarm-cli-test-'));
  const socketPath = join(folder, 'api.sock');
  const requests: FakeRequest[] = [];
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      response.setHeader('Api-Version', apiVersion);
      const request = read(incoming, Buffer.concat(chunks).toString('utf8'));
      if (request.path === '/_ping') {
        response.end();
        return;
      }
      requests.push(request);
      const reply = answer(request) ?? { status: 404, body: { message: `the fake has no ${request.method} ${request.path}` } };
      if ('raw' in reply) throw new Error(`${request.method} ${request.path} asks for no upgrade`);
      if ('stream' in reply) {
        reply.stream(response);
        return;
      }
      response.writeHead(reply.status, { 'Content-Type': 'application/json' });
      response.end(reply.body === undefined ? undefined : JSON.stringify(reply.body));
    });
  });
  const raw = new Set<Duplex>();
  server.on('upgrade', (incoming, connection: Duplex) => {
    raw.add(connection);
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const request = read(incoming, Buffer.concat(chunks).toString('utf8'));
      requests.push(request);
      const reply = answer(request);
      if (reply === undefined || !('raw' in reply)) throw new Error(`the fake has no raw ${request.method} ${request.path}`);
      connection.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
      reply.raw(connection);
    });
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    host: `unix://${socketPath}`,
    requests,
    async close() {
      server.closeAllConnections();
      for (const connection of raw) connection.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function read(incoming: IncomingMessage, text: string): FakeRequest {
  const url = new URL(incoming.url ?? '/', 'http://fake');
  const filters: { [key: string]: string[] | { [value: string]: boolean } } = JSON.parse(url.searchParams.get('filters') ?? '{}');
  return {
    method: incoming.method ?? '',
    path: url.pathname.replace(/^\/v[0-9.]+/, ''),
    query: url.searchParams,
    filters: Object.fromEntries(
      Object.entries(filters).map(([key, values]) => [key, Array.isArray(values) ? values : Object.keys(values)]),
    ),
    headers: incoming.headers,
    body: text === '' ? undefined : JSON.parse(text),
  };
}
