import { addressOf, contains, parseAddress, parseSubnet } from '@swarm/shared/domain/ipv4';
import type { DeviceNames } from './device-names.ts';
import type { HostAddress, HostLink } from './host-links.ts';
import type { HostNetwork } from './host-network.ts';

/** VXLAN adds this much to every packet over IPv4. */
const VXLAN_OVERHEAD_BYTES = 50;
/** ESP in transport mode with AES-GCM: header, sequence, vector, padding and check value, at most. */
const ESP_OVERHEAD_BYTES = 38;
const DEFAULT_UNDERLAY_MTU = 1500;

export interface Underlay {
  /** The address that is really one of this host's; undefined behind NAT, where the kernel chooses by its routes. */
  readonly local: string | undefined;
  readonly mtu: number;
  /** Why a bridge with the addresses of the network would cut this host off from others. */
  readonly overlap?: string;
  /**
   * Addresses of peers that this host has itself: it left the cluster and joined anew with another address, and the node
   * that it was is still there. The kernel would hand packets for them back to the bridge that they came from.
   */
  readonly selves?: readonly string[];
}

export function findUnderlay(network: HostNetwork, addresses: readonly HostAddress[], names: DeviceNames): Underlay {
  const own = addresses.find(({ address }) => address === network.underlay);
  const overlap = explainOverlap(network, addresses, names);
  const selves = network.peers.map((peer) => peer.address).filter((peer) => addresses.some(({ address }) => address === peer));
  return {
    ...(own !== undefined ? { local: own.address, mtu: own.mtu } : { local: undefined, mtu: DEFAULT_UNDERLAY_MTU }),
    ...(overlap !== undefined && { overlap }),
    ...(selves.length > 0 && { selves }),
  };
}

/** What its own networks have, the engine itself refuses to give twice. */
const ENGINE_BRIDGE = /^(docker|br-)/;

/**
 * What the host reaches by other devices, and would look for behind the bridge. A larger network around that of the cluster
 * does no harm: of two routes the narrower one counts.
 */
function explainOverlap(
  { subnet, peers, underlay }: HostNetwork,
  addresses: readonly HostAddress[],
  names: DeviceNames,
): string | undefined {
  const range = parseSubnet(subnet);
  const isInside = (text: string) => {
    const address = parseAddress(text);
    return range !== undefined && address !== undefined && contains(range, address);
  };
  const way = 'a bridge with these addresses would cut it off; make the network anew with another --subnet';
  const isForeign = (device: string) => names.vniOf(device) === undefined && !ENGINE_BRIDGE.test(device);
  const own = addresses.find(({ device, address }) => isForeign(device) && isInside(address));
  if (own !== undefined) return `its subnet ${subnet} has ${own.address}, this host's address on ${own.device}: ${way}`;
  const peer = [underlay, ...peers.map(({ address }) => address)].find(isInside);
  return peer && `its subnet ${subnet} has ${peer}, the address of a node of the cluster: ${way}`;
}

export function containerMtu(network: HostNetwork, underlay: Underlay): number {
  return network.mtu ?? underlay.mtu - VXLAN_OVERHEAD_BYTES - (network.encrypted ? ESP_OVERHEAD_BYTES : 0);
}

export interface DevicePlan {
  /** Lines for `ip -batch -`. */
  readonly ip: readonly string[];
}

/** What is missing of a network's devices: a bridge that someone removed, the VXLAN port and how it stands. */
export function decideDevices(
  network: HostNetwork,
  { local }: Pick<Underlay, 'local'>,
  mtu: number,
  links: ReadonlyMap<string, HostLink>,
  names: DeviceNames,
): readonly string[] {
  const bridge = names.bridge(network.vni);
  const vxlan = names.vxlan(network.vni);
  const lines: string[] = [];
  const link = links.get(vxlan);
  const fits =
    link?.vxlan !== undefined &&
    link.vxlan.vni === network.vni &&
    link.vxlan.port === network.dataPathPort &&
    link.vxlan.local === local &&
    link.vxlan.learning;
  if (link !== undefined && !fits) lines.push(`link del ${vxlan}`);
  if (!fits) {
    const from = local === undefined ? '' : ` local ${local}`;
    lines.push(`link add ${vxlan} type vxlan id ${network.vni} dstport ${network.dataPathPort}${from} learning`);
  }
  if (!fits || link.mtu !== mtu || link.master !== bridge || !link.isUp) lines.push(`link set ${vxlan} mtu ${mtu} master ${bridge} up`);
  const own = links.get(bridge);
  if (own !== undefined && !own.isUp) lines.push(`link set ${bridge} up`);
  return lines;
}

