import { INGRESS_LABEL } from '@swarm/shared/domain/labels';
import { hasIngressPorts, isIngressMode, isIngressPort } from '@swarm/shared/domain/network-needs';
import { predefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import type { EndpointSpec, ServiceSpec } from '@swarm/shared/engine-api/service-spec';
import { failedPrecondition, invalidArgument } from '@swarm/shared/errors/api-error';
import { clusterPorts } from '../../seams/cluster-ports.ts';
import { findPortConflict } from '../../seams/port-conflict.ts';
import type { ReadTransaction } from '../../store/store.ts';

/** @throws ApiError 400 */
export function checkPortConflicts(tx: ReadTransaction, endpoint: EndpointSpec | undefined, ownID: string | undefined): void {
  const conflict = findPortConflict(tx, endpoint, ownID);
  if (conflict === undefined) return;
  const { number, service, mode } = conflict;
  const how = mode === 'ingress' ? 'an ingress port' : 'a host-published port';
  throw invalidArgument(`port '${number}' is already in use by service '${service.Spec.Name}' (${service.ID}) as ${how}`);
}

/** @throws ApiError 400 where a service would take a port that the cluster lives by. */
export function checkClusterPorts(tx: ReadTransaction, { Name, EndpointSpec }: ServiceSpec): void {
  const published = (EndpointSpec?.Ports ?? []).filter((port) => isIngressPort(port) && (port.PublishedPort ?? 0) > 0);
  if (published.length === 0) return;
  const own = clusterPorts(tx);
  for (const { PublishedPort, Protocol = 'tcp' } of published) {
    const use = own.get(`${Protocol}/${PublishedPort}`);
    if (use !== undefined)
      throw invalidArgument(`service "${Name}" cannot publish port ${PublishedPort}/${Protocol}: ${use}; publish another port`);
  }
}

/** What publishing through ingress needs, and the label that chooses how. @throws ApiError 400 */
export function checkIngress(tx: ReadTransaction, { Name, Labels, EndpointSpec, TaskTemplate }: ServiceSpec): void {
  const mode = Labels[INGRESS_LABEL];
  if (mode !== undefined && !isIngressMode(mode)) {
    throw invalidArgument(
      `label ${INGRESS_LABEL}=${mode} of service "${Name}" is neither mesh (every node leads to every task) nor local (a node leads to its own tasks only)`,
    );
  }
  if (!hasIngressPorts(EndpointSpec)) return;
  if (tx.networks.count('ingress', 'true') === 0) {
    throw failedPrecondition('service needs ingress network, but no ingress network is present');
  }
  const alone = (TaskTemplate.Networks ?? [])
    .map(({ Target = '' }) => predefinedNetwork(Target)?.Name)
    .find((name) => name === 'host' || name === 'none');
  if (alone === undefined) return;
  throw invalidArgument(
    `service "${Name}" is in network "${alone}", so its ports cannot be published through ingress; publish them with mode=host or not at all, or take it out of "${alone}"`,
  );
}
