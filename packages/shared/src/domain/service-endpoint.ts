import type { PortConfig, ServiceSpec } from '../engine-api/service-spec.ts';
import type { Service } from './objects.ts';

/**
 * A service's endpoint as its spec has it, whoever writes the spec: a client, or a rollback. Ports whose number is left to the
 * cluster keep the one they have, and so do virtual IPs; new ones get theirs from the allocator.
 */
export function endpointFor({ EndpointSpec }: ServiceSpec, before: Service['Endpoint'] = {}): Service['Endpoint'] {
  const asked = EndpointSpec?.Ports;
  const free = (before.Ports ?? []).filter(
    (port) => asked?.some((other) => other.PublishedPort === port.PublishedPort && other.Protocol === port.Protocol) !== true,
  );
  const Ports = asked?.map((port) => {
    if (port.PublishMode === 'host' || (port.PublishedPort ?? 0) > 0) return port;
    const at = free.findIndex((other) => isSamePort(other, port) && (other.PublishedPort ?? 0) > 0);
    return at < 0 ? port : { ...port, ...free.splice(at, 1)[0] };
  });
  return {
    ...(before.VirtualIPs && { VirtualIPs: before.VirtualIPs }),
    ...(EndpointSpec && { Spec: EndpointSpec }),
    ...(Ports && { Ports }),
  };
}

function isSamePort(a: PortConfig, b: PortConfig): boolean {
  return a.TargetPort === b.TargetPort && a.Protocol === b.Protocol && a.PublishMode === b.PublishMode;
}
