import { hash } from 'node:crypto';
import type { NetworkDefinition, NetworkEndpoint, NetworkPeer, NetworkService } from '../protocol/network-state.ts';

/** All that a node knows of one network. Never changed in place. */
export interface NetworkTable {
  readonly revision: number;
  readonly definition: NetworkDefinition;
  /** By node id. */
  readonly peers: ReadonlyMap<string, NetworkPeer>;
  /** By service id. */
  readonly services: ReadonlyMap<string, NetworkService>;
  /** By task id. */
  readonly endpoints: ReadonlyMap<string, NetworkEndpoint>;
}

/** 128 bits, hex, of a table's entries without its revision. The order of entries makes no difference. */
export function tableChecksum(table: Omit<NetworkTable, 'revision'>): string {
  const sum = new Uint8Array(16);
  addTo(sum, entryDigest('definition', table.definition));
  for (const peer of table.peers.values()) addTo(sum, entryDigest('peer', peer));
  for (const service of table.services.values()) addTo(sum, entryDigest('service', service));
  for (const endpoint of table.endpoints.values()) addTo(sum, entryDigest('endpoint', endpoint));
  return Buffer.from(sum).toString('hex');
}

/** Digests of entries are added bytewise by exclusive or: adding one twice takes it out again. */
export function addTo(sum: Uint8Array, digest: Uint8Array): void {
  for (let at = 0; at < sum.length; at += 1) sum[at] = (sum[at] ?? 0) ^ (digest[at] ?? 0);
}

/**
 * Tables share the entries that did not change between them, so each is digested once: the sum of a table of thousands
 * of entries after one change costs the adding up, not the digests.
 */
const digests = new WeakMap<object, Uint8Array>();

/** `entry` must never be changed in place. */
export function entryDigest(kind: 'definition' | 'peer' | 'service' | 'endpoint', entry: object): Uint8Array {
  const known = digests.get(entry);
  if (known !== undefined) return known;
  const digest = hash('sha256', `${kind} ${canonical(entry)}`, 'buffer').subarray(0, 16);
  digests.set(entry, digest);
  return digest;
}

/** JSON with the keys in order, so that equal entries are equal texts wherever they were made. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const known = Object.entries(value).filter(([, inner]) => inner !== undefined);
  known.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${known.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}
