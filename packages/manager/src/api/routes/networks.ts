import { CONTAINER_LABELS, NETWORK_LABEL } from '@swarm/shared/domain/labels';
import type { Network } from '@swarm/shared/domain/objects';
import { predefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import { decodeJSON } from '@swarm/shared/engine-api/decode';
import { NetworkCreateSchema } from '@swarm/shared/engine-api/payload-specs';
import { ApiError, badRequest, notFound } from '@swarm/shared/errors/api-error';
import type { FastifyInstance } from 'fastify';
import type { ReadTransaction, Store } from '../../store/store.ts';
import {
  admitNetwork,
  checkLocalNetworkName,
  checkNetworkNameIsFree,
  createNetwork,
  isClusterNetwork,
} from '../admission/admit-network.ts';
import { refuseNetworkInUse } from '../admission/network-in-use.ts';
import { type Filters, parseFilters, passesAny } from '../filters.ts';
import { isLocalName, isOfWorker, type LocalNetwork } from '../local-networks.ts';
import { requireManager } from '../local-state.ts';
import { networksByName } from '../lookup.ts';
import { presentNetwork, presentPredefined } from '../present/network.ts';
import { PRUNE_FILTERS, pruneNetworks } from '../prune-networks.ts';
import { pathID, queryOf, strictBoolean } from '../query.ts';
import { sendEmpty, sendJSON } from '../reply.ts';
import { readBody } from '../request-body.ts';
import type { RouteDeps } from '../route-deps.ts';

const FILTERS = ['driver', 'id', 'label', 'name', 'scope', 'type', 'dangling'];

/** The cluster's networks and the local engine's, in one view. Whatever is not the cluster's is passed on. */
export function addNetworkRoutes(app: FastifyInstance, deps: RouteDeps): void {
  const { node, engineClient } = deps;

  const list = async (request: Parameters<typeof queryOf>[0], reply: Parameters<typeof sendJSON>[0]) => {
    const manager = node.manager();
    if (manager === undefined) return deps.forward(request, reply);
    const query = queryOf(request);
    const filters = parseFilters(query, FILTERS);
    const own = manager.store.view((tx) => tx.networks.all().filter((network) => passes(tx, filters, network)));
    const local = await localList(`/networks?${query.toString()}`);
    const ids = new Set<unknown>(own.map((network) => network.ID));
    return sendJSON(reply, [...own.map(presentNetwork), ...local.filter((network) => !ids.has(network.Id) && !isOfWorker(network))]);
  };
  app.get('/networks', list);
  app.get('/networks/', list);

  app.post('/networks/create', async (request, reply) => {
    const body = await readBody(request.raw);
    const input = decodeJSON(NetworkCreateSchema, body.length === 0 ? 'null' : body.toString('utf8'), 'NetworkCreateRequest');
    if (!isClusterNetwork(input)) {
      node.manager()?.store.view((tx) => checkLocalNetworkName(tx, input.Name ?? ''));
      return deps.forward(request, reply, { body });
    }
    const { store } = requireManager(node);
    const Spec = admitNetwork(input);
    const local = await isLocalName(deps, Spec.Name);
    const network = await store.update((tx) => {
      checkNetworkNameIsFree(tx, Spec.Name, () => local);
      return createNetwork(tx, deps.random, Spec);
    });
    return sendJSON(reply, { Id: network.ID, Warning: '' }, 201);
  });

  /** Who is in the network on this host, as its engine says; null where the network is not here. */
  async function containersHere(network: Network): Promise<unknown> {
    const filters = encodeURIComponent(
      JSON.stringify({ label: [`${NETWORK_LABEL}=${network.ID}`, `${CONTAINER_LABELS.nodeID}=${node.local().nodeID}`] }),
    );
    const [own] = await localList(`/networks?filters=${filters}`);
    if (own === undefined) return null;
    try {
      return (await engineClient.getJSON(`/networks/${encodeURIComponent(String(own.Id))}`)).Containers ?? null;
    } catch (error) {
      if (error instanceof ApiError && (error.errorClass === 'unavailable' || error.errorClass === 'not-found')) return null;
      throw error;
    }
  }

  app.get('/networks/:id', async (request, reply) => {
    const term = pathID(request);
    const query = queryOf(request);
    const scope = query.get('scope') ?? '';
    // It adds nothing of the cluster's; a word that is none is refused before anything is looked for.
    strictBoolean(query, 'verbose');
    const store = node.manager()?.store;
    const predefined = scope === 'swarm' ? predefinedNetwork(term) : undefined;
    if (store !== undefined && predefined !== undefined) return sendJSON(reply, presentPredefined(predefined));
    const found = store === undefined || scope === 'local' ? undefined : store.view((tx) => findOwn(tx, term));
    if (found !== undefined) return sendJSON(reply, { ...presentNetwork(found), Containers: await containersHere(found) });
    if (scope === 'swarm') throw notFound('network', term);
    return deps.forward(request, reply);
  });

  /** Of the cluster what nobody uses, of this host what its engine says; what workers have made is theirs to remove. */
  app.post('/networks/prune', async (request, reply) => {
    const store = node.manager()?.store;
    if (store === undefined) return deps.forward(request, reply);
    const filters = parseFilters(queryOf(request), PRUNE_FILTERS);
    const own = await store.update((tx) => pruneNetworks(tx, filters, deps.clock.now()));
    const local = await pruneLocal(filters);
    const deleted = [...own, ...local];
    return sendJSON(reply, { NetworksDeleted: deleted.length === 0 ? null : deleted });
  });

  async function pruneLocal(filters: Filters): Promise<readonly string[]> {
    const spared = [...(filters.get('label!') ?? []), NETWORK_LABEL];
    const wanted = JSON.stringify({ ...Object.fromEntries(filters), 'label!': spared });
    try {
      const { NetworksDeleted } = await engineClient.postJSON(`/networks/prune?filters=${encodeURIComponent(wanted)}`);
      return Array.isArray(NetworksDeleted) ? NetworksDeleted : [];
    } catch (error) {
      if (error instanceof ApiError && error.errorClass === 'unavailable') return [];
      throw error;
    }
  }

  app.delete('/networks/:id', async (request, reply) => {
    const term = pathID(request);
    const store = node.manager()?.store;
    // A whole name counts for more than the beginning of an id, on this host too.
    const isOwn = store !== undefined && (store.view((tx) => isNamed(tx, term)) || !(await isLocalName(deps, term)));
    const removed = isOwn && (await removeOwn(store, term));
    return removed ? sendEmpty(reply, 204) : deps.forward(request, reply);
  });

  /** The engine's list; empty while it does not answer, so that the cluster's own can still be seen. */
  async function localList(path: string): Promise<readonly LocalNetwork[]> {
    try {
      const networks: unknown = await engineClient.getJSON(path);
      return Array.isArray(networks) ? networks : [];
    } catch (error) {
      if (error instanceof ApiError && error.errorClass === 'unavailable') return [];
      throw error;
    }
  }
}

/** By id, name, or the beginning of one id. @throws ApiError 400 when several fit */
function findOwn(tx: ReadTransaction, term: string): Network | undefined {
  const exact = tx.networks.get(term);
  if (exact !== undefined) return exact;
  const named = networksByName(tx, term);
  if (named.length > 0) return named[0];
  const byPrefix = tx.networks.byIDPrefix(term, 2);
  if (byPrefix.length > 1)
    throw badRequest(`network ${term} is ambiguous (${tx.networks.byIDPrefix(term, tx.networks.size).length} matches found)`);
  return byPrefix[0];
}

function isNamed(tx: ReadTransaction, term: string): boolean {
  return tx.networks.get(term) !== undefined || networksByName(tx, term).length > 0;
}

async function removeOwn(store: Store, term: string): Promise<boolean> {
  if (store.view((tx) => findOwn(tx, term)) === undefined) return false;
  return store.update((tx) => {
    const network = findOwn(tx, term);
    if (network === undefined) return false;
    refuseNetworkInUse(tx, network);
    tx.networks.remove(network.ID);
    return true;
  });
}

function passes(tx: ReadTransaction, filters: Filters, network: Network): boolean {
  const { Spec, ID } = network;
  const labels: Readonly<Record<string, string>> = Spec.Labels ?? {};
  const dangling = tx.services.count('network', ID) === 0 && tx.guests.count('network', ID) === 0;
  return (
    passesAny(filters, 'id', (prefix) => ID.startsWith(prefix)) &&
    passesAny(filters, 'name', (name) => Spec.Name === name) &&
    passesAny(filters, 'driver', (driver) => (Spec.Driver ?? 'overlay') === driver) &&
    passesAny(filters, 'scope', (scope) => scope === 'swarm') &&
    passesAny(filters, 'type', (type) => type === 'custom') &&
    passesAny(filters, 'dangling', (word) => dangling === ['1', 'true', 'True', 'TRUE', 't', 'T'].includes(word)) &&
    // Here `k=` means "equal to empty", unlike with services.
    (filters.get('label') ?? []).every((wanted) => {
      const at = wanted.indexOf('=');
      return at < 0 ? Object.hasOwn(labels, wanted) : labels[wanted.slice(0, at)] === wanted.slice(at + 1);
    })
  );
}
