import type { NetworkSpec } from '../engine-api/payload-specs.ts';
import { contains, formatAddress, formatSubnet, lastOf, overlaps, parseAddress, parseSubnet, type Subnet, sizeOf } from './ipv4.ts';
import type { Network } from './objects.ts';

/**
 * What a network of the cluster gets when it is made: a subnet and a VXLAN number. Decided in the transaction that
 * creates the network, on the newest state, so that what cannot be had is refused before anything is stored.
 */
export type NetworkAllocation = NonNullable<Network['allocation']>;

export interface AllocationContext {
  /** CIDR, as the cluster has them. */
  readonly pools: readonly string[];
  /** Prefix length of the subnets that are cut from the pools. */
  readonly subnetSize: number;
  readonly networks: readonly Pick<Network, 'Spec' | 'allocation'>[];
  /**
   * The number that was given last. Numbers are given in turn and come again late: a host that is cut off, and has not
   * heard that a network is gone, must not find itself in the next one.
   */
  readonly lastVNI?: number;
  /** Of the hosts on the underlay: a subnet around one of them would cut it off. */
  readonly hostAddresses: readonly string[];
}

export type AllocationOutcome =
  | { readonly ok: true; readonly allocation: NetworkAllocation }
  | { readonly ok: false; readonly cause: 'taken' | 'exhausted'; readonly reason: string };

export const VXLAN_OPTION = 'com.docker.network.driver.overlay.vxlanid_list';
export const MTU_OPTION = 'com.docker.network.driver.mtu';
const ENCRYPTED_OPTION = 'encrypted';

/** As Docker has it: the option is there, whatever its value, unless that says no. */
export function isEncrypted({ Options = {} }: NetworkSpec): boolean {
  const value = Options[ENCRYPTED_OPTION];
  return value !== undefined && value !== 'false' && value !== '0';
}

const INGRESS_VNI = 4096;
const MAX_VNI = 16_777_215;
/** Gateways of all nodes and one address for every task with published ports: more than a /24 has. */
const INGRESS_PREFIX = 16;
/** Of the pool that `ingress` may take at most: a sixteenth. */
const INGRESS_SHARE_BITS = 4;
const MIN_PREFIX = 8;
const MAX_PREFIX = 29;

/** Subnets that no container network can have. */
const ABSURD: readonly (readonly [string, string])[] = [
  ['0.0.0.0/8', 'addresses of "this network"'],
  ['127.0.0.0/8', 'loopback addresses'],
  ['169.254.0.0/16', 'link-local addresses'],
  ['224.0.0.0/3', 'multicast and reserved addresses'],
];

export function decideNetworkAllocation(spec: NetworkSpec, context: AllocationContext): AllocationOutcome {
  const vni = decideVNI(spec, context);
  if (typeof vni === 'string') return { ok: false, cause: 'taken', reason: vni };
  const given = spec.IPAM?.Config ?? [];
  const { Subnet, Gateway, IPRange } = given[0] ?? {};
  if (!Subnet) {
    const subnet = freeSubnet(spec, context);
    if (subnet === undefined) return { ok: false, cause: 'exhausted', reason: explainExhausted(spec, context) };
    return { ok: true, allocation: build(vni, subnet, subnet, Gateway) };
  }
  const subnet = parseSubnet(Subnet) as Subnet;
  const other = takenSubnets(context.networks).find((entry) => overlaps(entry.subnet, subnet));
  if (other !== undefined) {
    return {
      ok: false,
      cause: 'taken',
      reason: `subnet ${Subnet} of network "${spec.Name}" overlaps ${formatSubnet(other.subnet)} of network "${other.name}"; choose another one, or leave it out`,
    };
  }
  const host = context.hostAddresses.find((address) => isIn(subnet, address));
  if (host !== undefined) {
    return {
      ok: false,
      cause: 'taken',
      reason: `subnet ${Subnet} of network "${spec.Name}" contains ${host}, the address of a node: its containers would cut that host off; choose another one, or leave it out`,
    };
  }
  return { ok: true, allocation: build(vni, subnet, IPRange ? (parseSubnet(IPRange) as Subnet) : subnet, Gateway) };
}

