import type { Service } from '@swarm/shared/domain/objects';
import type { EndpointSpec, PortConfig } from '@swarm/shared/engine-api/service-spec';
import type { ReadTransaction } from '../store/store.ts';

export interface PortConflict {
  readonly number: number;
  /** Who has it. */
  readonly service: Service;
  readonly mode: 'ingress' | 'host';
}

/**
 * A port published through ingress is taken on every node, so nothing else may publish it. Two services may publish
 * the same port in host mode: the scheduler keeps them apart. `ownID`: whose endpoint it is, where it has one already.
 */
export function findPortConflict(
  tx: ReadTransaction,
  endpoint: EndpointSpec | undefined,
  ownID: string | undefined,
): PortConflict | undefined {
  for (const port of endpoint?.Ports ?? []) {
    const number = port.PublishedPort ?? 0;
    if (number === 0) continue;
    const protocol = port.Protocol ?? 'tcp';
    for (const service of tx.services.by('publishedPort', `${protocol}/${number}`)) {
      if (service.ID === ownID) continue;
      const taken = publishModes(service, protocol, number);
      if (taken.includes('ingress')) return { number, service, mode: 'ingress' };
      if (port.PublishMode !== 'host' && taken.includes('host')) return { number, service, mode: 'host' };
    }
  }
  return undefined;
}

function publishModes(service: Service, protocol: string, number: number): readonly string[] {
  const ports: readonly PortConfig[] = [...(service.Spec.EndpointSpec?.Ports ?? []), ...(service.Endpoint.Ports ?? [])];
  return ports
    .filter((port) => port.PublishedPort === number && (port.Protocol ?? 'tcp') === protocol)
    .map((port) => port.PublishMode ?? 'ingress');
}
