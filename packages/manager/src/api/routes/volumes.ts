import { ApiError } from '@swarm/shared/errors/api-error';
import type { FastifyInstance } from 'fastify';
import { compareApiVersions } from '../api-version.ts';
import { readBody } from '../request-body.ts';
import type { RouteDeps } from '../route-deps.ts';

/** The version of the API that brought volumes of the whole cluster. */
const FIRST_VERSION_WITH_CLUSTER_VOLUMES = '1.42';

/**
 * Volumes are each host's own. Of volumes of the whole cluster (CSI) the engine would say that this is no swarm, which its
 * user knows better.
 */
export function addVolumeRoutes(app: FastifyInstance, deps: RouteDeps): void {
  const refuses = (apiVersion: string) =>
    deps.node.local().state !== 'inactive' && compareApiVersions(apiVersion, FIRST_VERSION_WITH_CLUSTER_VOLUMES) >= 0;

  app.post('/volumes/create', async (request, reply) => {
    if (!refuses(request.apiVersion)) return deps.forward(request, reply);
    const body = await readBody(request.raw);
    if (asksForClusterVolume(body.toString('utf8'))) throw noClusterVolumes();
    return deps.forward(request, reply, { body });
  });

  app.put('/volumes/:id', (request, reply) => {
    if (refuses(request.apiVersion)) throw noClusterVolumes();
    return deps.forward(request, reply);
  });
}

/** A body that cannot be read is the engine's to explain. */
function asksForClusterVolume(text: string): boolean {
  try {
    const body: unknown = JSON.parse(text);
    return Object.entries(Object(body)).some(([key, value]) => key.toLowerCase() === 'clustervolumespec' && value !== null);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function noClusterVolumes(): ApiError {
  return new ApiError(
    'unimplemented',
    'volumes of the whole cluster (CSI) are not available here: make one on each host, or name a volume driver that reaches every host (--driver) and let services make theirs (--mount volume-driver=…)',
  );
}
