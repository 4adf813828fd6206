import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ApiDeps } from './api-deps.ts';
import { checkApiVersion, FLOOR_API_VERSION, splitApiVersion } from './api-version.ts';
import { answerClientError, buildServer } from './build-server.ts';
import { buildEngineClient } from './engine-client.ts';
import { buildErrorHandler } from './error-reply.ts';
import { EventRing } from './events/event-ring.ts';
import { buildGuestCalls } from './guests/guest-calls.ts';
import { loadFastify } from './load-fastify.ts';
import { PageNotFound } from './not-found-page.ts';
import { isOwnPath } from './own-paths.ts';
import { buildForward } from './proxy/forward.ts';
import { buildRemoteContainers } from './remote/remote-containers.ts';
import { serveCall } from './remote/serve-call.ts';
import { sendEmpty, sendJSON } from './reply.ts';
import type { RouteDeps } from './route-deps.ts';
import { addClientRoutes } from './routes/clients.ts';
import { addContainerRoutes } from './routes/containers.ts';
import { addEventRoute } from './routes/events.ts';
import { addExplainRoutes } from './routes/explain.ts';
import { addLogRoutes } from './routes/logs.ts';
import { addNetworkRoutes } from './routes/networks.ts';
import { addNodeRoutes } from './routes/nodes.ts';
import { addConfigRoutes, addSecretRoutes } from './routes/payloads.ts';
import { addRebalanceRoute } from './routes/rebalance.ts';
import { addServiceRoutes } from './routes/services.ts';
import { addStackRoutes } from './routes/stacks.ts';
import { addSwarmRoutes } from './routes/swarm.ts';
import { addSystemRoutes } from './routes/system.ts';
import { addTaskRoutes } from './routes/tasks.ts';
import { addVolumeRoutes } from './routes/volumes.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** By whose rules a request is answered: the version in its path, else the highest one. */
    apiVersion: string;
  }
}

export type { ApiDeps, EngineAddress } from './api-deps.ts';

/**
 * The Engine API of one daemon: the swarm routes are answered from the cluster's store, everything else is passed on
 * to the local engine. Built apart from listening: see `listenApi`.
 */
export async function buildApi(deps: ApiDeps): Promise<FastifyInstance> {
  const Fastify = await loadFastify();
  const engineClient = buildEngineClient(deps);
  const remote = buildRemoteContainers({ node: deps.node, engineClient });
  const routeDeps: RouteDeps = { ...deps, engineClient, forward: buildForward(deps.engine) };
  const guestCalls = buildGuestCalls(routeDeps);
  const events = new EventRing(deps.clock);
  const app = Fastify({
    serverFactory: (handler) => buildServer(handler, { ...deps, remote }),
    clientErrorHandler: answerClientError,
    rewriteUrl: (request) => splitApiVersion(request.url ?? '/').rest,
    // Streams that clients follow would keep a stopping daemon waiting.
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    // What is too long to be anyone's name is not found, as any other.
    routerOptions: { maxParamLength: Number.MAX_SAFE_INTEGER },
    frameworkErrors: (_error, request, reply) => refuseUrl(request, reply),
    logger: false,
    // Our schemas are our own: without these two, fastify loads Ajv and a compiler of serializers.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
  });
  // Bodies are read by the routes themselves: the Engine API has its own rules for them, and the proxy streams them.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setErrorHandler(buildErrorHandler(deps.logger));
  app.decorateRequest('apiVersion', FLOOR_API_VERSION);
  app.addHook('onRequest', async (request, reply) => {
    // The manager comes and goes with the node's role; whoever asks for events has asked for something before.
    events.attach(deps.node.manager()?.store);
    const versions = await routeDeps.engineClient.versions();
    void reply.headers({ 'api-version': versions.maximum, ostype: 'linux', server: `Docker/${deps.version} (linux)` });
    const { version } = splitApiVersion(request.originalUrl);
    request.apiVersion = version ?? versions.maximum;
    if (version !== undefined) checkApiVersion(version, versions.minimum, versions.maximum);
  });
  for (const addRoutes of [
    addSystemRoutes,
    addSwarmRoutes,
    addContainerRoutes,
    addNetworkRoutes,
    addNodeRoutes,
    addServiceRoutes,
    addTaskRoutes,
    addVolumeRoutes,
    addSecretRoutes,
    addConfigRoutes,
    addLogRoutes,
    addStackRoutes,
    addExplainRoutes,
    addRebalanceRoute,
    addClientRoutes,
  ]) {
    addRoutes(app, routeDeps);
  }
  addEventRoute(app, routeDeps, events);
  app.addHook('onClose', async () => events.attach(undefined));
  app.setNotFoundHandler(async (request, reply) => {
    if (isOwnPath(request.originalUrl)) {
      // Asked by browsers before the request itself; dockerd says yes to every path.
      if (request.method === 'OPTIONS') return sendEmpty(reply);
      throw new PageNotFound();
    }
    if (await guestCalls.answer(request, reply)) return reply;
    const call = await remote.find(request.method, request.originalUrl);
    if (call === undefined) await routeDeps.forward(request, reply);
    else await serveCall(request, reply, call);
  });
  return app;
}

/** What follows a percent sign is no byte, or the bytes are no text. */
function refuseUrl(request: FastifyRequest, reply: FastifyReply): void {
  const path = request.originalUrl.split('?', 1)[0];
  const message = `the path ${path} cannot be read: it is not valid percent-encoded UTF-8; send "%" as "%25"`;
  void sendJSON(reply, { message }, 400);
}

function noSchemas(): never {
  throw new Error('a route has a schema for fastify; decode its body with readJSON instead');
}
