import { NETWORK_LABEL } from '@swarm/shared/domain/labels';
import { predefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import type { ServiceSpecInput } from '@swarm/shared/engine-api/service-spec';
import { ApiError } from '@swarm/shared/errors/api-error';
import type { Store } from '../store/store.ts';
import { networksByName } from './lookup.ts';
import type { RouteDeps } from './route-deps.ts';

/**
 * Looks up, on the local engine, the networks of the specs that the cluster does not know: whoever names a network of
 * one host by mistake shall read that, not that there is none. Asked before the transaction, which cannot wait.
 */
export async function localNetworks(deps: RouteDeps, store: Store, specs: readonly ServiceSpecInput[]): Promise<(term: string) => boolean> {
  const terms = specs.flatMap((spec) =>
    [...(spec.TaskTemplate?.Networks ?? []), ...(spec.Networks ?? [])].map(({ Target = '' }) => Target),
  );
  const unknown = store.view((tx) =>
    [...new Set(terms)].filter(
      (term) =>
        predefinedNetwork(term) === undefined && networksByName(tx, term).length === 0 && tx.networks.byIDPrefix(term, 1).length === 0,
    ),
  );
  const local = new Set<string>();
  for (const term of unknown) if (term !== '' && (await isLocalNetwork(deps, term))) local.add(term);
  return (term) => local.has(term);
}

async function isLocalNetwork(deps: RouteDeps, term: string): Promise<boolean> {
  return (await findLocal(deps, term))?.Scope === 'local';
}

/** Whether a local network has this whole name. The engine also finds one by the beginning of its id: `db` may begin one. */
export async function isLocalName(deps: RouteDeps, name: string): Promise<boolean> {
  const network = await findLocal(deps, name);
  return network?.Scope === 'local' && network.Name === name;
}

/**
 * Undefined: the engine does not know it, or does not answer. What a network of the cluster has on this host is none of its
 * own: after the network is removed it stays a moment, and a new one may have the name at once.
 */
async function findLocal(deps: RouteDeps, term: string): Promise<{ readonly [key: string]: unknown } | undefined> {
  try {
    const network = await deps.engineClient.getJSON(`/networks/${encodeURIComponent(term)}`);
    return isOfWorker(network) ? undefined : network;
  } catch (error) {
    if (error instanceof ApiError) return undefined;
    throw error;
  }
}

export interface LocalNetwork {
  readonly Id?: unknown;
  readonly Labels?: unknown;
}

/** The engine's side of a cluster network: clients see the cluster's, else its name would be ambiguous. */
export function isOfWorker({ Labels }: LocalNetwork): boolean {
  return typeof Labels === 'object' && Labels !== null && Object.hasOwn(Labels, NETWORK_LABEL);
}
