import { contains, parseAddress, type Subnet } from '@swarm/shared/domain/ipv4';

/**
 * The addresses of `subnets` that answer a flow and serve no more, each once, in order. `listing`: as `conntrack -L`
 * prints flows, in one line each; the second source of a line is where the answers come from. Addresses elsewhere are
 * those of another daemon on this machine.
 */
export function decideStaleFlows(listing: string, serving: ReadonlySet<string>, subnets: readonly Subnet[]): readonly string[] {
  const stale = new Set<string>();
  for (const line of listing.split('\n')) {
    const answering = [...line.matchAll(/\bsrc=(\S+)/g)][1]?.[1];
    if (answering === undefined || serving.has(answering) || stale.has(answering)) continue;
    const address = parseAddress(answering);
    if (address !== undefined && subnets.some((subnet) => contains(subnet, address))) stale.add(answering);
  }
  return [...stale].sort();
}
