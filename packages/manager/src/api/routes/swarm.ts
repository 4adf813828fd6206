import type { Cluster } from '@swarm/shared/domain/objects';
import { InitRequestSchema, JoinRequestSchema, SwarmSpecSchema } from '@swarm/shared/engine-api/cluster-spec';
import { optional } from '@swarm/shared/engine-api/schema';
import { ApiError } from '@swarm/shared/errors/api-error';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { ReadTransaction } from '../../store/store.ts';
import { admitSwarmUpdate, checkInitRequest, checkJoinRequest } from '../admission/check-swarm.ts';
import { explainLeave } from '../explain-leave.ts';
import { NO_LEADER_MESSAGE, requireManager } from '../local-state.ts';
import { presentCluster } from '../present/cluster.ts';
import { looseBoolean, queryOf, strictBoolean, versionParameter } from '../query.ts';
import { sendEmpty, sendJSON } from '../reply.ts';
import { readJSON } from '../request-body.ts';
import type { RouteDeps } from '../route-deps.ts';
import { requireVersion } from '../store-access.ts';

const UnlockRequestSchema = Type.Object({ UnlockKey: optional(Type.String()) });

const MEMBER_MESSAGE = 'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.';

export function addSwarmRoutes(app: FastifyInstance, deps: RouteDeps): void {
  const { node } = deps;

  app.get('/swarm', (_request, reply) => {
    const { store } = requireManager(node);
    return sendJSON(reply, presentCluster(store.view(requireCluster), { joinTokens: true }));
  });

  app.post('/swarm/init', async (request, reply) => {
    const body = await readJSON(request, InitRequestSchema, 'InitRequest');
    if (body.ForceNewCluster !== true) requireInactive();
    checkInitRequest(body);
    const { nodeID } = await node.init(body);
    return sendJSON(reply, nodeID);
  });

  app.post('/swarm/join', async (request, reply) => {
    const body = await readJSON(request, JoinRequestSchema, 'JoinRequest');
    requireInactive();
    checkJoinRequest(body);
    await node.join(body);
    return sendEmpty(reply);
  });

  app.post('/swarm/leave', async (request, reply) => {
    const force = looseBoolean(queryOf(request), 'force');
    if (node.local().state === 'inactive') throw new ApiError('unavailable', 'This node is not part of a swarm');
    const manager = node.manager();
    if (manager !== undefined && !force) {
      const managers = manager.store.view((tx) => tx.nodes.all().filter((member) => member.ManagerStatus !== undefined).length);
      throw new ApiError('unavailable', explainLeave(managers));
    }
    await node.leave(force);
    return sendEmpty(reply);
  });

  app.post('/swarm/update', async (request, reply) => {
    const { store, certificates } = requireManager(node);
    const query = queryOf(request);
    const version = versionParameter(query, 'swarm');
    const rotate = {
      worker: strictBoolean(query, 'rotateWorkerToken'),
      manager: strictBoolean(query, 'rotateManagerToken'),
    };
    // Without autolock there is no key to rotate; the word is still checked, as clients always send it.
    strictBoolean(query, 'rotateManagerUnlockKey');
    const input = await readJSON(request, SwarmSpecSchema, 'Spec');
    await store.update((tx) => {
      const cluster = requireCluster(tx);
      requireVersion(cluster, version);
      const Spec = admitSwarmUpdate(cluster, input);
      tx.clusters.update({
        ...cluster,
        Spec,
        JoinTokens: {
          Worker: rotate.worker ? certificates.newJoinToken(cluster) : cluster.JoinTokens.Worker,
          Manager: rotate.manager ? certificates.newJoinToken(cluster) : cluster.JoinTokens.Manager,
        },
      });
    });
    return sendEmpty(reply);
  });

  app.get('/swarm/unlockkey', (_request, reply) => {
    const { store } = requireManager(node);
    return sendJSON(reply, { UnlockKey: store.view(requireCluster).unlockKey ?? '' });
  });

  app.post('/swarm/unlock', async (request) => {
    await readJSON(request, UnlockRequestSchema, 'UnlockRequest');
    // Autolock is refused where it would be turned on, so no manager is ever locked.
    throw new ApiError('already-exists', 'swarm is not locked');
  });

  function requireInactive(): void {
    if (node.local().state !== 'inactive') throw new ApiError('unavailable', MEMBER_MESSAGE);
  }
}

function requireCluster(tx: ReadTransaction): Cluster {
  const cluster = tx.clusters.all()[0];
  if (cluster === undefined) throw new ApiError('unavailable', NO_LEADER_MESSAGE);
  return cluster;
}
