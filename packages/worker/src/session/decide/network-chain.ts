import { type NetworkTable, tableChecksum } from '@swarm/shared/domain/network-table';
import type { NetworkUpdate } from '@swarm/shared/protocol/network-state';

/** What a worker holds of one network, and the change whose parts are still coming. */
export interface NetworkChain {
  readonly table: NetworkTable | undefined;
  readonly open: { readonly next: NetworkTable; readonly part: number } | undefined;
}

export const NO_NETWORK: NetworkChain = { table: undefined, open: undefined };

export interface NetworkOutcome {
  /** `broken`: it does not follow on what is held, or something else came out of it than its sender has. */
  readonly outcome: 'applied' | 'waiting' | 'broken' | 'gone';
  readonly chain: NetworkChain;
}

/** Takes one part of an update. What is held stays as it is until the last part has come and its sum is right. */
export function applyNetworkPart(chain: NetworkChain, update: NetworkUpdate): NetworkOutcome {
  if (update.kind === 'gone') return { outcome: 'gone', chain: NO_NETWORK };
  const broken: NetworkOutcome = { outcome: 'broken', chain: { table: chain.table, open: undefined } };
  const base = baseOf(chain, update);
  if (base === undefined) return broken;
  const next = applyChange(base, update);
  if (!update.last) return { outcome: 'waiting', chain: { table: chain.table, open: { next, part: update.part } } };
  if (tableChecksum(next) !== update.checksum) return broken;
  return { outcome: 'applied', chain: { table: next, open: undefined } };
}

/** What the part builds on; undefined when parts or changes are missing in between. */
function baseOf({ table, open }: NetworkChain, update: NetworkUpdate): NetworkTable | undefined {
  if (update.part > 0) return open?.part === update.part - 1 && open.next.revision === update.resultsIn ? open.next : undefined;
  if (update.kind === 'change') return table !== undefined && table.revision === update.appliesTo ? table : undefined;
  if (update.definition === undefined) return undefined;
  const none = new Map<string, never>();
  return { revision: update.resultsIn, definition: update.definition, peers: none, services: none, endpoints: none };
}

function applyChange(base: NetworkTable, update: NetworkUpdate): NetworkTable {
  const { removed } = update;
  return {
    revision: update.resultsIn,
    definition: update.definition ?? base.definition,
    peers: changed(base.peers, update.peers, ({ nodeID }) => nodeID, removed?.peers),
    services: changed(base.services, update.services, ({ ID }) => ID, removed?.services),
    endpoints: changed(base.endpoints, update.endpoints, ({ taskID }) => taskID, removed?.endpoints),
  };
}

/** A new map only where something changed: tables are never edited. */
function changed<Entry>(
  before: ReadonlyMap<string, Entry>,
  put: readonly Entry[],
  keyOf: (entry: Entry) => string,
  removed: readonly string[] = [],
): ReadonlyMap<string, Entry> {
  if (put.length === 0 && removed.length === 0) return before;
  const after = new Map(before);
  for (const key of removed) after.delete(key);
  for (const entry of put) after.set(keyOf(entry), entry);
  return after;
}
