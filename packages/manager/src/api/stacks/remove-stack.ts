import { STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import type { StackReply, StackResult } from '@swarm/shared/engine-api/stack-spec';
import { ApiError } from '@swarm/shared/errors/api-error';
import type { WriteTransaction } from '../../store/store.ts';
import { refuseInUse } from '../admission/admit-payload.ts';
import { refuseNetworkInUse } from '../admission/network-in-use.ts';
import { removeService } from '../write-service.ts';
import { stackServices } from './apply-stack.ts';

/**
 * Removes all that a stack holds, or nothing: what another stack still uses refuses it by name.
 * @throws ApiError 404 when there is nothing of that name
 */
export function removeStack(tx: WriteTransaction, stack: string): StackReply {
  const results: StackResult[] = [];
  const inStack = (object: { readonly Spec: { readonly Labels?: Readonly<Record<string, string>> } }) =>
    object.Spec.Labels?.[STACK_NAMESPACE_LABEL] === stack;
  const removed = (kind: StackResult['kind'], object: { readonly ID: string; readonly Spec: { readonly Name: string } }) =>
    results.push({ kind, name: object.Spec.Name, id: object.ID, action: 'removed' });
  for (const service of stackServices(tx, stack)) {
    removeService(tx, service);
    removed('service', service);
  }
  for (const secret of tx.secrets.all().filter(inStack)) {
    refuseInUse('secret', secret.Spec.Name, tx.services.by('secret', secret.ID));
    tx.secrets.remove(secret.ID);
    removed('secret', secret);
  }
  for (const config of tx.configs.all().filter(inStack)) {
    refuseInUse('config', config.Spec.Name, tx.services.by('config', config.ID));
    tx.configs.remove(config.ID);
    removed('config', config);
  }
  for (const network of tx.networks.all().filter(inStack)) {
    refuseNetworkInUse(tx, network);
    tx.networks.remove(network.ID);
    removed('network', network);
  }
  for (const { ID } of tx.stackRevisions.by('stack', stack)) tx.stackRevisions.remove(ID);
  if (results.length === 0) throw new ApiError('not-found', `nothing found in stack: ${stack}`);
  return { results, warnings: [] };
}
