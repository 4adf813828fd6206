import { signingRoot, trustBundle } from '@swarm/shared/domain/cluster-roots';
import { CLIENT_ROLES, type Client, type ClientRole, type Cluster } from '@swarm/shared/domain/objects';
import {
  type ClientReply,
  ClientRequestSchema,
  type NewClientReply,
  RenewClientRequestSchema,
  UpdateClientRequestSchema,
} from '@swarm/shared/engine-api/client-spec';
import { ApiError, badRequest } from '@swarm/shared/errors/api-error';
import { CertificateRequestError } from '@swarm/shared/identity/certificate-request';
import { rootDigest } from '@swarm/shared/identity/join-token';
import { asID, type ClientID } from '@swarm/shared/runtime/ids';
import type { FastifyInstance } from 'fastify';
import type { ReadTransaction } from '../../store/store.ts';
import { checkPayloadName } from '../admission/names.ts';
import { sendList } from '../json-list.ts';
import { NO_LEADER_MESSAGE, requireManager } from '../local-state.ts';
import { findClient } from '../lookup.ts';
import { pathID } from '../query.ts';
import { sendEmpty, sendJSON } from '../reply.ts';
import { readJSON } from '../request-body.ts';
import type { RouteDeps } from '../route-deps.ts';

/** People and programs; each is looked up by its id for every request. */
const MAX_CLIENTS = 10_000;

/** Our extension of the Engine API: who may use it over TCP. */
export function addClientRoutes(app: FastifyInstance, deps: RouteDeps): void {
  app.get('/x/clients', (_request, reply) => {
    const { store } = requireManager(deps.node);
    const { clients, cluster } = store.view((tx) => ({ clients: tx.clients.all(), cluster: requireCluster(tx) }));
    return sendList(reply, clients, (client) => JSON.stringify(presentClient(client, cluster)));
  });

  app.post('/x/clients', async (request, reply) => {
    const { store, certificates } = requireManager(deps.node);
    const { Name = '', Role = 'admin', CSR = '' } = await readJSON(request, ClientRequestSchema, 'ClientRequest');
    checkPayloadName(Name);
    const role = roleNamed(Role);
    const cluster = store.view(requireCluster);
    const clientID = asID<ClientID>(deps.random.id());
    const { certificate, keyFingerprint, expiresAtMs } = await certificates
      .issueClient(cluster, { csr: CSR, clientID })
      .catch(explainRequest);
    const client = await store.update((tx) => {
      if (tx.clients.count('name', Name.toLowerCase()) > 0) {
        throw new ApiError(
          'already-exists',
          `client ${Name} already exists; remove it first (swarm client rm ${Name}), or choose another name`,
        );
      }
      if (tx.clients.size >= MAX_CLIENTS) throw badRequest(`there are ${MAX_CLIENTS} clients already; remove some with "swarm client rm"`);
      requireSameRoots(tx, cluster);
      return tx.clients.create({
        ID: clientID,
        Spec: { Name, Role: role },
        keyFingerprint,
        expiresAt: new Date(expiresAtMs).toISOString(),
        rootDigest: rootDigest(signingRoot(cluster).certificate),
      });
    });
    return sendJSON(reply, presentNewClient(client, cluster, certificate), 201);
  });

  app.post('/x/clients/:id/renew', async (request, reply) => {
    const { store, certificates } = requireManager(deps.node);
    const { CSR = '' } = await readJSON(request, RenewClientRequestSchema, 'RenewClientRequest');
    const { cluster, known } = store.view((tx) => ({ cluster: requireCluster(tx), known: findClient(tx, pathID(request)) }));
    const { certificate, keyFingerprint, expiresAtMs } = await certificates
      .issueClient(cluster, { csr: CSR, clientID: known.ID })
      .catch(explainRequest);
    const client = await store.update((tx) => {
      const now = findClient(tx, known.ID);
      if (now.keyFingerprint !== keyFingerprint) {
        throw badRequest(
          `the request is signed by another key than client ${now.Spec.Name} has; a client keeps its key: for a new one, "swarm client rm ${now.Spec.Name}" and add it again`,
        );
      }
      requireSameRoots(tx, cluster);
      return tx.clients.update({
        ...now,
        expiresAt: new Date(expiresAtMs).toISOString(),
        rootDigest: rootDigest(signingRoot(cluster).certificate),
      });
    });
    return sendJSON(reply, presentNewClient(client, cluster, certificate));
  });

  app.post('/x/clients/:id/update', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const { Role = '' } = await readJSON(request, UpdateClientRequestSchema, 'UpdateClientRequest');
    const role = roleNamed(Role);
    await store.update((tx) => {
      const client = findClient(tx, pathID(request));
      tx.clients.update({ ...client, Spec: { ...client.Spec, Role: role } });
    });
    return sendEmpty(reply);
  });

  app.delete('/x/clients/:id', async (request, reply) => {
    const { store } = requireManager(deps.node);
    await store.update((tx) => tx.clients.remove(findClient(tx, pathID(request)).ID));
    return sendEmpty(reply, 204);
  });

  function presentNewClient(client: Client, cluster: Cluster, certificate: string): NewClientReply {
    return {
      ...presentClient(client, cluster),
      Certificate: certificate,
      RootCertificate: trustBundle(cluster),
      Addresses: deps.clientAddresses(),
    };
  }
}

function requireCluster(tx: ReadTransaction): Cluster {
  const cluster = tx.clusters.all()[0];
  if (cluster === undefined) throw new ApiError('unavailable', NO_LEADER_MESSAGE);
  return cluster;
}

/** A root that was changed meanwhile has not signed this certificate. */
function requireSameRoots(tx: ReadTransaction, cluster: Cluster): void {
  if (trustBundle(requireCluster(tx)) !== trustBundle(cluster))
    throw new ApiError('unavailable', 'the root of the cluster changed; try again');
}

function roleNamed(word: string): ClientRole {
  const role = CLIENT_ROLES.find((known) => known === word);
  if (role === undefined) throw badRequest(`invalid role ${JSON.stringify(word)}: a client is ${CLIENT_ROLES.join(' or ')}`);
  return role;
}

function explainRequest(error: unknown): never {
  if (error instanceof CertificateRequestError) throw badRequest(error.message);
  throw error;
}

function presentClient({ ID, Spec, CreatedAt, expiresAt, ...client }: Client, cluster: Cluster): ClientReply {
  const first = cluster.formerRoots?.at(-1)?.certificate ?? cluster.ca.certificate;
  const OldRoot = (client.rootDigest ?? rootDigest(first)) !== rootDigest(signingRoot(cluster).certificate);
  return { ID, Name: Spec.Name, Role: Spec.Role, CreatedAt, ExpiresAt: expiresAt, OldRoot };
}
