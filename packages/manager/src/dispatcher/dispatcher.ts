import type { Node, Task } from '@swarm/shared/domain/objects';
import { isLive } from '@swarm/shared/domain/task-state';
import type { ByteStream } from '@swarm/shared/protocol/byte-stream';
import type { Link } from '@swarm/shared/protocol/link';
import type { Hello, WorkerMessage } from '@swarm/shared/protocol/session';
import { assertNever } from '@swarm/shared/runtime/assert-never';
import type { Clock } from '@swarm/shared/runtime/clock';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Random } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import type { TaskContainers } from '../seams/task-containers.ts';
import type { TaskLogs } from '../seams/task-logs.ts';
import type { Change, Commit, ReadTransaction, Store } from '../store/store.ts';
import { AssignmentFeed } from './assignment-feed.ts';
import { belongsToNode } from './decide/assignments.ts';
import { decideReady, type NodeFacts, networkProblemsOf, type Surroundings } from './decide/node-facts.ts';
import { ExecDirectory } from './exec-directory.ts';
import { GuestDesk } from './guest-desk.ts';
import { startLivenessMonitor } from './liveness-monitor.ts';
import type { NetworkFeed } from './network-feed.ts';
import { NetworkSide } from './network-side.ts';
import { NodeSession, type SessionPeer } from './node-session.ts';
import { findRollbackImages } from './rollback-images.ts';
import { readSettings, touchesSettings } from './settings.ts';
import { startStatusCommitter } from './status-committer.ts';
import { TaskStreams } from './task-streams.ts';

export interface DispatcherDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Nothing can be committed any more: the manager must stop. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Delivers to the nodes what the store says, and to the store what the nodes report. Sessions live in memory only; what
 * is known of a node stands in the store.
 */
export interface Dispatcher {
  /** A node has connected, and proved who it is. A newer session of a node ends the older one. */
  accept(link: Link, peer: SessionPeer): void;
  readonly logs: TaskLogs;
  readonly containers: TaskContainers;
  readonly streams: {
    isExpected(streamID: string, nodeID: string): boolean;
    accept(streamID: string, nodeID: string, stream: ByteStream): void;
  };
  stop(): Promise<void>;
}

/** The node's session that counts, with what hangs on it. */
interface Attended {
  readonly session: NodeSession;
  readonly feed: AssignmentFeed;
  readonly networkFeed: NetworkFeed;
  facts: NodeFacts;
  /** What was compared last, and said the same. */
  agreed?: { readonly stored: Node; readonly facts: NodeFacts };
  isWritingFacts: boolean;
  statusesUnderWay: boolean;
}

