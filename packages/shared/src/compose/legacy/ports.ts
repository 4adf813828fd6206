import { isIP } from 'node:net';
import type { PortConfig } from '../../engine-api/service-spec.ts';

export interface ParsedPorts {
  readonly ports: readonly PortConfig[];
  /** The host addresses that were given: they cannot be kept. */
  readonly ignoredAddresses: readonly string[];
}

/** `[ip:][published[-end]:]target[-end][/protocol]`, as the docker CLI reads it. Throws when it is none. */
export function parsePorts(text: string): ParsedPorts {
  const [ports = '', protocolText = '', ...more] = text.split('/');
  const protocol = protocolText.toLowerCase() || 'tcp';
  if (more.length > 0 || (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp'))
    throw new Error(`invalid proto: ${protocolText}`);
  const { address, published, target } = splitParts(ports);
  if (target === '') throw new Error('no port specified');
  const targets = parseRange(target);
  const publishedRange = published === '' ? undefined : parseRange(published);
  if (address !== '' && (isIP(address) === 0 || address.includes('%'))) throw new Error(`invalid IP address: ${address}`);
  const targetCount = targets.end - targets.start + 1;
  const publishedCount = publishedRange === undefined ? targetCount : publishedRange.end - publishedRange.start + 1;
  if (targetCount !== publishedCount && targetCount !== 1)
    throw new Error(`invalid ranges specified for container and host Ports: ${text}`);
  const list = Array.from({ length: Math.max(targetCount, publishedCount) }, (_, index): PortConfig => {
    const number = publishedRange === undefined ? 0 : publishedRange.start + index;
    return {
      Protocol: protocol,
      TargetPort: targetCount === 1 ? targets.start : targets.start + index,
      ...(number === 0 ? {} : { PublishedPort: number }),
      PublishMode: 'ingress',
    };
  });
  return {
    ports: list,
    ignoredAddresses:
      address === '' || address === '0.0.0.0'
        ? []
        : list.map((port) => `${address}:${port.PublishedPort ?? ''}:${port.TargetPort}/${protocol}`),
  };
}

function splitParts(text: string): { address: string; published: string; target: string } {
  const bracket = /^\[([^\]]*)\]:(.*)$/.exec(text);
  const parts = (bracket?.[2] ?? text).split(':');
  if (bracket !== null && parts.length < 2) throw new Error(`invalid port: ${text}`);
  const target = parts.pop() ?? '';
  const published = parts.pop() ?? '';
  return { address: bracket?.[1] ?? parts.join(':'), published, target };
}

function parseRange(text: string): { start: number; end: number } {
  const [first = '', last = first, ...more] = text.split('-');
  const [start, end] = [first, last].map((part) => {
    if (!/^\d+$/.test(part) || Number(part) > 65_535) throw new Error(`invalid port: ${text}`);
    return Number(part);
  }) as [number, number];
  if (more.length > 0 || end < start) throw new Error(`invalid port range: ${text}`);
  return { start, end };
}
