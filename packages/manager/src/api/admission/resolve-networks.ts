import type { Network } from '@swarm/shared/domain/objects';
import { predefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import type { NetworkAttachmentConfig } from '@swarm/shared/engine-api/service-spec';
import { ApiError, invalidArgument, notFound } from '@swarm/shared/errors/api-error';
import { MAX_NETWORK_NAME } from '@swarm/shared/protocol/network-state';
import type { ReadTransaction } from '../../store/store.ts';
import { findNetwork } from '../lookup.ts';
import { isOverlay } from './admit-network.ts';

/**
 * Puts ids in the place of names, and refuses what cannot be attached. `isLocal` says whether the local engine has a
 * network of that name, which is a different mistake than a name nobody knows.
 * @throws ApiError 403 local network, 500 unknown network, 400 one that services cannot be attached to
 */
export function resolveNetworks(
  tx: ReadTransaction,
  serviceName: string,
  attachments: readonly NetworkAttachmentConfig[],
  isLocal: (term: string) => boolean,
): readonly NetworkAttachmentConfig[] {
  const networks = attachments.map((attachment) => {
    const term = attachment.Target ?? '';
    checkAliases(serviceName, term, attachment.Aliases ?? []);
    const predefined = predefinedNetwork(term);
    if (predefined !== undefined) return { ...attachment, Target: predefined.ID };
    const network = resolveNetwork(tx, term, isLocal);
    checkAttachable(serviceName, network);
    return { ...attachment, Target: network.ID };
  });
  checkTogether(
    tx,
    serviceName,
    networks.map((network) => network.Target),
  );
  return networks;
}

function checkAliases(serviceName: string, network: string, aliases: readonly string[]): void {
  const long = aliases.find((alias) => alias.length > MAX_NETWORK_NAME);
  if (long === undefined) return;
  throw invalidArgument(
    `alias "${long.slice(0, 40)}…" of service "${serviceName}" in network "${network}" has ${long.length} characters; a name has ${MAX_NETWORK_NAME} at most`,
  );
}

function resolveNetwork(tx: ReadTransaction, term: string, isLocal: (term: string) => boolean): Network {
  try {
    return findNetwork(tx, term);
  } catch (error) {
    if (!(error instanceof ApiError) || error.errorClass !== 'not-found') throw error;
  }
  if (isLocal(term)) {
    throw new ApiError(
      'permission-denied',
      `The network ${term} cannot be used with services. Only networks scoped to the swarm can be used, such as those created with the overlay driver.`,
    );
  }
  // Docker answers 500 here, not 404; clients tell the two apart.
  throw new ApiError('internal', notFound('network', term).message);
}

function checkAttachable(serviceName: string, network: Network): void {
  if (network.Spec.Ingress === true) {
    throw invalidArgument(`Service cannot be explicitly attached to the ingress network "${network.Spec.Name}"`);
  }
  if (isOverlay(network.Spec)) return;
  throw invalidArgument(
    `service "${serviceName}" cannot be attached to network "${network.Spec.Name}": its driver "${network.Spec.Driver}" reaches one host only; use a network of driver "overlay", or the predefined network "host" or "bridge"`,
  );
}

/** `host` and `none` leave a container no place of its own in any other network. */
function checkTogether(tx: ReadTransaction, serviceName: string, targets: readonly string[]): void {
  const twice = targets.find((target, at) => targets.indexOf(target) < at);
  const name = (target: string) => predefinedNetwork(target)?.Name ?? tx.networks.get(target)?.Spec.Name ?? target;
  if (twice !== undefined)
    throw invalidArgument(`service "${serviceName}" names network "${name(twice)}" twice; name it once, with all its aliases`);
  const alone = targets.map(name).find((network, at) => predefinedNetwork(targets[at] as string) !== undefined && ALONE.has(network));
  if (alone === undefined || targets.length === 1) return;
  throw invalidArgument(
    `service "${serviceName}" cannot be in network "${alone}" and in others: a container in "${alone}" has no network of its own; leave "${alone}" or the others out`,
  );
}

const ALONE: ReadonlySet<string> = new Set(['host', 'none']);
