import type { TakenWhere } from '../net-process.ts';
import type { DeviceNames } from './device-names.ts';
import type { HostNetwork, HostService } from './host-network.ts';
import { encryptionMark } from './ipsec-plan.ts';

/**
 * The rules of all networks of this host, in the form of nftables 1.0: what stands still while tasks come and go
 * (`frame`), and what follows them (chains of services and ports, and the maps that lead to them).
 */
export interface NftDocument {
  readonly table: string;
  /** Sets and guards of both tables, without the parts below. */
  readonly frame: NftFrame;
  /** Name to rules. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** `"bridge" . address` to chain. */
  readonly vips: ReadonlyMap<string, string>;
  /** `protocol . port` to chain. */
  readonly published: ReadonlyMap<string, string>;
  /** `protocol . port` of all that is published, also while no task serves it. */
  readonly reserved: readonly string[];
  /** The addresses that all of these lead to. */
  readonly backends: readonly string[];
}

export interface NftFrame {
  readonly ip: readonly string[];
  readonly bridge: readonly string[];
}

export interface HostFacts {
  /** Gateways whose names are asked for at another port than 53. */
  readonly namePorts: ReadonlyMap<string, number>;
  /** `protocol . port` of what programs of the host listen on: what comes for it stays theirs. */
  readonly takenPorts: ReadonlyMap<string, TakenWhere>;
  /** Bridged packets pass the IP rules, too (`bridge-nf-call-iptables`). */
  readonly bridgesFilter: boolean;
}

/** As the keys of rules have it. */
export function portKey({ protocol, port }: { readonly protocol: string; readonly port: number }): string {
  return `${protocol} . ${port}`;
}

/** Connections that we lead elsewhere: Docker's rules let them pass (`DOCKER-USER`). */
export const MARK_OURS = 0x20000;
/** Connections whose answers must come back through this host. */
const MARK_MASQUERADE = 0x40000;

const mark = (bits: number) => `ct mark set ct mark or 0x${bits.toString(16)}`;
const isMarked = (bits: number) => `ct mark and 0x${bits.toString(16)} == 0x${bits.toString(16)}`;

/** Pure: equal networks give equal documents. */
export function buildNftDocument(networks: readonly HostNetwork[], names: DeviceNames, host: HostFacts): NftDocument {
  const chains = new Map<string, readonly string[]>();
  const vips = new Map<string, string>();
  const published = new Map<string, string>();
  const reserved = new Set<string>();
  const backends = new Set<string>();
  for (const network of networks) {
    for (const service of network.services) {
      for (const { address } of service.backends) backends.add(address);
      if (network.ingress) publish(service, names, host, { chains, published, reserved });
      else if (service.vip !== undefined && service.backends.length > 0) {
        const chain = `svc-${network.vni}-${service.vip.replaceAll('.', '-')}`;
        const addresses = service.backends.map(({ address }) => address);
        chains.set(chain, [`${mark(MARK_OURS | MARK_MASQUERADE)} dnat to ${oneOf(addresses)}`]);
        vips.set(`"${names.bridge(network.vni)}" . ${service.vip}`, chain);
      }
    }
  }
  return {
    table: names.table,
    frame: buildFrame(networks, names, host),
    chains,
    vips,
    published,
    reserved: [...reserved].sort(),
    backends: [...backends].sort(),
  };
}

interface Published {
  readonly chains: Map<string, readonly string[]>;
  readonly published: Map<string, string>;
  readonly reserved: Set<string>;
}

/** The address of a client from outside is kept where a task is at hand; else the answer must come back this way. */
function publish(service: HostService, names: DeviceNames, { takenPorts }: HostFacts, into: Published): void {
  const local = service.backends.filter(({ isLocal }) => isLocal).map(({ address }) => address);
  const all = service.ingressMode === 'local' ? local : service.backends.map(({ address }) => address);
  for (const { protocol, published: port, target } of service.ports) {
    const key = portKey({ protocol, port });
    if (takenPorts.get(key) === 'everywhere') continue;
    // Admission lets a port be published once; if it were not so, the first one by id would keep it on all hosts.
    if (into.reserved.has(key)) continue;
    into.reserved.add(key);
    if (all.length === 0) continue;
    const chain = `pub-${protocol}-${port}`;
    const keep = `fib saddr type != local iifname != "${names.bridgePrefix}*" meta l4proto ${protocol} ${mark(MARK_OURS)}`;
    into.chains.set(chain, [
      ...(local.length === 0 ? [] : [`${keep} dnat to ${oneOf(local)} : ${target}`]),
      `meta l4proto ${protocol} ${mark(MARK_OURS | MARK_MASQUERADE)} dnat to ${oneOf(all)} : ${target}`,
    ]);
    into.published.set(key, chain);
  }
}

