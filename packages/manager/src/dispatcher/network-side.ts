import type { Task } from '@swarm/shared/domain/objects';
import { type DesiredState, isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import type { NetworksApplied } from '@swarm/shared/protocol/network-state';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Commit, Store } from '../store/store.ts';
import { isServing } from './decide/network-entries.ts';
import { NetworkFeed, type NetworkFeedDeps } from './network-feed.ts';
import { NetworkTables } from './network-tables.ts';
import { NewsRounds } from './news-rounds.ts';
import { type Leaving, StopGate } from './stop-gate.ts';

export interface NetworkSideDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** A task that was held back may be told to stop. */
  readonly onRelease: (nodeID: string, taskID: string) => void;
}

/**
 * News of hosts that came or went waits this long for more of it, per host in the network: each goes to all of them, and a
 * cluster that starts would else tell every host of every other one by one. What follows on a host, its tasks, goes at once
 * and takes the news along.
 */
const JOINED_WAIT_MS_PER_PEER = 1;
const MAX_JOINED_WAIT_MS = 5_000;

/** All that sessions have to do with networks: the tables, a feed for each connected node, and stops that wait for them. */
export class NetworkSide {
  readonly #deps: NetworkSideDeps;
  readonly #tables: NetworkTables;
  readonly #gate: StopGate;
  readonly #feeds = new Map<string, NetworkFeed>();
  readonly #rounds: NewsRounds;
  /** Networks with such news that is to go out. */
  readonly #joined = new Set<string>();

  constructor(deps: NetworkSideDeps) {
    this.#deps = deps;
    this.#tables = new NetworkTables(deps.store);
    this.#gate = new StopGate(deps);
    this.#rounds = new NewsRounds({
      clock: deps.clock,
      nodesOf: (networkID) => (this.#tables.get(networkID)?.peers ?? this.#feeds).keys(),
      tell: (nodeID, networkID) => this.#feeds.get(nodeID)?.changed(networkID),
    });
  }

  /** A node has connected. What was on its way to stop there waits anew: other nodes may not know of it yet. */
  attend(nodeID: string, link: NetworkFeedDeps['link'], hooks: Pick<NetworkFeedDeps, 'onFirstSent' | 'onSent'>): NetworkFeed {
    this.leave(nodeID);
    const feed = new NetworkFeed({ nodeID, tables: this.#tables, clock: this.#deps.clock, link, ...hooks });
    const stopping = this.#deps.store.view((tx) => tx.tasks.by('node', nodeID).filter((task) => isStopping(task)));
    this.#feeds.set(nodeID, feed);
    this.#hold(stopping.flatMap((task) => leavingOf(task, 'running')));
    return feed;
  }

  /** The node's session is over. */
  leave(nodeID: string): void {
    const feed = this.#feeds.get(nodeID);
    if (feed === undefined) return;
    feed.stop();
    this.#feeds.delete(nodeID);
    this.#gate.nodeLeft(nodeID);
  }

  applied(nodeID: string, networks: NetworksApplied['networks']): void {
    const feed = this.#feeds.get(nodeID);
    feed?.applied(networks);
    for (const { networkID } of networks) {
      const revision = feed?.appliedRevision(networkID);
      if (revision !== undefined) this.#gate.applied(nodeID, networkID, revision);
    }
  }

  /** What the node of a task is told while its stop is held back; undefined when it is not. */
  heldDesiredState(taskID: string): DesiredState | undefined {
    return this.#gate.desiredOf(taskID);
  }

  follow(commit: Commit): void {
    const { changed, joined, moved } = this.#tables.follow(commit);
    const leaving: Leaving[] = [];
    for (const change of commit.changes) {
      if (change.table !== 'tasks') continue;
      const { before, after } = change;
      if (after === undefined || isTerminal(after.Status.State)) this.#gate.release(change.id);
      else if (before !== undefined && isServing(before) && isStopping(after)) leaving.push(...leavingOf(after, before.DesiredState));
    }
    this.#hold(leaving);
    for (const { networkID, nodeID } of moved) {
      this.#feeds.get(nodeID)?.moved(networkID);
      if (!this.#tables.has(nodeID, networkID)) this.#gate.networkLeft(networkID, nodeID);
    }
    for (const networkID of changed) {
      if (this.#tables.get(networkID) === undefined) this.#gate.networkLeft(networkID);
      this.#rounds.start(networkID);
    }
    for (const networkID of joined) this.#tellLater(networkID);
  }

  #tellLater(networkID: string): void {
    if (this.#joined.has(networkID)) return;
    this.#joined.add(networkID);
    const peers = this.#tables.get(networkID)?.peers.size ?? 0;
    this.#deps.clock.setTimer(Math.min(MAX_JOINED_WAIT_MS, peers * JOINED_WAIT_MS_PER_PEER), () => {
      this.#joined.delete(networkID);
      this.#rounds.start(networkID);
    });
  }

  #hold(leaving: readonly Leaving[]): void {
    const here = leaving.filter(({ nodeID }) => this.#feeds.has(nodeID));
    if (here.length === 0) return;
    this.#gate.hold(
      here,
      (networkID) => this.#tables.get(networkID)?.revision ?? 0,
      (networkID, revision) =>
        [...(this.#tables.get(networkID)?.peers.keys() ?? [])].filter((id) => this.#feeds.get(id)?.isBehind(networkID, revision) === true),
    );
  }
}

/** It still runs, and nobody wants it any more. */
function isStopping(task: Task): boolean {
  return task.Status.State === 'running' && !isWanted(task.DesiredState);
}

function leavingOf(task: Task, desiredState: DesiredState): readonly Leaving[] {
  if (task.NodeID === undefined || task.attachments === undefined || task.attachments.length === 0) return [];
  return [{ taskID: task.ID, nodeID: task.NodeID, desiredState, networkIDs: task.attachments.map(({ networkID }) => networkID) }];
}
