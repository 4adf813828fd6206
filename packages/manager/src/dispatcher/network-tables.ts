import { dataPathAddress, type Network, type Node, type Service, type Task } from '@swarm/shared/domain/objects';
import type { Change, Commit, ReadTransaction, Store } from '../store/store.ts';
import { DEFAULT_DATA_PATH_PORT, definitionOf, endpointEntry, guestEntry, peerOf, serviceEntry } from './decide/network-entries.ts';
import { LiveTable } from './live-table.ts';

/** What a commit did to the networks. */
export interface NetworkNews {
  /** Networks whose tables changed, or that are gone. */
  readonly changed: ReadonlySet<string>;
  /** Networks in whose tables nothing but peers came or went: nobody needs to know of a host before it has something there. */
  readonly joined: ReadonlySet<string>;
  /** Nodes that have a network since, or no longer. */
  readonly moved: readonly { readonly networkID: string; readonly nodeID: string }[];
}

/**
 * The one writer of network state: the table of every network, derived from stored objects and nothing else, kept up
 * with every commit at a cost that depends on the change. Its revision is the version of the commit that changed it
 * last, so that it grows across managers.
 */
export class NetworkTables {
  readonly #tables = new Map<string, LiveTable>();
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    store.view((tx) => {
      for (const network of tx.networks.all()) this.#open(tx, network, tx.version);
      for (const gateway of tx.gateways.all()) this.#derivePeer(tx, gateway.networkID, gateway.nodeID, tx.version);
      for (const service of tx.services.all()) this.#deriveService(tx, networksOf(tx, service), service.ID, tx.version);
      for (const task of tx.tasks.all()) {
        for (const { networkID } of task.attachments ?? []) this.#deriveEndpoint(tx, networkID, task.ID, tx.version);
      }
      for (const guest of tx.guests.all()) this.#deriveGuest(tx, guest.networkID, guest.ID, tx.version);
      for (const table of this.#tables.values()) table.startLog(tx.version);
    });
  }

  get(networkID: string): LiveTable | undefined {
    return this.#tables.get(networkID);
  }

  /** The networks that a node has: those in which it has a gateway. */
  has(nodeID: string, networkID: string): boolean {
    return this.#tables.has(networkID) && this.#store.view((tx) => tx.gateways.get(`${networkID}.${nodeID}`) !== undefined);
  }

  networksOfNode(nodeID: string): readonly string[] {
    return this.#store.view((tx) => tx.gateways.by('node', nodeID).map((gateway) => gateway.networkID as string));
  }