function oneOf(addresses: readonly string[]): string {
  if (addresses.length === 1) return addresses[0] as string;
  return `numgen random mod ${addresses.length} map { ${addresses.map((address, index) => `${index} : ${address}`).join(', ')} }`;
}

const toNames = 'meta l4proto { tcp, udp } th dport 53';
const asksForNames = `iifname . ip daddr @names ${toNames}`;

function buildFrame(networks: readonly HostNetwork[], names: DeviceNames, host: HostFacts): NftFrame {
  const { namePorts, bridgesFilter } = host;
  const bridges = `"${names.bridgePrefix}*"`;
  const vxlans = `"${names.vxlanPrefix}*"`;
  const vteps = unique(networks.flatMap(({ underlay, peers }) => [underlay, ...peers.map(({ address }) => address)]));
  // By the number in the VXLAN header too: other clusters and Docker's own overlays may use the same port.
  const ports = unique(networks.map(({ dataPathPort }) => String(dataPathPort))).join(', ');
  const vxlan = `udp dport { ${ports} } @th,96,24 { ${networks.map(({ vni }) => vni).join(', ')} }`;
  const ranges = unique(networks.map(({ vipRange }) => vipRange));
  const internal = networks.filter((network) => network.internal).map(({ vni }) => `"${names.bridge(vni)}"`);
  const sameNet = networks.map(({ vni }) => `"${names.bridge(vni)}" . "${names.bridge(vni)}"`);
  const ingress = networks.filter((network) => network.ingress);
  const gateways = ingress.map(
    ({ gateway, peers }) => `set gateways { type ipv4_addr;${elements(unique([gateway, ...peers.map((peer) => peer.gateway)]))} }`,
  );
  const ofLoopback = [...host.takenPorts].flatMap(([key, where]) => (where === 'loopback' ? [key] : [])).sort();
  const toPrograms = ofLoopback.length === 0 ? [] : [`ip daddr 127.0.0.0/8 meta l4proto . th dport { ${ofLoopback.join(', ')} } return`];
  const rangeSet = `set viprange { type ipv4_addr; flags interval;${elements(ranges)} }`;
  const ip = [
    `set vteps { type ipv4_addr;${elements(vteps)} }`,
    rangeSet,
    `set internal { type ifname;${elements(internal)} }`,
    ...(bridgesFilter ? gateways : []),
    `set names { type ifname . ipv4_addr;${elements(networks.map(({ vni, gateway }) => `"${names.bridge(vni)}" . ${gateway}`))} }`,
    ...chain('guard-raw', 'type filter hook prerouting priority raw; policy accept;', [`iifname ${bridges} ip daddr 127.0.0.0/8 drop`]),
    ...chain('nat-pre', 'type nat hook prerouting priority dstnat - 10; policy accept;', [
      // A program of the host has port 53 of all addresses: names are answered at another one.
      ...networks.flatMap(({ vni, gateway }) =>
        namePorts.has(gateway)
          ? [
              `iifname "${names.bridge(vni)}" ip daddr ${gateway} meta l4proto { tcp, udp } th dport 53 redirect to :${namePorts.get(gateway)}`,
            ]
          : [],
      ),
      'iifname . ip daddr vmap @vips',
      'ip daddr @viprange return',
      // A service that publishes 53 has it of every address but those where containers ask for names.
      `${asksForNames} return`,
      'fib daddr type local meta l4proto . th dport vmap @published',
    ]),
    // nft refuses the name `dstnat` in this hook.
    ...chain('nat-out', 'type nat hook output priority -110; policy accept;', [
      'ip daddr @viprange return',
      // The host's own resolver, which we ask too for names outside the cluster.
      `ip daddr 127.0.0.0/8 ${toNames} return`,
      ...toPrograms,
      'fib daddr type local meta l4proto . th dport vmap @published',
    ]),
    ...chain('nat-post', 'type nat hook postrouting priority srcnat - 10; policy accept;', [
      `${isMarked(MARK_MASQUERADE)} ct status dnat masquerade fully-random`,
    ]),
    ...encryption(networks),
    ...chain('same-net', undefined, [`iifname . oifname { ${sameNet.join(', ')} } return`, 'drop']),
    ...chain('guard-fwd', 'type filter hook forward priority filter - 10; policy accept;', [
      // Nobody but the host itself sends VXLAN to a node: frames of containers would land in any network.
      `ip daddr @vteps ${vxlan} drop`,
      `${isMarked(MARK_OURS)} accept`,
      // By ingress hosts reach tasks; tasks do not reach one another.
      ...(bridgesFilter
        ? ingress.map(({ vni }) => {
            const bridge = `"${names.bridge(vni)}"`;
            return `iifname ${bridge} oifname ${bridge} ip saddr != @gateways ip daddr != @gateways drop`;
          })
        : []),
      `iifname ${bridges} oifname ${bridges} jump same-net`,
      `iifname @internal oifname != ${bridges} drop`,
      `oifname @internal iifname != ${bridges} drop`,
      `oifname ${bridges} iifname != ${bridges} ct status dnat accept`,
      `oifname ${bridges} iifname != ${bridges} ct state new drop`,
    ]),
    ...chain('no-tasks', undefined, [
      'ct state established,related accept',
      'icmp type echo-request accept',
      'meta l4proto tcp reject with tcp reset',
      'reject with icmp type port-unreachable',
    ]),
    ...chain('guard-in', 'type filter hook input priority filter - 10; policy accept;', [
      `${vxlan} iifname ${bridges} drop`,
      `${vxlan} ip saddr != @vteps drop`,
      'ip daddr @viprange jump no-tasks',
      // Nobody answers names in ingress: other hosts look there whether a refusal comes back, and what keeps a published 53 is silent.
      ...ingress.map(({ vni, gateway }) => `iifname "${names.bridge(vni)}" ip daddr ${gateway} ${toNames} jump no-tasks`),
      `${asksForNames} return`,
      `iifname "lo" ${toNames} return`,
      ...toPrograms,
      // What is published and has no task to go to is refused, though a process of ours holds the port.
      'meta l4proto . th dport @reserved fib daddr type local jump no-tasks',
    ]),
  ];
  const bridge = [
    rangeSet,
    ...(bridgesFilter ? [] : gateways),
    ...chain('vip-fwd', 'type filter hook forward priority filter; policy accept;', [
      // Every host answers for the VIPs itself.
      `oifname ${vxlans} arp daddr ip @viprange drop`,
      `iifname ${vxlans} arp daddr ip @viprange drop`,
      // The same where bridged packets do not pass the IP rules; on one host the ports of the bridge are isolated.
      ...(bridgesFilter ? [] : ingress).flatMap(({ vni }) => [
        `oifname "${names.vxlan(vni)}" ip daddr != @gateways drop`,
        `iifname "${names.vxlan(vni)}" ip saddr != @gateways drop`,
      ]),
    ]),
    ...chain('vip-in', 'type filter hook input priority filter; policy accept;', [`iifname ${vxlans} arp daddr ip @viprange drop`]),
  ];
  return { ip, bridge };
}

