import type { ApiNetwork } from '../client/api-objects.ts';
import { type Column, naturalCompare, type Row } from './table.ts';

export type NetworkRow = Row<
  'ID' | 'Name' | 'Driver' | 'Scope' | 'Subnet' | 'CreatedAt' | 'Attachable' | 'Ingress' | 'Internal' | 'IPv6' | 'Labels'
>;

const SHORT_ID_LENGTH = 12;

export const NETWORK_COLUMNS: readonly Column<NetworkRow>[] = [
  { header: 'NETWORK ID', cell: (row) => row.ID.slice(0, SHORT_ID_LENGTH) },
  { header: 'NAME', cell: (row) => row.Name },
  { header: 'DRIVER', cell: (row) => row.Driver },
  { header: 'SCOPE', cell: (row) => row.Scope },
];

/** One row per network, ordered by name. */
export function networkRows(networks: readonly ApiNetwork[]): readonly NetworkRow[] {
  return [...networks]
    .sort((a, b) => naturalCompare(a.Name, b.Name))
    .map((network) => ({
      ID: network.Id,
      Name: network.Name,
      Driver: network.Driver ?? '',
      Scope: network.Scope ?? '',
      Subnet: (network.IPAM?.Config ?? []).map((config) => config.Subnet ?? '').join(','),
      CreatedAt: network.Created,
      Attachable: String(network.Attachable === true),
      Ingress: String(network.Ingress === true),
      Internal: String(network.Internal === true),
      IPv6: String(network.EnableIPv6 === true),
      Labels: Object.entries(network.Labels ?? {})
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
    }));
}
