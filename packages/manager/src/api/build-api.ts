import http from 'node:http';
import Fastify, { type FastifyInstance } from 'fastify';
import type { ApiDeps } from './api-deps.ts';
import { checkApiVersion, splitApiVersion } from './api-version.ts';
import { buildEngineClient, type EngineClient } from './engine-client.ts';
import { buildErrorHandler } from './error-reply.ts';

export type { ApiDeps, EngineAddress } from './api-deps.ts';

/** What every route gets. */
export interface RouteDeps extends ApiDeps {
  readonly engineClient: EngineClient;
}

/**
 * The Engine API of one daemon: the swarm routes are answered from the cluster's store, everything else is passed on
 * to the local engine. Built apart from listening: see `listenApi`.
 */
export function buildApi(deps: ApiDeps): FastifyInstance {
  const engineClient = buildEngineClient(deps);
  const app = Fastify({
    serverFactory: (handler) => http.createServer(handler),
    rewriteUrl: (request) => splitApiVersion(request.url ?? '/').rest,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 1024 },
    logger: false,
  });
  // Bodies are read by the routes themselves: the Engine API has its own rules for them, and the proxy streams them.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setErrorHandler(buildErrorHandler(deps.logger));
  app.addHook('onRequest', async (request, reply) => {
    const versions = await engineClient.versions();
    void reply.headers({ 'api-version': versions.maximum, ostype: 'linux', server: `Docker/${deps.version} (linux)` });
    const { version } = splitApiVersion(request.originalUrl);
    if (version !== undefined) checkApiVersion(version, versions.minimum, versions.maximum);
  });
  return app;
}
