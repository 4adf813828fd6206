import { INGRESS_LABEL } from '@swarm/shared/domain/labels';
import { hasIngressPorts, isIngressMode } from '@swarm/shared/domain/network-needs';
import type { Service } from '@swarm/shared/domain/objects';
import { predefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import type { EndpointSpec, PortConfig, ServiceSpec } from '@swarm/shared/engine-api/service-spec';
import { type ApiError, failedPrecondition, invalidArgument } from '@swarm/shared/errors/api-error';
import type { ReadTransaction } from '../../store/store.ts';

/**
 * A port published through ingress is taken on every node, so nothing else may publish it. Two services may publish
 * the same port in host mode: the scheduler keeps them apart.
 * @throws ApiError 400
 */
export function checkPortConflicts(tx: ReadTransaction, endpoint: EndpointSpec | undefined, ownID: string | undefined): void {
  for (const port of endpoint?.Ports ?? []) {
    const number = port.PublishedPort ?? 0;
    if (number === 0) continue;
    const protocol = port.Protocol ?? 'tcp';
    for (const service of tx.services.by('publishedPort', `${protocol}/${number}`)) {
      if (service.ID === ownID) continue;
      const taken = publishModes(service, protocol, number);
      if (taken.includes('ingress')) throw portTaken(number, service, 'an ingress port');
      if (port.PublishMode !== 'host' && taken.includes('host')) throw portTaken(number, service, 'a host-published port');
    }
  }
}

function publishModes(service: Service, protocol: string, number: number): readonly string[] {
  const ports: readonly PortConfig[] = [...(service.Spec.EndpointSpec?.Ports ?? []), ...(service.Endpoint.Ports ?? [])];
  return ports
    .filter((port) => port.PublishedPort === number && (port.Protocol ?? 'tcp') === protocol)
    .map((port) => port.PublishMode ?? 'ingress');
}

function portTaken(number: number, service: Service, how: string): ApiError {
  return invalidArgument(`port '${number}' is already in use by service '${service.Spec.Name}' (${service.ID}) as ${how}`);
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
