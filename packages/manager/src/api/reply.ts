import type { FastifyReply } from 'fastify';

/**
 * Replies as the Go clients want them: exactly `application/json` (they compare the header as text), one value and a
 * newline. Buffers, because fastify adds a charset to strings.
 */
export function sendJSON(reply: FastifyReply, value: unknown, status = 200): FastifyReply {
  return sendJSONText(reply, JSON.stringify(value), status);
}

export function sendJSONText(reply: FastifyReply, json: string, status = 200): FastifyReply {
  return reply
    .code(status)
    .header('content-type', 'application/json')
    .send(Buffer.from(`${json}\n`));
}

/** 200 or 204 without a body and without a content type. */
export function sendEmpty(reply: FastifyReply, status: 200 | 204 = 200): FastifyReply {
  return reply.code(status).send();
}