  /** To be called for every commit, in order, right when it became visible. */
  follow(commit: Commit): NetworkNews {
    const changed = new Set<string>();
    const joined = new Set<string>();
    const moved: NetworkNews['moved'][number][] = [];
    this.#store.view((tx) => {
      // Networks first: what came with them belongs in their tables.
      for (const change of commit.changes) {
        if (change.table !== 'networks' || (change.before !== undefined && change.after !== undefined)) continue;
        if (change.after !== undefined) this.#open(tx, change.after, commit.version);
        else this.#tables.delete(change.id);
        changed.add(change.id);
      }
      for (const change of commit.changes) {
        if (change.table === 'gateways') {
          const { networkID, nodeID } = (change.after ?? change.before) as NonNullable<typeof change.after>;
          if (change.before === undefined || change.after === undefined) moved.push({ networkID, nodeID });
        }
        const told = onlyMovesPeers(change) ? joined : changed;
        for (const networkID of this.#followChange(tx, change, commit.version)) told.add(networkID);
      }
    });
    return { changed, joined: joined.difference(changed), moved };
  }

  /** The networks whose tables the change altered. */
  #followChange(tx: ReadTransaction, change: Change, revision: number): readonly string[] {
    switch (change.table) {
      case 'networks': {
        const definition = change.after && definitionOf(change.after, dataPathPort(tx));
        return definition !== undefined && this.#tables.get(change.id)?.define(definition, revision) === true ? [change.id] : [];
      }
      case 'gateways': {
        const { networkID, nodeID } = (change.after ?? change.before) as NonNullable<typeof change.after>;
        return this.#derivePeer(tx, networkID, nodeID, revision);
      }
      case 'nodes':
        return this.#followNode(tx, change.id, change.before, change.after, revision);
      case 'services': {
        const networkIDs = [change.before, change.after].flatMap((service) => (service === undefined ? [] : networksOf(tx, service)));
        return this.#deriveService(tx, networkIDs, change.id, revision);
      }
      case 'tasks': {
        const { before, after } = change;
        if (before?.attachments === undefined && after?.attachments === undefined) return [];
        const attachments = [...(before?.attachments ?? []), ...(after?.attachments ?? [])];
        return [...new Set(attachments.map((attachment) => attachment.networkID))].flatMap((networkID) =>
          this.#deriveEndpoint(tx, networkID, change.id, revision),
        );
      }
      case 'guests': {
        const { networkID } = (change.after ?? change.before) as NonNullable<typeof change.after>;
        return this.#deriveGuest(tx, networkID, change.id, revision);
      }
      default:
        return [];
    }
  }

  #followNode(tx: ReadTransaction, id: string, before: Node | undefined, after: Node | undefined, revision: number): readonly string[] {
    const isDown = (node: Node | undefined) => node === undefined || node.Status.State === 'down';
    const peers =
      before?.Status.Addr === after?.Status.Addr && before?.dataPathAddr === after?.dataPathAddr
        ? []
        : tx.gateways.by('node', id).flatMap(({ networkID }) => this.#derivePeer(tx, networkID, id, revision));
    if (isDown(before) === isDown(after)) return peers;
    const endpoints = tx.tasks
      .by('node', id)
      .flatMap((task) => (task.attachments ?? []).flatMap(({ networkID }) => this.#deriveEndpoint(tx, networkID, task.ID, revision)));
    const guests = tx.guests.by('node', id).flatMap((guest) => this.#deriveGuest(tx, guest.networkID, guest.ID, revision));
    return [...peers, ...endpoints, ...guests];
  }

  #open(tx: ReadTransaction, network: Network, revision: number): void {
    const definition = definitionOf(network, dataPathPort(tx));
    if (definition !== undefined) this.#tables.set(network.ID, new LiveTable(definition, revision));
  }

  #derivePeer(tx: ReadTransaction, networkID: string, nodeID: string, revision: number): readonly string[] {
    const peer = peerOf(tx.gateways.get(`${networkID}.${nodeID}`), tx.nodes.get(nodeID));
    return this.#tables.get(networkID)?.put('peer', nodeID, peer, revision) === true ? [networkID] : [];
  }

  #deriveService(tx: ReadTransaction, networkIDs: readonly string[], serviceID: string, revision: number): readonly string[] {
    const service = tx.services.get(serviceID);
    return [...new Set(networkIDs)].filter((networkID) => {
      const network = tx.networks.get(networkID);
      const entry = network && serviceEntry(service, network);
      return this.#tables.get(networkID)?.put('service', serviceID, entry, revision) === true;
    });
  }

  #deriveEndpoint(tx: ReadTransaction, networkID: string, taskID: string, revision: number): readonly string[] {
    const task: Task | undefined = tx.tasks.get(taskID);
    const template = task && tx.templates.get(task.templateID);
    const node = task?.NodeID === undefined ? undefined : tx.nodes.get(task.NodeID);
    const entry = endpointEntry(task, template, node, networkID);
    return this.#tables.get(networkID)?.put('endpoint', taskID, entry, revision) === true ? [networkID] : [];
  }

  #deriveGuest(tx: ReadTransaction, networkID: string, guestID: string, revision: number): readonly string[] {
    const guest = tx.guests.get(guestID);
    const entry = guestEntry(guest, guest && tx.nodes.get(guest.nodeID));
    return this.#tables.get(networkID)?.put('endpoint', guestID, entry, revision) === true ? [networkID] : [];
  }
}

/** A host comes or goes, without a task that others send to. */
function onlyMovesPeers({ table, before, after }: Change): boolean {
  if (table === 'gateways') return before === undefined || after === undefined;
  return table === 'nodes' && after !== undefined && (before === undefined || dataPathAddress(before) === '');
}

function dataPathPort(tx: ReadTransaction): number {
  return tx.clusters.all()[0]?.DataPathPort ?? DEFAULT_DATA_PATH_PORT;
}

/** Every network in whose table a service can be: those it names, and ingress. */
function networksOf(tx: ReadTransaction, service: Service): readonly string[] {
  const named = (service.Spec.TaskTemplate.Networks ?? []).map(({ Target = '' }) => Target);
  return [...named, ...tx.networks.by('ingress', 'true').map((network) => network.ID as string)];
}
