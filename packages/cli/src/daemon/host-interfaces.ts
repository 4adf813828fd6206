import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { HostInterface } from './decide/address.ts';

const SYS = '/sys/class/net';

/** The interfaces of this host that are up, without loopback and link-local addresses. */
export function hostInterfaces(): readonly HostInterface[] {
  return Object.entries(networkInterfaces()).flatMap(([name, list]) => {
    const addresses = (list ?? [])
      .filter((one) => !one.internal && !one.address.startsWith('fe80:') && !one.address.startsWith('169.254.'))
      .map((one) => ({ address: one.address, family: one.family === 'IPv4' ? (4 as const) : (6 as const) }));
    return addresses.length === 0 ? [] : [{ name, addresses, kind: interfaceKind(name) }];
  });
}

/** Hardware has a device behind it, a bridge a directory of that name. Source: Linux sysfs, class net. */
function interfaceKind(name: string): HostInterface['kind'] {
  if (existsSync(join(SYS, name, 'bridge'))) return 'bridge';
  return existsSync(join(SYS, name, 'device')) ? 'device' : 'virtual';
}