export function startDispatcher(deps: DispatcherDeps): Dispatcher {
  const { store, clock, random, logger, onFailure } = deps;
  const attended = new Map<string, Attended>();
  const connections = new Set<NodeSession>();
  let isStopping = false;
  let { settings, periodMs } = readSettings(store);

  const fail = (error: unknown) => {
    if (!isStopping) onFailure(error);
  };
  const committer = startStatusCommitter({ store, clock, logger, onFailure: fail });
  const monitor = startLivenessMonitor({
    store,
    clock,
    logger,
    periodMs: () => periodMs,
    hasSession: (nodeID) => attended.has(nodeID),
    onSilent: (nodeID) => {
      attended.get(nodeID)?.session.close('nothing was heard of the node for a heartbeat period');
      streams.nodeLost(nodeID);
    },
    onFailure: fail,
  });
  const networks = new NetworkSide({ store, clock, onRelease: (nodeID, taskID) => attended.get(nodeID)?.feed.taskChanged(taskID) });
  const guests = new GuestDesk({
    store,
    random,
    answer: (nodeID, answer) => attended.get(nodeID)?.session.send(answer),
    onFailure: fail,
  });
  const streams = new TaskStreams({
    clock,
    random,
    ask: (nodeID, message) => {
      const session = attended.get(nodeID)?.session;
      session?.send(message);
      return session !== undefined;
    },
  });

  function hello(session: NodeSession, message: Hello): void {
    const { nodeID, address } = session.peer;
    const { node, cluster } = store.view((tx) => ({ node: tx.nodes.get(nodeID), cluster: tx.clusters.all()[0] }));
    if (node === undefined || cluster === undefined) {
      session.close(`node ${nodeID} is not a member of this cluster; it was removed. Run "swarm leave" there, then join again`);
      return;
    }
    attended.get(nodeID)?.session.close('a newer session of this node has taken over');
    session.send({ type: 'welcome', sessionID: session.id, nodeID, clusterID: cluster.ID, role: node.role, settings });
    const networkFeed = networks.attend(nodeID, session, { onFirstSent: () => feed.begin(), onSent: () => feed.networkSent() });
    const feed: AssignmentFeed = new AssignmentFeed({
      nodeID,
      sessionID: session.id,
      store,
      clock,
      link: session,
      hasNetwork: (networkID) => networkFeed.hasSent(networkID),
      heldDesiredState: (taskID) => networks.heldDesiredState(taskID),
    });
    const { description, engineHealth, trust, advertiseAddr, dataPathAddr } = message;
    const facts = {
      ...(description && { description }),
      engineHealth,
      ...(trust !== undefined && { trust }),
      address: advertiseAddr ?? address,
      ...(dataPathAddr !== undefined && { dataPathAddr }),
    };
    attended.set(nodeID, { session, feed, networkFeed, facts, isWritingFacts: false, statusesUnderWay: false });
    logger.info({ nodeID, sessionID: session.id, address: facts.address }, 'session opened');
    writeFacts(nodeID);
  }

  function receive(session: NodeSession, message: Exclude<WorkerMessage, Hello>): void {
    const node = attended.get(session.peer.nodeID);
    if (node?.session !== session) return;
    switch (message.type) {
      case 'heartbeat':
        if (!deepEqual(node.facts.engineHealth, message.engineHealth)) node.facts = { ...node.facts, engineHealth: message.engineHealth };
        writeFacts(session.peer.nodeID);
        break;
      case 'description':
        node.facts = { ...node.facts, description: message.description };
        writeFacts(session.peer.nodeID);
        break;
      case 'trust':
        node.facts = { ...node.facts, trust: message.trust };
        writeFacts(session.peer.nodeID);
        break;
      case 'statuses':
        receiveStatuses(node, message);
        break;
      case 'needComplete':
        node.feed.sendComplete();
        break;
      case 'streamRefused':
        streams.refused(message.streamID, session.peer.nodeID, message.reason);
        break;
      case 'networksApplied':
        networks.applied(session.peer.nodeID, message.networks);
        break;
      case 'needNetwork':
        node.networkFeed.sendComplete(message.networkID);
        break;
      case 'networkReport':
        node.facts = { ...node.facts, networkProblems: message.problems };
        writeFacts(session.peer.nodeID);
        break;
      case 'askRollbackImages':
        session.send({ type: 'rollbackImages', images: store.view((tx) => findRollbackImages(tx, message.images)) });
        break;
      case 'guestRequest':
        guests.request(session.peer.nodeID, message);
        break;
      case 'guests':
        guests.report(session.peer.nodeID, message);
        break;
      default:
        assertNever(message);
    }
  }

  function receiveStatuses(node: Attended, { batch, statuses }: Extract<WorkerMessage, { type: 'statuses' }>): void {
    const { session } = node;
    if (node.statusesUnderWay) {
      session.close('a batch of statuses came before the one before it was acknowledged');
      return;
    }
    node.statusesUnderWay = true;
    committer.add({
      nodeID: session.peer.nodeID,
      statuses,
      isCurrent: () => attended.get(session.peer.nodeID) === node,
      acknowledge: () => {
        node.statusesUnderWay = false;
        session.send({ type: 'statusesAcknowledged', batch });
      },
    });
  }

  /** Brings the node in the store to what its session knows; a beat that changes nothing costs no write. */
  function writeFacts(nodeID: string): void {
    const node = attended.get(nodeID);
    if (node === undefined || node.isWritingFacts) return;
    const stored = store.view((tx) => tx.nodes.get(nodeID));
    // Nearly every beat ends here: neither what is stored nor what is known has changed since they were compared.
    if (stored === undefined || (node.agreed?.stored === stored && node.agreed.facts === node.facts)) return;
    if (store.view((tx) => decideReady(stored, node.facts, surroundingsOf(tx, nodeID))) === undefined) {
      // What a host says of its networks is measured by who else is there, which comes and goes: it is compared anew.
      if (networkProblemsOf(stored, node.facts).length === 0) node.agreed = { stored, facts: node.facts };
      return;
    }
    node.isWritingFacts = true;
    store
      .update((tx) => {
        const stored = tx.nodes.get(nodeID);
        if (stored === undefined || attended.get(nodeID) !== node) return;
        const next = decideReady(stored, node.facts, surroundingsOf(tx, nodeID));
        if (next !== undefined) tx.nodes.update(next);
      })
      .then(() => {
        node.isWritingFacts = false;
        if (attended.get(nodeID) === node) writeFacts(nodeID);
      })
      .catch(fail);
  }

  function surroundingsOf(tx: ReadTransaction, nodeID: string): Surroundings {
    return { others: () => [...attended.keys()].filter((id) => id !== nodeID), ingressID: tx.networks.by('ingress', 'true')[0]?.ID };
  }

  function closed(session: NodeSession, reason: string): void {
    connections.delete(session);
    const { nodeID } = session.peer;
    const node = attended.get(nodeID);
    if (node?.session !== session) return;
    attended.delete(nodeID);
    node.feed.stop();
    networks.leave(nodeID);
    streams.sessionEnded(nodeID);
    logger.info({ nodeID, sessionID: session.id, reason }, 'session ended');
  }

  function follow(commit: Commit): void {
    networks.follow(commit);
    guests.follow(commit);
    for (const change of commit.changes) followChange(change);
    if (!commit.changes.some(touchesSettings)) return;
    const next = readSettings(store);
    periodMs = next.periodMs;
    if (deepEqual(next.settings, settings)) return;
    settings = next.settings;
    for (const { session } of attended.values()) session.send({ type: 'settings', settings });
  }

  function followChange(change: Change): void {
    switch (change.table) {
      case 'tasks':
        for (const nodeID of nodesConcerned(change.before, change.after)) attended.get(nodeID)?.feed.taskChanged(change.id);
        break;
      case 'secrets':
        for (const { feed } of attended.values()) feed.secretChanged(change.id);
        break;
      case 'configs':
      case 'stackRevisions':
        for (const { feed } of attended.values()) feed.configChanged(change.id);
        break;
      case 'nodes':
        if (change.after !== undefined) break;
        attended.get(change.id)?.session.close('the node was removed from the cluster');
        streams.nodeLost(change.id);
        break;
    }
  }

  const execs = new ExecDirectory(clock);
  const stopWatch = store.watch(follow);

  return {
    accept(link, peer) {
      if (isStopping) {
        link.close('this manager is stopping');
        return;
      }
      const session = new NodeSession(random.id(), link, peer, {
        clock,
        logger,
        listener: {
          hello,
          closed,
          message: receive,
          heard: () => monitor.heard(peer.nodeID),
          drained: () => {
            const node = attended.get(peer.nodeID);
            if (node?.session !== session) return;
            node.networkFeed.drained();
            node.feed.drained();
          },
        },
      });
      connections.add(session);
    },
    logs: streams,
    containers: {
      open: (place, call, signal) => streams.openCall(place, call, signal),
      rememberExec: (execID, place) => execs.remember(execID, place),
      findExec: (execID) => execs.find(execID),
    },
    streams,
    async stop() {
      isStopping = true;
      stopWatch();
      streams.stop();
      for (const session of [...connections]) session.close('this manager is stopping');
      await Promise.all([committer.stop(), monitor.stop()]);
    },
  };
}

