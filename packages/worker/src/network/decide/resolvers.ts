import { parseAddress } from '@swarm/shared/domain/ipv4';

/** The resolvers that `resolv.conf` names, in order. A zone of an IPv6 address stays: it says by which device it is reached. */
export function parseResolvers(resolvConf: string): readonly string[] {
  const named = resolvConf.split('\n').flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  return [...new Set(named.filter((address) => parseAddress(address) !== undefined || address.includes(':')))];
}
