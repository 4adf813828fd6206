import { addTo, entryDigest, type NetworkTable } from '@swarm/shared/domain/network-table';
import { SharedMessage } from '@swarm/shared/protocol/link';
import type { NetworkDefinition, NetworkEndpoint, NetworkPeer, NetworkService, NetworkUpdate } from '@swarm/shared/protocol/network-state';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import { cutNetworkUpdate, type NetworkChange, type UpdateHead } from './decide/network-parts.ts';

type Kind = 'peer' | 'service' | 'endpoint';
type Entries = { readonly peer: NetworkPeer; readonly service: NetworkService; readonly endpoint: NetworkEndpoint };
type Maps = { readonly [K in Kind]: Map<string, Entries[K]> };
interface Key {
  /** `definition` has no entries: it is the table's one. */
  readonly kind: Kind | 'definition';
  readonly id: string;
}

/** How many changed entries are remembered, so that nodes can be told of them; who is further behind gets all. */
const MAX_LOGGED = 10_000;
/** How many updates are kept for the next node that needs the same. Nodes that joined one by one need one each. */
const MAX_MADE = 16;

/** One network's table as it is now, with its checksum and what changed lately. */
export class LiveTable implements NetworkTable {
  readonly peers = new Map<string, NetworkPeer>();
  readonly services = new Map<string, NetworkService>();
  readonly endpoints = new Map<string, NetworkEndpoint>();
  readonly #maps: Maps = { peer: this.peers, service: this.services, endpoint: this.endpoints };
  readonly #sum = new Uint8Array(16);
  #definition: NetworkDefinition;
  #revision: number;
  /** Oldest first. */
  #log: { readonly revision: number; readonly keys: Key[] }[] = [];
  #logged = 0;
  /** Changes from revisions before this one are not known any more. */
  #knownSince: number;
  /** Updates that several nodes get, while the table stays as it is. */
  #made = new Map<string, readonly SharedMessage<NetworkUpdate>[]>();

  constructor(definition: NetworkDefinition, revision: number) {
    this.#definition = definition;
    this.#revision = revision;
    this.#knownSince = revision;
    addTo(this.#sum, entryDigest('definition', definition));
  }

  get definition(): NetworkDefinition {
    return this.#definition;
  }

  get revision(): number {
    return this.#revision;
  }

  get checksum(): string {
    return Buffer.from(this.#sum).toString('hex');
  }

  /** Whether that changes anything. `entry` undefined: there is none any more. */
  put<K extends Kind>(kind: K, id: string, entry: Entries[K] | undefined, revision: number): boolean {
    const entries: Map<string, Entries[K]> = this.#maps[kind];
    const before = entries.get(id);
    if (before === entry || (before !== undefined && entry !== undefined && deepEqual(before, entry))) return false;
    if (before !== undefined) addTo(this.#sum, entryDigest(kind, before));
    if (entry !== undefined) addTo(this.#sum, entryDigest(kind, entry));
    if (entry === undefined) entries.delete(id);
    else entries.set(id, entry);
    this.#remember({ kind, id }, revision);
    return true;
  }

  /** Whether that changes anything. */
  define(definition: NetworkDefinition, revision: number): boolean {
    if (deepEqual(definition, this.#definition)) return false;
    addTo(this.#sum, entryDigest('definition', this.#definition));
    addTo(this.#sum, entryDigest('definition', definition));
    this.#definition = definition;
    this.#remember({ kind: 'definition', id: definition.ID }, revision);
    return true;
  }

  /** Nothing before now needs to be told: the table was just built. */
  startLog(revision: number): void {
    this.#revision = revision;
    this.#knownSince = revision;
    this.#log = [];
    this.#logged = 0;
  }

  complete(): readonly SharedMessage<NetworkUpdate>[] {
    return this.#make('complete', 0, 0, () => ({
      definition: this.definition,
      peers: [...this.peers.values()],
      services: [...this.services.values()],
      endpoints: [...this.endpoints.values()],
    }));
  }

  /** What leads from `since` to now, for a node that calls that state `appliesTo`; undefined when it is not known any more. */
  changeSince(since: number, appliesTo: number): readonly SharedMessage<NetworkUpdate>[] | undefined {
    if (since < this.#knownSince) return undefined;
    return this.#make('change', since, appliesTo, () => this.#collect(since));
  }

  #collect(since: number): NetworkChange {
    const keys = { definition: new Set<string>(), peer: new Set<string>(), service: new Set<string>(), endpoint: new Set<string>() };
    for (let at = this.#log.length - 1; at >= 0; at -= 1) {
      const entry = this.#log[at];
      if (entry === undefined || entry.revision <= since) break;
      for (const { kind, id } of entry.keys) keys[kind].add(id);
    }
    const of = <K extends Kind>(kind: K) => {
      const entries: Map<string, Entries[K]> = this.#maps[kind];
      const ids = [...keys[kind]].sort();
      return { changed: ids.flatMap((id) => entries.get(id) ?? []), removed: ids.filter((id) => !entries.has(id)) };
    };
    const [peers, services, endpoints] = [of('peer'), of('service'), of('endpoint')];
    return {
      ...(keys.definition.size > 0 && { definition: this.#definition }),
      peers: peers.changed,
      services: services.changed,
      endpoints: endpoints.changed,
      removed: { peers: peers.removed, services: services.removed, endpoints: endpoints.removed },
    };
  }

  #make(kind: UpdateHead['kind'], since: number, appliesTo: number, change: () => NetworkChange): readonly SharedMessage<NetworkUpdate>[] {
    const key = `${kind} ${since} ${appliesTo}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const head = { kind, networkID: this.definition.ID, appliesTo, resultsIn: this.#revision, checksum: this.checksum };
    const made = cutNetworkUpdate(head, change()).map((update) => new SharedMessage(update));
    const oldest = this.#made.keys().next();
    if (this.#made.size >= MAX_MADE && oldest.done !== true) this.#made.delete(oldest.value);
    this.#made.set(key, made);
    return made;
  }

  #remember(key: Key, revision: number): void {
    this.#made.clear();
    this.#revision = revision;
    const last = this.#log.at(-1);
    if (last?.revision === revision) last.keys.push(key);
    else this.#log.push({ revision, keys: [key] });
    this.#logged += 1;
    while (this.#logged > MAX_LOGGED && this.#log.length > 1) {
      const dropped = this.#log.shift();
      this.#logged -= dropped?.keys.length ?? 0;
      this.#knownSince = dropped?.revision ?? this.#knownSince;
    }
  }
}