/** A bridge that was removed under its engine network: the engine itself makes it again only when it starts. */
export function decideBridge(
  network: HostNetwork,
  links: ReadonlyMap<string, HostLink>,
  names: DeviceNames,
  mtu: number,
): readonly string[] {
  const bridge = names.bridge(network.vni);
  if (links.has(bridge)) return [];
  const prefix = parseSubnet(network.subnet)?.prefix ?? 32;
  return [
    `link add ${bridge} mtu ${mtu} type bridge`,
    `address add ${network.gateway}/${prefix} broadcast + dev ${bridge}`,
    `link set ${bridge} up`,
  ];
}

/** Lines for `bridge -batch -`: frames whose place is not known go to every peer. */
export function decideFlooding(device: string, peers: readonly string[], targets: ReadonlySet<string>): readonly string[] {
  const wanted = new Set(peers);
  return [
    ...[...targets].filter((address) => !wanted.has(address)).map((address) => `fdb del 00:00:00:00:00:00 dev ${device} dst ${address}`),
    ...[...wanted].filter((address) => !targets.has(address)).map((address) => `fdb append 00:00:00:00:00:00 dev ${device} dst ${address}`),
  ];
}

/** Lines for `ip -batch -`: the host takes the whole range of VIPs for its own, without an address on the bridge. */
export function decideRoutes(network: HostNetwork, ranges: ReadonlySet<string>, names: DeviceNames): readonly string[] {
  const bridge = names.bridge(network.vni);
  const own = ownRange(network.vipRange);
  // The kernel's own entry of the subnet is no range of VIPs, and stays.
  const stale = [...ranges].filter((range) => range !== own && isWithin(range, network.subnet));
  return [
    ...stale.map((range) => `route del local ${range} dev ${bridge} table local`),
    ...(ranges.has(own) ? [] : [`route replace local ${own} dev ${bridge} table local`]),
  ];
}

function ownRange(cidr: string): string {
  return cidr.endsWith('/32') ? addressOf(cidr) : cidr;
}

function isWithin(range: string, subnet: string): boolean {
  const [inner, outer] = [parseSubnet(range), parseSubnet(subnet)];
  return inner !== undefined && outer !== undefined && inner.prefix > outer.prefix && inner.base >= outer.base;
}

/**
 * Lines for `bridge -batch -`: how the engine's ends of the containers' devices stand. Where bridged packets pass
 * iptables, a task that reaches itself by a VIP comes back by the port it left; and over ingress tasks reach the host only.
 */
export function decidePorts(
  network: HostNetwork,
  links: Iterable<HostLink>,
  names: DeviceNames,
  bridgesFilter: boolean,
): readonly string[] {
  const bridge = names.bridge(network.vni);
  const lines: string[] = [];
  for (const link of links) {
    if (link.master !== bridge || link.kind !== 'veth') continue;
    if (bridgesFilter && !link.hairpin) lines.push(`link set dev ${link.name} hairpin on`);
    // Where bridged packets pass the guards of the IP rules, those keep tasks apart: answers led back here must pass.
    const isolated = network.ingress && !bridgesFilter;
    if (link.isolated !== isolated) lines.push(`link set dev ${link.name} isolated ${isolated ? 'on' : 'off'}`);
  }
  return lines;
}

/** VXLAN devices of ours that belong to no wanted network: an engine that removes a network leaves them behind. */
export function decideStaleDevices(wanted: ReadonlySet<number>, links: Iterable<HostLink>, names: DeviceNames): readonly string[] {
  return [...links].flatMap(({ name }) => {
    const vni = names.vniOf(name);
    return vni === undefined || wanted.has(vni) || !name.startsWith(names.vxlanPrefix) ? [] : [`link del ${name}`];
  });
}

/** Settings below `net`, each with the value it must have. */
export function settingsOf(
  network: HostNetwork,
  names: DeviceNames,
): readonly { readonly path: readonly string[]; readonly value: string }[] {
  const conf = ['ipv4', 'conf', names.bridge(network.vni)];
  return [
    // Answers to clients whose address was kept leave by another way than the questions came.
    { path: [...conf, 'rp_filter'], value: '2' },
    { path: [...conf, 'send_redirects'], value: '0' },
    // Ports published on 127.0.0.1; packets that come in with such an address are dropped.
    ...(network.ingress ? [{ path: [...conf, 'route_localnet'], value: '1' }] : []),
  ];
}
