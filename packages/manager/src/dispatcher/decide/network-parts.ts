import type { NetworkDefinition, NetworkEndpoint, NetworkPeer, NetworkService, NetworkUpdate } from '@swarm/shared/protocol/network-state';
import { PART_BYTES } from './parts.ts';

/** What goes out about one network, before it is cut. */
export interface NetworkChange {
  readonly definition?: NetworkDefinition;
  readonly peers: readonly NetworkPeer[];
  readonly services: readonly NetworkService[];
  readonly endpoints: readonly NetworkEndpoint[];
  /** Keys; absent in what is complete. */
  readonly removed?: Readonly<Record<Collection, readonly string[]>>;
}

export interface UpdateHead {
  readonly kind: 'complete' | 'change';
  readonly networkID: string;
  readonly appliesTo: number;
  readonly resultsIn: number;
  readonly checksum: string;
}

/** Of a peer, at most: an id and two addresses. There are as many in a part as there are hosts. */
const PEER_BYTES = 200;

type Collection = 'peers' | 'services' | 'endpoints';
const COLLECTIONS = ['peers', 'services', 'endpoints'] as const satisfies readonly Collection[];

/** Cuts a change into messages of bounded size. There is always one, the last. */
export function cutNetworkUpdate(head: UpdateHead, change: NetworkChange, partBytes = PART_BYTES): readonly NetworkUpdate[] {
  const parts: Omit<NetworkUpdate, 'part' | 'last'>[] = [];
  let open = emptyPart();
  let size = 0;
  const close = () => {
    const { removed, ...added } = open;
    const definition = parts.length === 0 && change.definition !== undefined ? { definition: change.definition } : {};
    parts.push({ type: 'network', ...head, ...definition, ...added, ...(change.removed === undefined ? {} : { removed }) });
    open = emptyPart();
    size = 0;
  };
  const make = (bytes: number) => {
    if (size > 0 && size + bytes > partBytes) close();
    size += bytes;
  };
  for (const collection of COLLECTIONS) {
    for (const id of change.removed?.[collection] ?? []) {
      make(id.length + 3);
      open.removed[collection].push(id);
    }
  }
  for (const collection of COLLECTIONS) {
    for (const entry of change[collection]) {
      make(collection === 'peers' ? PEER_BYTES : JSON.stringify(entry).length + 1);
      (open[collection] as unknown[]).push(entry);
    }
  }
  close();
  return parts.map((part, at) => ({ ...part, part: at, last: at === parts.length - 1 }));
}

export function goneUpdate(networkID: string): NetworkUpdate {
  const nothing = { appliesTo: 0, resultsIn: 0, checksum: '', peers: [], services: [], endpoints: [] };
  return { type: 'network', kind: 'gone', networkID, part: 0, last: true, ...nothing };
}

function emptyPart() {
  return {
    peers: [] as NetworkPeer[],
    services: [] as NetworkService[],
    endpoints: [] as NetworkEndpoint[],
    removed: { peers: [] as string[], services: [] as string[], endpoints: [] as string[] },
  };
}
