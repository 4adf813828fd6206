import type { PortConfig } from '@swarm/shared/engine-api/service-spec';

/**
 * `*:8080->80/tcp`, neighbours joined to `*:8080-8081->80-81/tcp`: the ports that every node publishes.
 * Source: docker/cli, service formatter.
 */
export function servicePorts(ports: readonly PortConfig[]): string {
  const sorted = ports
    .filter((port) => (port.PublishMode ?? 'ingress') === 'ingress')
    .map((port) => ({ target: port.TargetPort ?? 0, published: port.PublishedPort ?? 0, protocol: port.Protocol ?? 'tcp' }))
    .sort((a, b) => compareWords(a.protocol, b.protocol) || a.target - b.target || a.published - b.published);
  const ranges: { protocol: string; target: number; published: number; more: number }[] = [];
  for (const port of sorted) {
    const last = ranges.at(-1);
    const follows =
      last !== undefined &&
      last.protocol === port.protocol &&
      port.target === last.target + last.more + 1 &&
      port.published === last.published + last.more + 1;
    if (follows) last.more += 1;
    else ranges.push({ ...port, more: 0 });
  }
  return ranges.map((range) => `*:${span(range.published, range.more)}->${span(range.target, range.more)}/${range.protocol}`).join(', ');
}

function span(from: number, more: number): string {
  return more === 0 ? String(from) : `${from}-${from + more}`;
}

function compareWords(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Ports that one task publishes on its own node. */
export function taskPorts(ports: readonly PortConfig[]): string {
  return ports.map((port) => `*:${port.PublishedPort ?? 0}->${port.TargetPort ?? 0}/${port.Protocol ?? 'tcp'}`).join(',');
}
