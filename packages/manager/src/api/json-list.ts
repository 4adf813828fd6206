import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';

/** Items per piece of a streamed list: a piece takes a millisecond or two to build. */
const ITEMS_PER_PIECE = 128;

/**
 * Sends a list as JSON. A long one is built and sent piece by piece, at the pace of the client, and between two pieces
 * whoever else waits has a turn: neither memory nor the event loop sees the whole. `present` gives an item's JSON text, or undefined for one that is gone by then.
 */
export function sendList<T>(reply: FastifyReply, items: readonly T[], present: (item: T) => string | undefined): FastifyReply {
  void reply.code(200).header('content-type', 'application/json');
  if (items.length <= ITEMS_PER_PIECE) return reply.send(Buffer.from(`[${presentAll(items, present)}]\n`));
  return reply.send(Readable.from(pieces(items, present), { objectMode: false }));
}

async function* pieces<T>(items: readonly T[], present: (item: T) => string | undefined): AsyncGenerator<Buffer> {
  let before = '[';
  for (let at = 0; at < items.length; at += ITEMS_PER_PIECE) {
    const text = presentAll(items.slice(at, at + ITEMS_PER_PIECE), present);
    if (text === '') continue;
    yield Buffer.from(before + text);
    before = ',';
    // A client that reads as fast as it is written to would otherwise be served to the end at once.
    await nextTurn();
  }
  yield Buffer.from(before === '[' ? '[]\n' : ']\n');
}

function presentAll<T>(items: readonly T[], present: (item: T) => string | undefined): string {
  return items
    .map(present)
    .filter((text) => text !== undefined)
    .join(',');
}
