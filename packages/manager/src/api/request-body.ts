import type { IncomingMessage } from 'node:http';
import { decodeJSON } from '@swarm/shared/engine-api/decode';
import { type ApiError, badRequest } from '@swarm/shared/errors/api-error';
import type { Static, TSchema } from '@swarm/shared/schema/type';
import type { FastifyRequest } from 'fastify';

/** A config of the largest size is 1.4 MB as base64; a stack holds several. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

/**
 * Reads and decodes a JSON body. An empty body is an empty value.
 * @throws ApiError 400 for a wrong content type, a body that is too large or cut short, and what the decoder refuses.
 */
export async function readJSON<S extends TSchema>(request: FastifyRequest, schema: S, name: string): Promise<Static<S>> {
  const contentType = request.headers['content-type'];
  const body = await readBody(request.raw);
  if (body.length === 0) return decodeJSON(schema, 'null', name);
  if (contentType !== undefined && !isJSON(contentType)) {
    throw badRequest(`unsupported Content-Type header (${contentType}): must be 'application/json'`);
  }
  return decodeJSON(schema, decodeText(body), name);
}

function isJSON(contentType: string): boolean {
  return contentType.split(';')[0]?.trim().toLowerCase() === 'application/json';
}

function decodeText(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw badRequest('invalid JSON: the body is not valid UTF-8');
  }
}

/** @throws ApiError 400 for a body that is too large or cut short. */
export function readBody(stream: IncomingMessage, limit = MAX_BODY_BYTES): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (stream.destroyed) {
      // The client went while its request waited: nothing will ever be heard of the body.
      reject(cutShort());
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else {
        // What follows is read and thrown away, so that the client gets to see the answer.
        chunks.length = 0;
        reject(badRequest(`the request's body is larger than ${limit} bytes; split what it holds`));
      }
    });
    stream.on('end', () => resolve(Buffer.concat(chunks)));
    stream.on('error', () => reject(cutShort()));
    stream.on('close', () => {
      if (!stream.complete) reject(cutShort());
    });
  });
}

function cutShort(): ApiError {
  return badRequest("the request's body ended too early: the client went away or its encoding is broken");
}
