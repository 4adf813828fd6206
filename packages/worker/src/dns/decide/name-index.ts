import type { NetTable, NetTables } from '../../network/net-tables.ts';
import { addressNumber, inSubnet, parseSubnet, type Subnet } from './subnet.ts';

/** The tables, made quick to look things up in. */
export interface NameIndex {
  /** The networks whose names this asker may see, in the order in which they are looked through; undefined: a stranger. */
  networksOf(asker: string): readonly NetworkNames[] | undefined;
  /** Whether the address lies in any network of this host, the asker's or not. */
  isOurs(address: string): boolean;
}

export interface NetworkNames {
  readonly networkID: string;
  /** Lower case. */
  readonly name: string;
  readonly names: ReadonlyMap<string, readonly string[]>;
  readonly addresses: ReadonlyMap<string, string>;
}

export function buildNameIndex(tables: NetTables): NameIndex {
  const networks = new Map<string, NetworkNames>();
  const subnets: { readonly subnet: Subnet; readonly alone: readonly NetworkNames[] }[] = [];
  for (const table of tables.networks) {
    const names = namesOf(table);
    networks.set(table.networkID, names);
    const subnet = parseSubnet(table.subnet);
    if (subnet !== undefined) subnets.push({ subnet, alone: [names] });
  }
  const members = new Map(
    tables.members.map(({ address, networkIDs }) => [
      address,
      networkIDs.flatMap((id) => {
        const network = networks.get(id);
        return network === undefined ? [] : [network];
      }),
    ]),
  );
  const subnetOf = (address: string) => {
    const number = addressNumber(address);
    return number === undefined ? undefined : subnets.find(({ subnet }) => inSubnet(subnet, number));
  };
  return {
    networksOf: (asker) => members.get(asker) ?? subnetOf(asker)?.alone,
    isOurs: (address) => subnetOf(address) !== undefined,
  };
}

function namesOf(table: NetTable): NetworkNames {
  return {
    networkID: table.networkID,
    name: table.name.toLowerCase(),
    names: new Map(Object.entries(table.names).map(([name, addresses]) => [name.toLowerCase(), addresses])),
    addresses: new Map(Object.entries(table.addresses)),
  };
}
