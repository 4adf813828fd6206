import type { Target } from '../../client/target.ts';
import type { HostInterface } from './address.ts';

/** What is known of this host where its API listens on TCP. */
export interface HostFacts {
  readonly hostname: string;
  readonly interfaces: readonly HostInterface[];
  /** Where other nodes reach it; empty outside a cluster. */
  readonly advertised: string;
}

const EVERY_ADDRESS = new Set(['0.0.0.0', '::']);

/** Every name and address that a client may have reached this host by, for its certificate. */
export function serverNames(hosts: readonly Target[], tlsNames: readonly string[], facts: HostFacts): readonly string[] {
  const listened = hosts.flatMap((host) => (host.kind === 'tcp' && !EVERY_ADDRESS.has(host.host) ? [host.host] : []));
  const addresses = facts.interfaces.flatMap((one) => one.addresses.map(({ address }) => address));
  const all = [...tlsNames, ...listened, facts.advertised, facts.hostname, ...addresses, 'localhost', '127.0.0.1', '::1'];
  return [...new Set(all.filter((name) => name !== ''))];
}

/** Where clients elsewhere are best told to connect, best first: names that the operator gave, then what other nodes use. */
export function clientAddresses(hosts: readonly Target[], tlsNames: readonly string[], facts: HostFacts): readonly string[] {
  const found = hosts.flatMap((host) => {
    if (host.kind !== 'tcp') return [];
    if (!EVERY_ADDRESS.has(host.host)) return [addressText(host.host, host.port)];
    const names = [...tlsNames, facts.advertised].filter((name) => name !== '' && !name.startsWith('*'));
    return names.map((name) => addressText(name, host.port));
  });
  return [...new Set(found)];
}

function addressText(host: string, port: number): string {
  return `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