/** Why a network cannot have the addresses its spec asks for, whatever else there is. */
export function explainBadIPAM({ Name, IPAM, EnableIPv6 }: NetworkSpec): string | undefined {
  if (EnableIPv6 === true) return `network "${Name}" asks for IPv6; the cluster's networks have IPv4 only: leave EnableIPv6 out`;
  if (!['', 'default'].includes(IPAM?.Driver ?? '')) {
    return `network "${Name}" asks for the IPAM driver "${IPAM?.Driver}"; addresses are given by the cluster: leave the driver out`;
  }
  const configs = IPAM?.Config ?? [];
  if (configs.length > 1)
    return `network "${Name}" asks for ${configs.length} subnets; a network of the cluster has one: give one larger subnet`;
  const { Subnet = '', IPRange = '', Gateway = '', AuxiliaryAddresses = {} } = configs[0] ?? {};
  if (Subnet === '') {
    const lonely = IPRange || Gateway || Object.values(AuxiliaryAddresses)[0];
    return lonely ? `no matching subnet for ${lonely}: give the subnet that it is in` : undefined;
  }
  const subnet = parseSubnet(Subnet);
  if (subnet === undefined) return `invalid subnet ${Subnet}: invalid CIDR block notation`;
  if (formatSubnet(subnet) !== Subnet) return `invalid subnet ${Subnet}: it should be ${formatSubnet(subnet)}`;
  return (
    explainBadSize('subnet', subnet) ??
    explainAbsurd(subnet) ??
    explainBadRange(subnet, IPRange) ??
    explainOutside(subnet, Gateway, AuxiliaryAddresses)
  );
}

function explainBadSize(what: string, subnet: Subnet): string | undefined {
  if (subnet.prefix > MAX_PREFIX) {
    return `invalid ${what} ${formatSubnet(subnet)}: too small; every node needs a gateway, every service a virtual IP and every task an address, so a /${MAX_PREFIX} is the least`;
  }
  if (subnet.prefix < MIN_PREFIX) return `invalid ${what} ${formatSubnet(subnet)}: too large; a /${MIN_PREFIX} is the most`;
  return undefined;
}

function explainAbsurd(subnet: Subnet): string | undefined {
  const absurd = ABSURD.find(([range]) => overlaps(parseSubnet(range) as Subnet, subnet));
  return (
    absurd &&
    `invalid subnet ${formatSubnet(subnet)}: it has ${absurd[1]} (${absurd[0]}); choose one from 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16`
  );
}

function explainBadRange(subnet: Subnet, text: string): string | undefined {
  if (text === '') return undefined;
  const range = parseSubnet(text);
  if (range === undefined) return `invalid ip-range ${text}: invalid CIDR block notation`;
  if (range.base < subnet.base || lastOf(range) > lastOf(subnet))
    return `ip-range ${text} is not within the subnet ${formatSubnet(subnet)}`;
  return explainBadSize('ip-range', range);
}

function explainOutside(subnet: Subnet, gateway: string, auxiliary: Readonly<Record<string, string>>): string | undefined {
  const outside = (text: string) => {
    const address = parseAddress(text);
    return address === undefined || address <= subnet.base || address >= lastOf(subnet);
  };
  if (gateway !== '' && outside(gateway)) return `gateway ${gateway} is no address of a host in the subnet ${formatSubnet(subnet)}`;
  const bad = Object.entries(auxiliary).find(([, address]) => outside(address));
  return bad && `auxiliary address ${bad[0]}=${bad[1]} is no address of a host in the subnet ${formatSubnet(subnet)}`;
}

/** The top quarter of where addresses are given from is for VIPs. */
function build(vni: number, subnet: Subnet, range: Subnet, gateway: string | undefined): NetworkAllocation {
  const vips: Subnet = { base: range.base + (sizeOf(range.prefix) / 4) * 3, prefix: range.prefix + 2 };
  return {
    vni,
    configs: [{ Subnet: formatSubnet(subnet), Gateway: gateway || formatAddress(subnet.base + 1) }],
    vipRange: formatSubnet(vips),
  };
}

