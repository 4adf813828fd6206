/** IPv4 addresses as numbers, and subnets as what they begin with and how long their prefix is. */
export interface Subnet {
  readonly base: number;
  readonly prefix: number;
}

const OCTET = /^(0|[1-9]\d{0,2})$/;

export function parseAddress(text: string): number | undefined {
  const octets = text.split('.');
  if (octets.length !== 4) return undefined;
  let address = 0;
  for (const octet of octets) {
    if (!OCTET.test(octet) || Number(octet) > 255) return undefined;
    address = address * 256 + Number(octet);
  }
  return address;
}

export function formatAddress(address: number): string {
  return [address >>> 24, (address >>> 16) & 255, (address >>> 8) & 255, address & 255].join('.');
}

/** CIDR. `base` is the network's address: what stands beyond the prefix is cut off. */
export function parseSubnet(text: string): Subnet | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  const base = parseAddress(address);
  if (base === undefined || rest.length > 0 || !/^\d{1,2}$/.test(length) || Number(length) > 32) return undefined;
  const prefix = Number(length);
  return { base: base - (base % sizeOf(prefix)), prefix };
}

export function formatSubnet({ base, prefix }: Subnet): string {
  return `${formatAddress(base)}/${prefix}`;
}

/** How many addresses a prefix of this length leaves. */
export function sizeOf(prefix: number): number {
  return 2 ** (32 - prefix);
}

/** The last address: the broadcast address of a network. */
export function lastOf({ base, prefix }: Subnet): number {
  return base + sizeOf(prefix) - 1;
}

export function contains(outer: Subnet, address: number): boolean {
  return address >= outer.base && address <= lastOf(outer);
}

export function overlaps(a: Subnet, b: Subnet): boolean {
  return a.base <= lastOf(b) && b.base <= lastOf(a);
}

/** The address of a CIDR, e.g. of a VIP as the API shows it. */
export function addressOf(cidr: string): string {
  return cidr.split('/', 1)[0] as string;
}
