import { parseAddress } from '@swarm/shared/domain/ipv4';
import type { NetworkTable } from '@swarm/shared/domain/network-table';
import type { NetworkService } from '@swarm/shared/protocol/network-state';

/** One network as this host must have it: the table, read from this node's point of view and sorted. */
export interface HostNetwork {
  readonly id: string;
  readonly name: string;
  readonly vni: number;
  readonly subnet: string;
  readonly vipRange: string;
  readonly internal: boolean;
  readonly ingress: boolean;
  readonly encrypted: boolean;
  /** Of an encrypted network; none: the manager has given none yet. */
  readonly keys: NonNullable<NetworkTable['definition']['keys']>;
  readonly mtu: number | undefined;
  readonly dataPathPort: number;
  /** This node's own. */
  readonly gateway: string;
  readonly underlay: string;
  /**
   * Those that can be reached: packets go over IPv4, and a node that has no such address takes nobody else's network away.
   * A node at this host's own address is what this host was before it left or was set up anew: the kernel would hand
   * packets for it back to the bridge they came from, which then looks for its own containers behind the VXLAN port.
   */
  readonly peers: readonly { readonly nodeID: string; readonly address: string; readonly gateway: string }[];
  readonly services: readonly HostService[];
}

/** A service and those of its tasks that get traffic, sorted by address. */
export interface HostService {
  readonly id: string;
  readonly vip: string | undefined;
  readonly ports: NetworkService['ports'];
  readonly ingressMode: NetworkService['ingressMode'];
  readonly backends: readonly { readonly address: string; readonly isLocal: boolean }[];
}

export const DEFAULT_DATA_PATH_PORT = 4789;

/** Undefined while this node is not among the peers: it has no gateway, so there is nothing to make. */
export function toHostNetwork(table: NetworkTable, nodeID: string): HostNetwork | undefined {
  const { definition, peers, services, endpoints } = table;
  const own = peers.get(nodeID);
  if (own === undefined) return undefined;
  const backends = new Map<string, { address: string; isLocal: boolean }[]>();
  for (const { serviceID, address, nodeID: at, serving } of endpoints.values()) {
    if (!serving || serviceID === undefined) continue;
    const group = backends.get(serviceID);
    const backend = { address, isLocal: at === nodeID };
    if (group === undefined) backends.set(serviceID, [backend]);
    else group.push(backend);
  }
  return {
    id: definition.ID,
    name: definition.name,
    vni: definition.vni,
    subnet: definition.subnet,
    vipRange: definition.vipRange,
    internal: definition.internal,
    ingress: definition.ingress,
    encrypted: definition.encrypted,
    keys: definition.keys ?? [],
    mtu: definition.mtu,
    dataPathPort: definition.dataPathPort ?? DEFAULT_DATA_PATH_PORT,
    gateway: own.gateway,
    underlay: own.address,
    peers: [...peers.values()]
      .filter((peer) => peer.nodeID !== nodeID && peer.address !== own.address && parseAddress(peer.address) !== undefined)
      .sort(by(({ nodeID: id }) => id)),
    services: [...services.values()]
      .map(({ ID, vip, ports, ingressMode }) => ({
        id: ID,
        vip,
        ports,
        ingressMode,
        backends: (backends.get(ID) ?? []).sort(by(({ address }) => address)),
      }))
      .sort(by(({ id }) => id)),
  };
}

function by<Item>(key: (item: Item) => string): (a: Item, b: Item) => number {
  return (a, b) => {
    const [left, right] = [key(a), key(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  };
}
