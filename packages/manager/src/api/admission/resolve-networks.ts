import { STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import type { Network } from '@swarm/shared/domain/objects';
import { predefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import type { NetworkAttachmentConfig } from '@swarm/shared/engine-api/service-spec';
import { ApiError, invalidArgument, notFound } from '@swarm/shared/errors/api-error';
import type { ReadTransaction } from '../../store/store.ts';
import { findNetwork } from '../lookup.ts';

export interface ResolvedNetworks {
  /** With ids as targets. */
  readonly networks: readonly NetworkAttachmentConfig[];
  readonly warnings: readonly string[];
}

/**
 * Puts ids in the place of names, and refuses what cannot be attached. `isLocal` says whether the local engine has a
 * network of that name, which is a different mistake than a name nobody knows.
 * @throws ApiError 403 local network, 500 unknown network, 501 cluster network that this version cannot attach
 */
export function resolveNetworks(
  tx: ReadTransaction,
  serviceName: string,
  attachments: readonly NetworkAttachmentConfig[],
  isLocal: (term: string) => boolean,
): ResolvedNetworks {
  const warnings: string[] = [];
  const networks = attachments.map((attachment) => {
    const term = attachment.Target ?? '';
    const predefined = predefinedNetwork(term);
    if (predefined !== undefined) return { ...attachment, Target: predefined.ID };
    const network = resolveNetwork(tx, term, isLocal);
    checkAttachable(serviceName, network);
    warnings.push(
      `network "${network.Spec.Name}": networks between hosts are not available in this version yet; ` +
        `the tasks of service "${serviceName}" run on the default bridge of their host and do not find each other by name`,
    );
    return { ...attachment, Target: network.ID };
  });
  return { networks, warnings };
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
  if (isStackDefault(network)) return;
  throw new ApiError(
    'unimplemented',
    `service "${serviceName}" cannot be attached to network "${network.Spec.Name}": networks between hosts are not available in this version yet; ` +
      'leave the network out, or use the predefined network "host" or "bridge"',
  );
}

/** The network that a stack gets when its file names none. */
export function isStackDefault(network: Network): boolean {
  const stack = network.Spec.Labels?.[STACK_NAMESPACE_LABEL];
  return stack !== undefined && network.Spec.Name === `${stack}_default`;
}
