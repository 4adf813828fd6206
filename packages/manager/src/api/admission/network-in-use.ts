import { hasIngressPorts } from '@swarm/shared/domain/network-needs';
import type { Network } from '@swarm/shared/domain/objects';
import { isLive } from '@swarm/shared/domain/task-state';
import { failedPrecondition } from '@swarm/shared/errors/api-error';
import type { ReadTransaction } from '../../store/store.ts';

/** @throws ApiError 400 while a service needs the network, or a task of one that was moved off it. */
export function refuseNetworkInUse(tx: ReadTransaction, network: Network): void {
  const reason = explainNetworkInUse(tx, network);
  if (reason !== undefined) throw failedPrecondition(reason);
}

/** Undefined: nothing needs it. */
export function explainNetworkInUse(tx: ReadTransaction, network: Network): string | undefined {
  const service = tx.services.by('network', network.ID)[0];
  if (service !== undefined) return `network ${network.ID} is in use by service ${service.ID}`;
  if (network.Spec.Ingress === true) {
    const dependent = tx.services.all().find(({ Spec }) => hasIngressPorts(Spec.EndpointSpec));
    if (dependent !== undefined) {
      return `ingress network cannot be removed because service ${dependent.ID} depends on it`;
    }
  }
  for (const template of tx.templates.all()) {
    if (!(template.spec.Networks ?? []).some((attachment) => attachment.Target === network.ID)) continue;
    // Tasks of a service that is gone are on their way out, whether or not anyone has told them yet.
    if (tx.services.get(template.serviceID) === undefined) continue;
    const task = tx.tasks.by('template', template.ID).find(isLive);
    if (task !== undefined) return `network ${network.ID} is in use by task ${task.ID}`;
  }
  const guest = tx.guests.by('network', network.ID)[0];
  if (guest === undefined) return undefined;
  const node = tx.nodes.get(guest.nodeID)?.Description?.Hostname ?? guest.nodeID;
  return `network ${network.ID} is in use by container ${guest.name || guest.containerID || guest.ID} on node ${node}; remove it there, or disconnect it`;
}
