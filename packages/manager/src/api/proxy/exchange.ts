import { http } from '@swarm/shared/runtime/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EngineAddress } from '../api-deps.ts';
import { engineUnavailable } from '../engine-client.ts';
import { filterHeaders, headerObject, isHopByHop } from './headers.ts';

/** An engine's whole answer. */
export interface EngineAnswer {
  readonly status: number;
  readonly statusMessage: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** What goes to the engine in place of a request that a client has made. */
export interface EngineCall {
  readonly method: string;
  readonly path: string;
  readonly body?: Buffer;
  /** The client's, flat: name after name and value. */
  readonly rawHeaders?: readonly string[];
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const OURS = new Set(['api-version', 'server', 'ostype', 'content-length']);

/**
 * One call on the engine with an answer that is read to its end before anyone sees it: for calls whose outcome we have
 * to know. It is not cut short when the client goes away, since the engine does not take back what it has begun either.
 * @throws ApiError 503 when the engine does not answer.
 */
export function exchange(engine: EngineAddress, { method, path, body, rawHeaders = [] }: EngineCall): Promise<EngineAnswer> {
  return new Promise((resolve, reject) => {
    const passed = headerObject(filterHeaders(rawHeaders, (name) => !isHopByHop(name) && name !== 'content-length'));
    const type = body === undefined || passed['content-type'] !== undefined ? {} : { 'content-type': 'application/json' };
    const headers = { host: 'docker', ...passed, ...type, 'content-length': body?.length ?? 0 };
    const request = http.request({ ...engine, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) request.destroy(new Error(`its answer to ${path} is larger than ${MAX_ANSWER_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', (error) => reject(engineUnavailable(error)));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 502,
          statusMessage: response.statusMessage ?? '',
          rawHeaders: response.rawHeaders,
          body: Buffer.concat(chunks),
        }),
      );
    });
    request.on('error', (error) => reject(engineUnavailable(error)));
    request.end(body);
  });
}

/** Gives an engine's answer to the client as it came. */
export function passBack(reply: FastifyReply, answer: EngineAnswer): void {
  const headers = headerObject(filterHeaders(answer.rawHeaders, (name) => !isHopByHop(name) && !OURS.has(name)));
  void reply.code(answer.status).headers(headers);
  void reply.send(answer.body.length === 0 ? undefined : answer.body);
}

export function callOf(request: FastifyRequest, path: string, body?: Buffer): EngineCall {
  return { method: request.method, path, rawHeaders: request.raw.rawHeaders, ...(body !== undefined && { body }) };
}
