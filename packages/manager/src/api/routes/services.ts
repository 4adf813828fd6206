import type { Service } from '@swarm/shared/domain/objects';
import { ServiceSpecSchema } from '@swarm/shared/engine-api/service-spec';
import { ApiError, failedPrecondition } from '@swarm/shared/errors/api-error';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ReadTransaction, WriteTransaction } from '../../store/store.ts';
import { adjustForVersion } from '../admission/adjust-for-version.ts';
import { type AdmissionView, admitService } from '../admission/admit-service.ts';
import { modesOf } from '../admission/check-service.ts';
import { randomName } from '../admission/random-name.ts';
import { compareApiVersions } from '../api-version.ts';
import { type Filters, labelNames, parseFilters, passesAny, passesLabels } from '../filters.ts';
import { sendList } from '../json-list.ts';
import { localNetworks } from '../local-networks.ts';
import { requireManager } from '../local-state.ts';
import { findService } from '../lookup.ts';
import { presentService } from '../present/service.ts';
import { pathID, queryOf, strictBoolean, versionParameter } from '../query.ts';
import { sendEmpty, sendJSON } from '../reply.ts';
import { readJSON } from '../request-body.ts';
import type { RouteDeps } from '../route-deps.ts';
import { requireVersion } from '../store-access.ts';
import { createService, removeService, replaceService, rollbackChange, type ServiceChange, type WriteContext } from '../write-service.ts';

const FILTERS = ['id', 'name', 'label', 'mode', 'runtime'];

const FIRST_VERSION_WITH_STATUS = '1.41';

export function addServiceRoutes(app: FastifyInstance, deps: RouteDeps): void {
  const writeContext = (tx: WriteTransaction): WriteContext => ({ tx, random: deps.random, nowMs: deps.clock.now() });

  app.get('/services', (request, reply) => {
    const { store } = requireManager(deps.node);
    const query = queryOf(request);
    const filters = parseFilters(query, FILTERS);
    // Versions that do not have it pass over it, whatever it says.
    const status = compareApiVersions(query.apiVersion, FIRST_VERSION_WITH_STATUS) >= 0 && strictBoolean(query, 'status');
    const services = store.view((tx) => candidates(tx, filters).filter((service) => passes(filters, service)));
    return sendList(reply, services, (service) => JSON.stringify(store.view((tx) => presentService(tx, service, { status }))));
  });

  app.post('/services/create', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const sent = adjustForVersion(await readJSON(request, ServiceSpecSchema, 'ServiceSpec'), request.apiVersion);
    const input = sent.Name ? sent : { ...sent, Name: randomName(deps.random) };
    const isLocalNetwork = await localNetworks(deps, store, [input]);
    const { service, warnings } = await store.update((tx) => {
      const admitted = admitService(input, { tx, isLocalNetwork });
      return { service: createService(writeContext(tx), admitted.spec, registryAuthOf(request)), warnings: admitted.warnings };
    });
    // Older daemons leave the key out where there is nothing to say.
    const silent = warnings.length === 0 && compareApiVersions(request.apiVersion, '1.44') < 0;
    return sendJSON(reply, { ID: service.ID, ...(!silent && { Warnings: warnings.length === 0 ? null : warnings }) }, 201);
  });

  app.get('/services/:id', (request, reply) => {
    const { store } = requireManager(deps.node);
    const insertDefaults = strictBoolean(queryOf(request), 'insertDefaults');
    return sendJSON(
      reply,
      store.view((tx) => presentService(tx, findService(tx, pathID(request)), { insertDefaults })),
    );
  });

  app.post('/services/:id/update', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const query = queryOf(request);
    const version = versionParameter(query, 'service');
    const rollback = rollbackWanted(query.get('rollback') ?? '');
    const authFrom = registryAuthSource(query.get('registryAuthFrom') ?? '');
    const sent = adjustForVersion(await readJSON(request, ServiceSpecSchema, 'ServiceSpec'), request.apiVersion);
    const input = sent.Name ? sent : { ...sent, Name: randomName(deps.random) };
    const isLocalNetwork = await localNetworks(deps, store, [input]);
    const warnings = await store.update((tx) => {
      const current = findService(tx, pathID(request));
      requireVersion(current, version);
      const admitted = admitService(input, { tx, current, isLocalNetwork });
      const change = rollback
        ? checkedRollback(current, { tx, isLocalNetwork }, deps.clock.now())
        : { spec: admitted.spec, registryAuth: registryAuthOf(request) ?? storedAuth(current, authFrom) };
      replaceService(writeContext(tx), current, change);
      return rollback ? [] : admitted.warnings;
    });
    return sendJSON(reply, { Warnings: warnings.length === 0 ? null : warnings });
  });

  app.delete('/services/:id', async (request, reply) => {
    const { store } = requireManager(deps.node);
    await store.update((tx) => removeService(tx, findService(tx, pathID(request))));
    return sendEmpty(reply);
  });
}

function registryAuthOf(request: FastifyRequest): string | undefined {
  const header = request.headers['x-registry-auth'];
  return typeof header === 'string' && header !== '' ? header : undefined;
}

/** What the previous spec names may have gone or been taken since. @throws ApiError 400 */
function checkedRollback(current: Service, view: AdmissionView, nowMs: number): ServiceChange {
  const change = rollbackChange(current, nowMs);
  try {
    admitService(change.spec, { ...view, current });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw failedPrecondition(`service ${current.Spec.Name} cannot go back to its previous spec: ${error.message}; update it instead`);
  }
  return change;
}

type RegistryAuthSource = 'spec' | 'previous-spec';

function registryAuthSource(text: string): RegistryAuthSource {
  if (text === '' || text === 'spec') return 'spec';
  if (text === 'previous-spec') return text;
  throw new ApiError('internal', 'unsupported registryAuthFrom value');
}

/** The credentials to go on with when a client sends none. @throws ApiError 500 */
function storedAuth(current: Service, source: RegistryAuthSource): string | undefined {
  if (source === 'spec') return current.registryAuth;
  if (current.PreviousSpec === undefined) throw new ApiError('internal', 'service does not have a previous spec');
  return current.previousRegistryAuth;
}

function rollbackWanted(text: string): boolean {
  if (text === 'previous') return true;
  if (text === '' || text === 'none') return false;
  throw new ApiError('internal', `unrecognized rollback option ${text}`);
}

/** Starts from the smallest list that an index gives. */
function candidates(tx: ReadTransaction, filters: Filters): readonly Service[] {
  const label = labelNames(filters, 'label')[0];
  return label === undefined ? tx.services.all() : tx.services.by('label', label);
}

const MODE_WORDS = { Replicated: 'replicated', Global: 'global', ReplicatedJob: 'replicated-job', GlobalJob: 'global-job' } as const;

function passes(filters: Filters, service: Service): boolean {
  const { Spec } = service;
  const mode = modesOf(Spec.Mode)[0] ?? 'Replicated';
  return (
    passesAny(filters, 'id', (prefix) => service.ID.startsWith(prefix)) &&
    passesAny(filters, 'name', (prefix) => Spec.Name.startsWith(prefix)) &&
    passesLabels(filters, 'label', Spec.Labels) &&
    passesAny(filters, 'mode', (word) => MODE_WORDS[mode] === word) &&
    passesAny(filters, 'runtime', (word) => (Spec.TaskTemplate.Runtime ?? 'container') === word)
  );
}
