import { trustBundle } from '@swarm/shared/domain/cluster-roots';
import { CLIENT_ROLES, type Client, type ClientRole, type Cluster } from '@swarm/shared/domain/objects';
import { type ClientReply, ClientRequestSchema, type NewClientReply } from '@swarm/shared/engine-api/client-spec';
import { ApiError, badRequest } from '@swarm/shared/errors/api-error';
import { CertificateRequestError } from '@swarm/shared/identity/certificate-request';
import { asID, type ClientID } from '@swarm/shared/runtime/ids';
import type { FastifyInstance } from 'fastify';
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
    return sendList(
      reply,
      store.view((tx) => tx.clients.all()),
      (client) => JSON.stringify(presentClient(client)),
    );
  });

  app.post('/x/clients', async (request, reply) => {
    const { store, certificates } = requireManager(deps.node);
    const { Name = '', Role = 'admin', CSR = '' } = await readJSON(request, ClientRequestSchema, 'ClientRequest');
    checkPayloadName(Name);
    const role = roleNamed(Role);
    const cluster = store.view((tx) => tx.clusters.all()[0]);
    if (cluster === undefined) throw new ApiError('unavailable', NO_LEADER_MESSAGE);
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
      // A root that was changed meanwhile has not signed this certificate.
      if (rootOf(tx.clusters.all()[0]) !== rootOf(cluster)) throw new ApiError('unavailable', 'the root of the cluster changed; try again');
      return tx.clients.create({
        ID: clientID,
        Spec: { Name, Role: role },
        keyFingerprint,
        expiresAt: new Date(expiresAtMs).toISOString(),
      });
    });
    const made: NewClientReply = {
      ...presentClient(client),
      Certificate: certificate,
      RootCertificate: trustBundle(cluster),
      Addresses: deps.clientAddresses(),
    };
    return sendJSON(reply, made, 201);
  });

  app.delete('/x/clients/:id', async (request, reply) => {
    const { store } = requireManager(deps.node);
    await store.update((tx) => tx.clients.remove(findClient(tx, pathID(request)).ID));
    return sendEmpty(reply, 204);
  });
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

function rootOf(cluster: Cluster | undefined): string | undefined {
  return cluster === undefined ? undefined : trustBundle(cluster);
}

function presentClient({ ID, Spec, CreatedAt, expiresAt }: Client): ClientReply {
  return { ID, Name: Spec.Name, Role: Spec.Role, CreatedAt, ExpiresAt: expiresAt };
}
