/** What `ip -j -d link show` and its companions say, as far as it is read. Source: iproute2 5.10 to 6.x. */
export interface HostLink {
  readonly name: string;
  readonly isUp: boolean;
  readonly mtu: number;
  readonly master: string | undefined;
  readonly kind: string | undefined;
  readonly vxlan:
    | { readonly vni: number; readonly port: number; readonly local: string | undefined; readonly learning: boolean }
    | undefined;
  /** Of a port of a bridge. */
  readonly hairpin: boolean;
  readonly isolated: boolean;
}

interface RawLink {
  readonly ifname: string;
  readonly flags?: readonly string[];
  readonly mtu?: number;
  readonly master?: string;
  readonly linkinfo?: {
    readonly info_kind?: string;
    readonly info_data?: { readonly id?: number; readonly port?: number; readonly local?: string; readonly learning?: boolean };
    readonly info_slave_data?: { readonly hairpin?: boolean; readonly isolated?: boolean };
  };
}

export function parseLinks(json: string): readonly HostLink[] {
  return rows<RawLink>(json).map(({ ifname, flags = [], mtu = 0, master, linkinfo }) => {
    const data = linkinfo?.info_data;
    return {
      name: ifname,
      isUp: flags.includes('UP'),
      mtu,
      master,
      kind: linkinfo?.info_kind,
      vxlan:
        linkinfo?.info_kind === 'vxlan' && data !== undefined
          ? { vni: data.id ?? 0, port: data.port ?? 0, local: data.local, learning: data.learning ?? false }
          : undefined,
      hairpin: linkinfo?.info_slave_data?.hairpin ?? false,
      isolated: linkinfo?.info_slave_data?.isolated ?? false,
    };
  });
}

/** Device to the addresses that unknown and broadcast frames are sent to. */
export function parseFloodTargets(json: string): ReadonlyMap<string, ReadonlySet<string>> {
  const targets = new Map<string, Set<string>>();
  for (const { mac, ifname, dst } of rows<{ mac?: string; ifname?: string; dst?: string }>(json)) {
    if (mac !== '00:00:00:00:00:00' || ifname === undefined || dst === undefined) continue;
    const group = targets.get(ifname) ?? new Set();
    group.add(dst);
    targets.set(ifname, group);
  }
  return targets;
}

/** Device to the ranges that the host takes for its own, single addresses left out. */
export function parseLocalRanges(json: string): ReadonlyMap<string, ReadonlySet<string>> {
  const ranges = new Map<string, Set<string>>();
  for (const { type, dst, dev } of rows<{ type?: string; dst?: string; dev?: string }>(json)) {
    if (type !== 'local' || dst === undefined || dev === undefined || !dst.includes('/')) continue;
    const group = ranges.get(dev) ?? new Set();
    group.add(dst);
    ranges.set(dev, group);
  }
  return ranges;
}

export interface HostAddress {
  readonly device: string;
  readonly mtu: number;
  readonly address: string;
}

export function parseAddresses(json: string): readonly HostAddress[] {
  return rows<{ ifname: string; mtu?: number; addr_info?: readonly { family?: string; local?: string }[] }>(json).flatMap(
    ({ ifname, mtu = 0, addr_info: addresses = [] }) =>
      addresses.flatMap(({ family, local }) => (family === 'inet' && local !== undefined ? [{ device: ifname, mtu, address: local }] : [])),
  );
}

/** iproute2 prints nothing at all, or empty objects, where it has nothing to say. */
function rows<Row extends object>(json: string): readonly Row[] {
  if (json.trim() === '') return [];
  return (JSON.parse(json) as Row[]).filter((row) => Object.keys(row).length > 0);
}
