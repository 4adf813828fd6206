/**
 * The resolvers that `resolv.conf` names, in order. A zone of an IPv6 address stays: it says by which device it is reached.
 * What is no address is left out, as the host's own programs do.
 */
export function parseResolvers(resolvConf: string, isAddress: (text: string) => boolean): readonly string[] {
  const named = resolvConf.split('\n').flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
  return [...new Set(named.filter(isAddress))];
}
