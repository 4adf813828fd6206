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

export async function isLocalNetwork(deps: RouteDeps, term: string): Promise<boolean> {
  try {
    const network = await deps.engineClient.getJSON(`/networks/${encodeURIComponent(term)}`);
    return network.Scope === 'local';
  } catch (error) {
    // The engine does not know it, or does not answer: then it is simply not found.
    if (error instanceof ApiError) return false;
    throw error;
  }
}