/** What is of an encrypted network is marked for encryption, and neither sent nor taken in clear. */
function encryption(networks: readonly HostNetwork[]): readonly string[] {
  const encrypted = networks.filter((network) => network.encrypted);
  const packets = ({ vni, dataPathPort }: HostNetwork) => `udp dport ${dataPathPort} @th,96,24 ${vni}`;
  if (encrypted.length === 0) return [];
  return [
    ...chain(
      'encrypt',
      'type route hook output priority mangle; policy accept;',
      encrypted.map((network) => `${packets(network)} meta mark set 0x${encryptionMark(network.vni).toString(16)}`),
    ),
    ...chain(
      'guard-out',
      'type filter hook output priority filter - 10; policy accept;',
      encrypted.map((network) => `${packets(network)} rt ipsec missing drop`),
    ),
    ...chain(
      'guard-clear',
      'type filter hook input priority filter - 20; policy accept;',
      encrypted.map((network) => `${packets(network)} meta ipsec missing drop`),
    ),
  ];
}

function chain(name: string, head: string | undefined, rules: readonly string[]): readonly string[] {
  return [`chain ${name} {`, ...(head === undefined ? [] : [`  ${head}`]), ...rules.map((rule) => `  ${rule}`), '}'];
}

function elements(values: readonly string[]): string {
  return values.length === 0 ? '' : ` elements = { ${values.join(', ')} };`;
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)].sort();
}
