import { isIP } from 'node:net';
import { predefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import { NetworkCreateSchema, type NetworkSpec } from '@swarm/shared/engine-api/payload-specs';
import { ApiError, badRequest, invalidArgument } from '@swarm/shared/errors/api-error';
import type { ReadTransaction } from '../../store/store.ts';
import { networksByName } from '../lookup.ts';
import { canonicalSpec } from './canonical-spec.ts';
import { checkObjectName } from './names.ts';

/** Whether a network belongs to the cluster; any other is the local engine's. */
export function isClusterNetwork(input: NetworkSpec): boolean {
  return (input.Driver ?? '').toLowerCase() === 'overlay' || input.Scope === 'swarm';
}

/** Checks and completes a network that is created for the cluster. @throws ApiError */
export function admitNetwork(input: NetworkSpec): NetworkSpec & { readonly Name: string } {
  const Name = input.Name ?? '';
  if (predefinedNetwork(Name) !== undefined) {
    throw new ApiError('permission-denied', `operation is not permitted on predefined ${Name} network`);
  }
  if ((input.Driver ?? '').toLowerCase() === 'overlay' && input.Scope === 'local') {
    throw new ApiError('permission-denied', 'cannot downgrade network scope for overlay networks');
  }
  checkObjectName(Name);
  if (input.Attachable === true && input.Ingress === true) throw invalidArgument('ingress network cannot be attachable');
  if (input.Ingress === true) {
    throw new ApiError('unimplemented', `network "${Name}" cannot be the ingress network: ingress is not available in this version yet`);
  }
  for (const { Subnet = '' } of input.IPAM?.Config ?? []) {
    if (Subnet !== '' && !isSubnet(Subnet)) throw badRequest(`invalid subnet ${Subnet}: invalid CIDR block notation`);
  }
  const { CheckDuplicate: _, ...spec } = input;
  return { ...canonicalSpec(NetworkCreateSchema, spec), Name, Driver: input.Driver || 'overlay', Labels: input.Labels ?? {} };
}

/** @throws ApiError 409 */
export function checkNetworkNameIsFree(tx: ReadTransaction, name: string, isLocal: (term: string) => boolean): void {
  if (networksByName(tx, name).length === 0 && !isLocal(name)) return;
  throw new ApiError('already-exists', `network with name ${name} already exists`);
}

function isSubnet(text: string): boolean {
  const [address = '', prefix = '', ...rest] = text.split('/');
  const family = isIP(address);
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
}
