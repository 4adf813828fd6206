import { PORT_PROTOCOLS, type PortConfig, PUBLISH_MODES } from '@swarm/shared/engine-api/service-spec';
import { usageError } from '../command/exit-codes.ts';
import { parseChoice, splitFields, splitPair } from './values.ts';

/** `8080:80`, `8080-8081:80-81/udp`, `80`, or `published=8080,target=80,protocol=tcp,mode=host`. */
export function parsePublish(flag: string, text: string): readonly PortConfig[] {
  return /^\w+=/.test(text) ? [parseLong(flag, text)] : parseShort(flag, text);
}

function parseLong(flag: string, text: string): PortConfig {
  const port: { -readonly [Key in keyof PortConfig]: PortConfig[Key] } = { Protocol: 'tcp', PublishMode: 'ingress' };
  for (const field of splitFields(flag, text)) {
    const [rawKey, value = ''] = splitPair(field);
    switch (rawKey.toLowerCase()) {
      case 'protocol':
        port.Protocol = parseChoice(flag, value.toLowerCase(), PORT_PROTOCOLS);
        break;
      case 'mode':
        port.PublishMode = parseChoice(flag, value.toLowerCase(), PUBLISH_MODES);
        break;
      case 'target':
        port.TargetPort = parsePort(flag, value);
        break;
      case 'published':
        if (!isChosen(value)) port.PublishedPort = parsePort(flag, value);
        break;
      default:
        throw usageError(`--${flag}: "${rawKey}" in "${text}" is not one of target, published, protocol, mode`);
    }
  }
  if (port.TargetPort === undefined) throw usageError(`--${flag}: "${text}" names no target, the port inside the container`);
  return port;
}

function parseShort(flag: string, text: string): readonly PortConfig[] {
  const [ports = '', protocolWord] = text.split('/', 2);
  const protocol = parseChoice(flag, (protocolWord ?? 'tcp').toLowerCase(), PORT_PROTOCOLS);
  const parts = ports.split(':');
  if (parts.length > 2) {
    throw usageError(
      `--${flag}: "${text}" names a host address; a service's port is published on every address of a node, drop the address`,
    );
  }
  const target = parseRange(flag, parts.at(-1) ?? '');
  const published = parts.length === 2 && !isChosen(parts[0] ?? '') ? parseRange(flag, parts[0] ?? '') : undefined;
  if (published !== undefined && published.length !== target.length && target.length !== 1) {
    throw usageError(`--${flag}: the two ranges in "${text}" are not equally long`);
  }
  // Several published ports may lead to one port of the container.
  const targets = published !== undefined && target.length === 1 ? published.map(() => target[0] ?? 0) : target;
  return targets.map((TargetPort, index) => ({
    Protocol: protocol,
    TargetPort,
    ...(published?.[index] !== undefined && { PublishedPort: published[index] }),
    PublishMode: 'ingress',
  }));
}

/** The cluster chooses the number. */
function isChosen(published: string): boolean {
  return published === '' || published === '0';
}

function parseRange(flag: string, text: string): readonly number[] {
  const [first = '', last] = text.split('-', 2);
  const from = parsePort(flag, first);
  const to = last === undefined ? from : parsePort(flag, last);
  if (to < from) throw usageError(`--${flag}: the range "${text}" ends before it begins`);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function parsePort(flag: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port >= 1 && port <= 65535)) throw usageError(`--${flag}: "${text}" is no port; give a number from 1 to 65535, as in 8080:80`);
  return port;
}
