import { hostname } from 'node:os';
import { ApiError } from '@swarm/shared/errors/api-error';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { presentCluster } from '../present/cluster.ts';
import { sendJSON } from '../reply.ts';
import type { RouteDeps } from '../route-deps.ts';

/** `/_ping`, `/version` and `/info`: what clients ask before anything else. Answered even while the engine is down. */
export function addSystemRoutes(app: FastifyInstance, deps: RouteDeps): void {
  const ping = (body: string) => async (_request: unknown, reply: FastifyReply) => {
    const builder = await deps.engineClient.builder();
    return reply
      .headers({
        'cache-control': 'no-cache, no-store, must-revalidate',
        pragma: 'no-cache',
        'content-type': 'text/plain; charset=utf-8',
        ...(builder !== undefined && { 'builder-version': builder }),
        swarm: swarmHeader(deps),
      })
      .send(Buffer.from(body));
  };
  app.get('/_ping', ping('OK'));
  app.head('/_ping', ping(''));

  app.get('/version', async (_request, reply) => {
    const engine = await deps.engineClient.getJSON('/version').catch(unlessUnavailable);
    const versions = await deps.engineClient.versions();
    const components = Array.isArray(engine?.Components) ? engine.Components : [];
    return sendJSON(reply, {
      Version: deps.version,
      Os: 'linux',
      ...engine,
      ApiVersion: versions.maximum,
      MinAPIVersion: versions.minimum,
      Components: [...components, { Name: 'swarm', Version: deps.version, Details: { ApiVersion: versions.maximum } }],
    });
  });

  app.get('/info', async (_request, reply) => {
    let down: string | undefined;
    const engine = await deps.engineClient.getJSON('/info').catch((error: unknown) => {
      const fallback = unlessUnavailable(error);
      down = error instanceof Error ? error.message : String(error);
      return fallback;
    });
    const engineWarnings = Array.isArray(engine?.Warnings) ? engine.Warnings : [];
    const warnings = down === undefined ? engineWarnings : [...engineWarnings, `WARNING: ${down}`];
    return sendJSON(reply, {
      Name: hostname(),
      OSType: 'linux',
      ...engine,
      Swarm: swarmInfo(deps),
      Warnings: warnings.length === 0 ? null : warnings,
    });
  });
}

/** The engine being down is no reason not to answer for the cluster. */
function unlessUnavailable(error: unknown): undefined {
  if (error instanceof ApiError && error.errorClass === 'unavailable') return undefined;
  throw error;
}

/** Clients hide commands by it that this node cannot serve. */
function swarmHeader({ node }: RouteDeps): string {
  const { state, isManager } = node.local();
  return state === 'active' ? `active/${isManager ? 'manager' : 'worker'}` : state;
}

function swarmInfo({ node }: RouteDeps): object {
  const local = node.local();
  const manager = node.manager();
  const info = {
    NodeID: local.nodeID,
    NodeAddr: local.nodeAddr,
    LocalNodeState: local.state,
    ControlAvailable: manager !== undefined,
    Error: local.error,
    RemoteManagers: local.remoteManagers.length === 0 ? null : local.remoteManagers,
  };
  if (manager === undefined) return info;
  return manager.store.view((tx) => {
    const cluster = tx.clusters.all()[0];
    const managers = tx.nodes.all().filter((node) => node.ManagerStatus !== undefined).length;
    return {
      ...info,
      Nodes: tx.nodes.size,
      Managers: managers,
      ...(cluster && { Cluster: presentCluster(cluster, { joinTokens: false }) }),
    };
  });
}
