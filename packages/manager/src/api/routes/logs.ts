import type { Task } from '@swarm/shared/domain/objects';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ReadTransaction } from '../../store/store.ts';
import { compareApiVersions } from '../api-version.ts';
import { requireManager } from '../local-state.ts';
import { ERROR_FRAME, frameHeader } from '../logs/log-lines.ts';
import { checkLogStreams, parseLogQuery } from '../logs/log-query.ts';
import { openLogSink } from '../logs/log-sink.ts';
import { streamLogs } from '../logs/stream-logs.ts';
import { findService, findTask } from '../lookup.ts';
import { pathID, queryOf } from '../query.ts';
import type { RouteDeps } from '../route-deps.ts';

/** From this version on the reply says how the stream is framed. */
const FIRST_VERSION_WITH_TYPE = '1.42';

export function addLogRoutes(app: FastifyInstance, deps: RouteDeps): void {
  app.get('/services/:id/logs', async (request, reply) => {
    const { store } = requireManager(deps.node);
    checkLogStreams(queryOf(request));
    const service = store.view((tx) => findService(tx, pathID(request)));
    const tty = service.Spec.TaskTemplate.ContainerSpec?.TTY === true;
    await serve(request, reply, {
      tty,
      open: true,
      tasks: (tx) => tx.tasks.by('service', service.ID),
      has: ({ ServiceID }) => ServiceID === service.ID,
    });
  });

  app.get('/tasks/:id/logs', async (request, reply) => {
    const { store } = requireManager(deps.node);
    checkLogStreams(queryOf(request));
    const { task, tty } = store.view((tx) => {
      const found = findTask(tx, pathID(request));
      return { task: found, tty: tx.templates.get(found.templateID)?.spec.ContainerSpec?.TTY === true };
    });
    const current = (tx: ReadTransaction) => [tx.tasks.get(task.ID)].filter((now) => now !== undefined);
    await serve(request, reply, { tty, open: false, tasks: current, has: ({ ID }) => ID === task.ID });
  });

  interface Source {
    readonly tty: boolean;
    readonly open: boolean;
    readonly tasks: (tx: ReadTransaction) => readonly Task[];
    readonly has: (task: Task) => boolean;
  }

  async function serve(request: FastifyRequest, reply: FastifyReply, source: Source): Promise<void> {
    const { store, logs } = requireManager(deps.node);
    const query = parseLogQuery(queryOf(request));
    const typed = compareApiVersions(request.apiVersion, FIRST_VERSION_WITH_TYPE) >= 0;
    reply.hijack();
    const headers = reply.getHeaders();
    if (typed) headers['content-type'] = `application/vnd.docker.${source.tty ? 'raw' : 'multiplexed'}-stream`;
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) reply.raw.setHeader(name, value);
    reply.raw.writeHead(200);
    // At once: a client that follows a silent service waits for the headers.
    reply.raw.flushHeaders();
    const sink = openLogSink(reply.raw);
    try {
      await streamLogs({ store, logs, clock: deps.clock }, { ...source, query, sink });
    } catch (error) {
      // The status is out: what went wrong can only be said in the stream, where clients look for it.
      const message = error instanceof Error ? error.message : String(error);
      deps.logger.error({ url: request.originalUrl, error: message }, 'a log stream failed');
      const text = Buffer.from(`Error grabbing logs: ${message}\n`);
      reply.raw.write(source.tty ? text : Buffer.concat([frameHeader(ERROR_FRAME, text.length), text]));
    }
    sink.end();
  }
}
