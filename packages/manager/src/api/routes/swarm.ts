import type { Cluster } from '@swarm/shared/domain/objects';
import { InitRequestSchema, JoinRequestSchema, type SwarmSpec, SwarmSpecSchema } from '@swarm/shared/engine-api/cluster-spec';
import { optional } from '@swarm/shared/engine-api/schema';
import { ApiError } from '@swarm/shared/errors/api-error';
import { createUnlockKey } from '@swarm/shared/identity/unlock-key';
import { Type } from '@swarm/shared/schema/type';
import type { FastifyInstance } from 'fastify';
import type { ClusterCertificates } from '../../seams/cluster-certificates.ts';
import type { ReadTransaction } from '../../store/store.ts';
import { adjustInitForVersion } from '../admission/adjust-for-version.ts';
import { admitSwarmUpdate, checkInitRequest, checkJoinRequest, rootWanted } from '../admission/check-swarm.ts';
import { explainLeave } from '../explain-leave.ts';
import { explainNoManager, NO_LEADER_MESSAGE, requireManager } from '../local-state.ts';
import { presentCluster } from '../present/cluster.ts';
import { looseBoolean, queryOf, rotation, versionParameter } from '../query.ts';
import { sendEmpty, sendJSON } from '../reply.ts';
import { readJSON } from '../request-body.ts';
import type { RouteDeps } from '../route-deps.ts';
import { requireVersion } from '../store-access.ts';

const UnlockRequestSchema = Type.Object({ UnlockKey: optional(Type.String()) });

const LEAVE_LOCKED_MESSAGE = 'Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this message.';
const MEMBER_MESSAGE = 'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.';

export function addSwarmRoutes(app: FastifyInstance, deps: RouteDeps): void {
  const { node } = deps;

  app.get('/swarm', (request, reply) => {
    const { store } = requireManager(node);
    const joinTokens = deps.gate.roleOf(request.raw) === 'admin';
    return sendJSON(reply, presentCluster(store.view(requireCluster), { joinTokens }));
  });

  app.post('/swarm/init', async (request, reply) => {
    const body = adjustInitForVersion(await readJSON(request, InitRequestSchema, 'InitRequest'), request.apiVersion);
    if (body.ForceNewCluster !== true) requireInactive();
    checkInitRequest(body);
    // Docker's CLI says it twice, docker-py in the spec only.
    const EncryptionConfig = { AutoLockManagers: body.AutoLockManagers === true || body.Spec?.EncryptionConfig?.AutoLockManagers === true };
    const { nodeID } = await node.init({ ...body, Spec: { ...body.Spec, EncryptionConfig } });
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
    if (node.local().state === 'locked' && !force) throw new ApiError('unavailable', LEAVE_LOCKED_MESSAGE);
    const manager = node.manager();
    if (manager !== undefined && !force) {
      const managers = manager.store.view((tx) => tx.nodes.all().filter((member) => member.ManagerStatus !== undefined).length);
      throw new ApiError('unavailable', explainLeave(managers));
    }
    await node.leave(force);
    return sendEmpty(reply);
  });

  app.post('/swarm/update', async (request, reply) => {
    const { store, certificates, applyUnlockKey } = requireManager(node);
    const query = queryOf(request);
    const version = versionParameter(query, 'swarm');
    const rotate = {
      worker: rotation(query, 'rotateWorkerToken'),
      manager: rotation(query, 'rotateManagerToken'),
      unlockKey: rotation(query, 'rotateManagerUnlockKey'),
    };
    const input = await readJSON(request, SwarmSpecSchema, 'Spec');
    await store.update((tx) => {
      const cluster = requireCluster(tx);
      requireVersion(cluster, version);
      const Spec = admitSwarmUpdate(input);
      const { unlockKey, ...rest } = withRoot(certificates, cluster, input);
      const isLocking = Spec.EncryptionConfig?.AutoLockManagers === true;
      tx.clusters.update({
        ...rest,
        Spec,
        ...(isLocking && { unlockKey: unlockKey === undefined || rotate.unlockKey ? createUnlockKey() : unlockKey }),
        JoinTokens: {
          Worker: rotate.worker ? certificates.newJoinToken(cluster) : cluster.JoinTokens.Worker,
          Manager: rotate.manager ? certificates.newJoinToken(cluster) : cluster.JoinTokens.Manager,
        },
      });
    });
    await applyUnlockKey();
    return sendEmpty(reply);
  });

  app.get('/swarm/unlockkey', (_request, reply) => {
    const { store } = requireManager(node);
    return sendJSON(reply, { UnlockKey: store.view(requireCluster).unlockKey ?? '' });
  });

  app.post('/swarm/unlock', async (request, reply) => {
    const { UnlockKey = '' } = await readJSON(request, UnlockRequestSchema, 'UnlockRequest');
    if (node.manager() !== undefined) throw new ApiError('already-exists', 'swarm is not locked');
    const local = node.local();
    if (local.state !== 'locked') throw new ApiError('unavailable', explainNoManager(local));
    await node.unlock(UnlockKey);
    return sendEmpty(reply);
  });

  function requireInactive(): void {
    if (node.local().state !== 'inactive') throw new ApiError('unavailable', MEMBER_MESSAGE);
  }
}

/** The cluster as it begins to replace its root, where the update asks for that. @throws ApiError 400 */
function withRoot(certificates: ClusterCertificates, cluster: Cluster, input: SwarmSpec): Cluster {
  const wanted = rootWanted(cluster, input);
  if (wanted === undefined) return cluster;
  if (wanted === 'new') return certificates.replaceRoot(cluster);
  const { SigningCACert = '', SigningCAKey = '' } = input.CAConfig ?? {};
  return certificates.replaceRoot(cluster, certificates.readOwnRoot(SigningCACert, SigningCAKey));
}

function requireCluster(tx: ReadTransaction): Cluster {
  const cluster = tx.clusters.all()[0];
  if (cluster === undefined) throw new ApiError('unavailable', NO_LEADER_MESSAGE);
  return cluster;
}
