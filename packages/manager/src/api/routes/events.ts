import type { IncomingMessage } from 'node:http';
import { ApiError, badRequest } from '@swarm/shared/errors/api-error';
import type { FastifyInstance } from 'fastify';
import { onClientGone } from '../client-gone.ts';
import type { EventRing } from '../events/event-ring.ts';
import { passesEvent, type SwarmEvent } from '../events/swarm-event.ts';
import { parseFilters } from '../filters.ts';
import { ClientGone, openLogSink } from '../logs/log-sink.ts';
import { type Query, queryOf } from '../query.ts';
import type { RouteDeps } from '../route-deps.ts';

/** Events that wait for a slow client; one that falls further behind is let go. */
const MAX_WAITING = 1024;

/** The local engine's events and the cluster's in one stream. Without an engine, or off a manager, the other alone. */
export function addEventRoute(app: FastifyInstance, deps: RouteDeps, ring: EventRing): void {
  app.get('/events', async (request, reply) => {
    if (deps.node.manager() === undefined) return deps.forward(request, reply);
    const query = queryOf(request);
    // Unlike lists, dockerd's events pass over keys that nobody knows.
    const filters = parseFilters(query);
    const since = timeParameter(query, 'since');
    const until = timeParameter(query, 'until');
    const gone = new AbortController();
    onClientGone(reply.raw, () => gone.abort(new ClientGone()));
    const engine = await deps.engineClient.open(request.originalUrl, gone.signal).catch(unlessUnavailable);
    // What the engine does not understand is the engine's to explain.
    if (engine !== undefined && engine.statusCode !== 200) {
      engine.destroy();
      return deps.forward(request, reply);
    }
    reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value);
    reply.raw.writeHead(200, { 'content-type': 'application/json' });
    reply.raw.flushHeaders();
    const sink = openLogSink(reply.raw);
    let waiting = 0;
    let turn: Promise<void> = Promise.resolve();
    // One line at a time, in the order they came, whichever side they came from.
    const write = (line: Buffer): Promise<void> => {
      turn = turn.then(() => sink.write(line));
      return turn;
    };
    const show = (event: SwarmEvent) => {
      if (!passesEvent(filters, event) || (until !== undefined && event.timeNano > until * 1_000_000)) return;
      waiting += 1;
      if (waiting > MAX_WAITING) reply.raw.destroy();
      write(Buffer.from(`${JSON.stringify(event)}\n`)).then(
        () => {
          waiting -= 1;
        },
        () => reply.raw.destroy(),
      );
    };
    // An end alone asks for all that is kept until then, as with dockerd.
    for (const event of since === undefined && until === undefined ? [] : ring.since(since ?? 0)) show(event);
    const stop = ring.listen(show);
    try {
      if (engine !== undefined) await copyLines(engine, write);
      else await untilThen(deps, until, sink.signal);
      await turn;
    } catch (error) {
      // Either end went away; there is nobody left to tell.
      if (!sink.signal.aborted) deps.logger.warn({ error: String(error) }, 'an event stream was cut short');
    } finally {
      stop();
      sink.end();
    }
  });
}

/** Whole lines only: the other source writes between them. */
async function copyLines(source: IncomingMessage, write: (line: Buffer) => Promise<void>): Promise<void> {
  let rest = Buffer.alloc(0);
  for await (const chunk of source) {
    const bytes = Buffer.concat([rest, chunk as Buffer]);
    const end = bytes.lastIndexOf(10) + 1;
    if (end > 0) await write(bytes.subarray(0, end));
    rest = bytes.subarray(end);
  }
  if (rest.length > 0) await write(Buffer.concat([rest, Buffer.of(10)]));
}

function untilThen(deps: RouteDeps, until: number | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = until === undefined ? () => undefined : deps.clock.setTimer(until - deps.clock.now(), resolve);
    const stop = () => {
      cancel();
      resolve();
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
}

/** Milliseconds. @throws ApiError 400 */
function timeParameter(query: Query, name: 'since' | 'until'): number | undefined {
  const text = query.get(name) ?? '';
  if (text === '') return undefined;
  const epochMs = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(epochMs))
    throw badRequest(`invalid value for "${name}": ${JSON.stringify(text)} is neither seconds since 1970 nor a date`);
  return epochMs;
}

function unlessUnavailable(error: unknown): undefined {
  if (error instanceof ApiError && error.errorClass === 'unavailable') return undefined;
  throw error;
}
