import type { PortConfig, ServiceSpec } from '../engine-api/service-spec.ts';
import type { Service } from './objects.ts';

/**
 * The endpoint of a service whose spec is written: what follows from the spec, and of what it has now (`current`) that
 * which stays. Virtual IPs stay until the allocator takes them; ports whose number is left to the cluster keep the one
 * they have, new ones get theirs from the allocator. To be called wherever a service's spec is written.
 */
export function endpointFor({ EndpointSpec }: ServiceSpec, current: Service['Endpoint'] = {}): Service['Endpoint'] {
  const asked = EndpointSpec?.Ports;
  const free = (current.Ports ?? []).filter(
    (port) => asked?.some((other) => other.PublishedPort === port.PublishedPort && other.Protocol === port.Protocol) !== true,
  );
  const Ports = asked?.map((port) => {
    if (port.PublishMode === 'host' || (port.PublishedPort ?? 0) > 0) return port;
    const at = free.findIndex((other) => isSamePort(other, port) && (other.PublishedPort ?? 0) > 0);
    return at < 0 ? port : { ...port, ...free.splice(at, 1)[0] };
  });
  return {
    ...(current.VirtualIPs && { VirtualIPs: current.VirtualIPs }),
    ...(EndpointSpec && { Spec: EndpointSpec }),
    ...(Ports && { Ports }),
  };
}

function isSamePort(a: PortConfig, b: PortConfig): boolean {
  return a.TargetPort === b.TargetPort && a.Protocol === b.Protocol && a.PublishMode === b.PublishMode;
}