const NOBODY: ReadonlySet<string> = new Set();

/** The nodes whose assignments a task's change may touch: none for a mere report of its state. */
function nodesConcerned(before: Task | undefined, after: Task | undefined): ReadonlySet<string> {
  // Most changes of tasks are such reports.
  const isReport =
    before !== undefined &&
    after !== undefined &&
    before.NodeID === after.NodeID &&
    before.templateID === after.templateID &&
    before.DesiredState === after.DesiredState &&
    before.GenericResources === after.GenericResources &&
    before.attachments === after.attachments &&
    isLive(before) === isLive(after) &&
    (after.NodeID === undefined || belongsToNode(before, after.NodeID) === belongsToNode(after, after.NodeID));
  if (isReport) return NOBODY;
  const facets = (task: Task | undefined) =>
    task?.NodeID !== undefined && belongsToNode(task, task.NodeID)
      ? {
          node: task.NodeID,
          template: task.templateID,
          desired: task.DesiredState,
          live: isLive(task),
          resources: task.GenericResources,
          attachments: task.attachments,
        }
      : undefined;
  const [was, is] = [facets(before), facets(after)];
  if (deepEqual(was, is)) return NOBODY;
  return new Set([was, is].flatMap((task) => (task === undefined ? [] : [task.node])));
}
