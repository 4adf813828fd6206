import type { IncomingMessage } from 'node:http';
import type { ControlRefusal } from '@swarm/shared/protocol/control-refusal';

export type JsonBody =
  | { readonly kind: 'read'; readonly value: unknown }
  | { readonly kind: 'refused'; readonly refusal: ControlRefusal }
  | { readonly kind: 'aborted' };

/** Reads a request's body, never more than `maxBytes` of it. */
export async function readJsonBody(request: IncomingMessage, maxBytes: number): Promise<JsonBody> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    // The stream must survive an early end of this loop: the reply goes over its socket.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) {
        return {
          kind: 'refused',
          refusal: { code: 'too-large', message: `a join request has at most ${maxBytes} bytes; use fewer labels` },
        };
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (request.errored !== null) return { kind: 'aborted' };
    throw error;
  }
  try {
    return { kind: 'read', value: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch {
    return { kind: 'refused', refusal: { code: 'malformed', message: 'the join request is not JSON' } };
  }
}
