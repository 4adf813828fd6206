import type { Service } from '@swarm/shared/domain/objects';
import type { EndpointSpec, PortConfig } from '@swarm/shared/engine-api/service-spec';
import { ApiError, invalidArgument } from '@swarm/shared/errors/api-error';
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

/** @throws ApiError 501: ingress needs the cluster's own network, which this version does not have. */
export function refuseIngressPorts(serviceName: string, endpoint: EndpointSpec | undefined): void {
  const port = (endpoint?.Ports ?? []).find((candidate) => candidate.PublishMode !== 'host');
  if (port === undefined) return;
  const which = (port.PublishedPort ?? 0) > 0 ? `published port ${port.PublishedPort}` : `port ${port.TargetPort}`;
  throw new ApiError(
    'unimplemented',
    `${which} of service "${serviceName}" is in ingress mode, which this version cannot do yet; publish it with mode=host`,
  );
}
