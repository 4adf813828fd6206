import type { AllocationOutcome } from '@swarm/shared/domain/network-allocation';
import { decideNetworkAllocation, explainBadIPAM, explainBadOptions, VXLAN_OPTION } from '@swarm/shared/domain/network-allocation';
import { dataPathAddress, type Network } from '@swarm/shared/domain/objects';
import { predefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import { NetworkCreateSchema, type NetworkSpec } from '@swarm/shared/engine-api/payload-specs';
import { ApiError, badRequest, invalidArgument } from '@swarm/shared/errors/api-error';
import { asID, type Random } from '@swarm/shared/runtime/ids';
import type { ReadTransaction, WriteTransaction } from '../../store/store.ts';
import { networksByName } from '../lookup.ts';
import { canonicalSpec } from './canonical-spec.ts';
import { checkObjectName } from './names.ts';

/**
 * Whether a network belongs to the cluster; any other is the local engine's: also one that is no network but options for
 * others, and one whose driver is called otherwise in the least, which the engine does not know.
 */
export function isClusterNetwork(input: NetworkSpec): boolean {
  return input.ConfigOnly !== true && (input.Driver === 'overlay' || input.Scope === 'swarm');
}

/** Checks and completes a network that is created for the cluster. @throws ApiError */
export function admitNetwork(input: NetworkSpec): NetworkSpec & { readonly Name: string } {
  const Name = input.Name ?? '';
  if (predefinedNetwork(Name) !== undefined) {
    throw new ApiError('permission-denied', `operation is not permitted on predefined ${Name} network`);
  }
  if (input.Driver === 'overlay' && input.Scope === 'local') {
    throw new ApiError('permission-denied', 'cannot downgrade network scope for overlay networks');
  }
  checkObjectName(Name);
  if (input.Attachable === true && input.Ingress === true) throw invalidArgument('ingress network cannot be attachable');
  const bad = isOverlay(input) ? (explainBadIPAM(input) ?? explainBadOptions(input) ?? explainConfigFrom(input)) : undefined;
  if (bad !== undefined) throw badRequest(bad);
  const { CheckDuplicate: _, ...spec } = input;
  return { ...canonicalSpec(NetworkCreateSchema, spec), Name, Driver: input.Driver || 'overlay', Labels: input.Labels ?? {} };
}

function explainConfigFrom({ Name, ConfigFrom }: NetworkSpec): string | undefined {
  const source = ConfigFrom?.Network ?? '';
  if (source === '') return undefined;
  return `network "${Name}" takes its options from network "${source}", which each host has for itself; an overlay has one set of options for all hosts: give them with the network`;
}

/** Of the cluster's own no two differ in their case alone. @throws ApiError 409 */
export function checkNetworkNameIsFree(tx: ReadTransaction, name: string, isLocal: (term: string) => boolean): void {
  if (tx.networks.count('name', name.toLowerCase()) === 0 && !isLocal(name)) return;
  throw nameIsTaken(name);
}

/** A network of one host may not be called as one of the cluster is: either would be meant. @throws ApiError 409 */
export function checkLocalNetworkName(tx: ReadTransaction, name: string): void {
  if (networksByName(tx, name).length > 0) throw nameIsTaken(name);
}

function nameIsTaken(name: string): ApiError {
  return new ApiError('already-exists', `network with name ${name} already exists`);
}

/** The only driver whose networks span hosts; the cluster gives them their addresses. */
export function isOverlay({ Driver }: NetworkSpec): boolean {
  return (Driver || 'overlay') === 'overlay';
}

/** Writes an admitted network with its subnet and number. @throws ApiError when the cluster has none to give */
export function createNetwork(tx: WriteTransaction, random: Random, Spec: NetworkSpec & { readonly Name: string }): Network {
  const ingress = tx.networks.by('ingress', 'true')[0];
  if (Spec.Ingress === true && ingress !== undefined) {
    throw new ApiError('already-exists', `ingress network (${ingress.ID}) is already present`, { rpc: 'AlreadyExists' });
  }
  const ID = asID<Network['ID']>(random.id());
  if (!isOverlay(Spec)) return tx.networks.create({ ID, Spec });
  const cluster = tx.clusters.all()[0];
  const outcome = decideNetworkAllocation(Spec, {
    pools: cluster?.DefaultAddrPool ?? [],
    subnetSize: cluster?.SubnetSize ?? 0,
    networks: tx.networks.all(),
    ...(cluster?.lastVNI !== undefined && { lastVNI: cluster.lastVNI }),
    hostAddresses: tx.nodes.all().flatMap((node) => [node.Status.Addr, dataPathAddress(node)]),
  });
  if (!outcome.ok) throw refusal(outcome);
  // A number that a user has chosen, or that of ingress, says nothing of the next one.
  if (cluster !== undefined && Spec.Ingress !== true && Spec.Options?.[VXLAN_OPTION] === undefined) {
    tx.clusters.update({ ...cluster, lastVNI: outcome.allocation.vni });
  }
  return tx.networks.create({ ID, Spec, allocation: outcome.allocation });
}

function refusal({ cause, reason }: Extract<AllocationOutcome, { ok: false }>): ApiError {
  return cause === 'exhausted' ? new ApiError('unavailable', reason) : invalidArgument(reason);
}