function decideVNI(spec: NetworkSpec, { networks, lastVNI = INGRESS_VNI }: AllocationContext): number | string {
  const taken = new Map(
    networks.flatMap(({ Spec, allocation }) => (allocation === undefined ? [] : [[allocation.vni, Spec.Name] as const])),
  );
  const asked = spec.Options?.[VXLAN_OPTION];
  if (asked !== undefined) {
    const vni = Number(asked);
    if (!taken.has(vni)) return vni;
    return `VXLAN number ${vni} of network "${spec.Name}" is that of network "${taken.get(vni)}"; choose another one, or leave the option out`;
  }
  if (spec.Ingress === true && !taken.has(INGRESS_VNI)) return INGRESS_VNI;
  const after = (vni: number) => (vni >= MAX_VNI ? INGRESS_VNI + 1 : vni + 1);
  let vni = after(Math.max(lastVNI, INGRESS_VNI));
  while (taken.has(vni)) vni = after(vni);
  return vni;
}

/** Why the options of a network cannot be taken as they are. */
export function explainBadOptions({ Name, Options = {} }: NetworkSpec): string | undefined {
  const vni = Options[VXLAN_OPTION];
  if (vni !== undefined && !(/^\d{1,8}$/.test(vni) && Number(vni) > INGRESS_VNI && Number(vni) <= MAX_VNI)) {
    return `option ${VXLAN_OPTION}=${vni} of network "${Name}" is not one number from ${INGRESS_VNI + 1} to ${MAX_VNI}`;
  }
  const mtu = Options[MTU_OPTION];
  if (mtu !== undefined && !(/^\d{1,5}$/.test(mtu) && Number(mtu) >= 576 && Number(mtu) <= 65_535)) {
    return `option ${MTU_OPTION}=${mtu} of network "${Name}" is not a number of bytes from 576 to 65535`;
  }
  return undefined;
}

/** The first subnet of the pools that is nobody's. One pass over what is taken, in order. */
function freeSubnet(spec: NetworkSpec, context: AllocationContext): Subnet | undefined {
  const hosts = context.hostAddresses.flatMap((address) => parseAddress(address) ?? []).map((base) => ({ base, prefix: 32 }));
  const taken = [...takenSubnets(context.networks).map((entry) => entry.subnet), ...hosts].sort((a, b) => a.base - b.base);
  for (const pool of context.pools.flatMap((text) => parseSubnet(text) ?? [])) {
    const prefix = spec.Ingress === true ? ingressPrefix(pool, context.subnetSize) : context.subnetSize;
    if (pool.prefix > prefix) continue;
    const size = sizeOf(prefix);
    let base = pool.base;
    for (const other of taken) {
      if (lastOf(other) < base) continue;
      if (other.base >= base + size) break;
      base = (Math.floor(lastOf(other) / size) + 1) * size;
    }
    if (base + size - 1 <= lastOf(pool)) return { base, prefix };
  }
  return undefined;
}

function ingressPrefix(pool: Subnet, subnetSize: number): number {
  return Math.min(Math.max(INGRESS_PREFIX, pool.prefix + INGRESS_SHARE_BITS), subnetSize);
}

function explainExhausted(spec: NetworkSpec, { pools, subnetSize, networks }: AllocationContext): string {
  return (
    `no subnet is left for network "${spec.Name}": the ${networks.length} networks of the cluster and the addresses of its hosts take all of ` +
    `${pools.join(', ')} in pieces of /${subnetSize}; remove a network ("swarm network prune"), or give this one a subnet of its own`
  );
}

function takenSubnets(networks: AllocationContext['networks']): readonly { readonly name: string; readonly subnet: Subnet }[] {
  return networks.flatMap(({ Spec, allocation }) => {
    const texts = allocation?.configs ?? Spec.IPAM?.Config ?? [];
    return texts.flatMap((config) => {
      const subnet = parseSubnet(config.Subnet ?? '');
      return subnet === undefined ? [] : [{ name: Spec.Name, subnet }];
    });
  });
}

function isIn(subnet: Subnet, text: string): boolean {
  const address = parseAddress(text);
  return address !== undefined && contains(subnet, address);
}
