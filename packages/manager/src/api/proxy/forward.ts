import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import { http } from '@swarm/shared/runtime/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EngineAddress } from '../api-deps.ts';
import { engineUnavailable } from '../engine-client.ts';
import { filterHeaders, headerObject, isHopByHop } from './headers.ts';

/** Our own, which the engine's would contradict. */
const OURS = new Set(['api-version', 'server', 'ostype']);

export interface ForwardOptions {
  /** The body, where a route has read it already. */
  readonly body?: Buffer;
}

/**
 * Passes a request on to the engine as it came, and the answer back as it comes: both are streamed, headers go out at
 * once (events, logs and stats may be silent for long), and whichever end goes away takes the other with it.
 * Rejects with ApiError 503 when the engine does not answer.
 */
export type Forward = (request: FastifyRequest, reply: FastifyReply, options?: ForwardOptions) => Promise<void>;

export function buildForward(engine: EngineAddress): Forward {
  // Asks the engine to keep the connection, and closes it ourselves. An engine that closes may do so before Node has
  // made its last, empty write of the request's body; that write then fails, and with it goes an answer that had come.
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 0 });
  return (request, reply, options = {}) =>
    new Promise((resolve, reject) => {
      if (reply.raw.destroyed) {
        // The client went while it was looked for whose request this is: the engine's stream would have nobody to end it.
        reply.hijack();
        resolve();
        return;
      }
      const headers = headerObject(filterHeaders(request.raw.rawHeaders, (name) => !isHopByHop(name)));
      const upstream = http.request({ ...engine, method: request.method, path: request.originalUrl, headers, agent }, (response) => {
        reply.hijack();
        const passed = filterHeaders(response.rawHeaders, (name) => !isHopByHop(name) && !OURS.has(name));
        reply.raw.writeHead(response.statusCode ?? 502, response.statusMessage, [...ownHeaders(reply), ...passed]);
        reply.raw.flushHeaders();
        // A failure in the middle shows as a connection cut short: nothing truer can be said once headers are out.
        pipeline(response, reply.raw, () => resolve());
      });
      upstream.on('error', (error) => reject(engineUnavailable(error)));
      reply.raw.on('close', () => upstream.destroy());
      if (options.body !== undefined) upstream.end(options.body);
      else if (hasBody(request.raw)) request.raw.pipe(upstream);
      else upstream.end();
    });
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

function ownHeaders(reply: FastifyReply): string[] {
  return Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
}
