/** IPv4 addresses and ranges as numbers. */
export interface Subnet {
  readonly first: number;
  readonly last: number;
}

/** Undefined for what is no dotted IPv4 address. */
export function addressNumber(address: string): number | undefined {
  const parts = address.split('.');
  if (parts.length !== 4) return undefined;
  let number = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    number = number * 256 + Number(part);
  }
  return number;
}

/** `10.0.1.0/24`; undefined for anything else. */
export function parseSubnet(cidr: string): Subnet | undefined {
  const [address = '', bits = ''] = cidr.split('/');
  const number = addressNumber(address);
  if (number === undefined || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return undefined;
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(number / size) * size;
  return { first, last: first + size - 1 };
}

export function inSubnet({ first, last }: Subnet, address: number): boolean {
  return address >= first && address <= last;
}
