import type { NetworkTable } from '@swarm/shared/domain/network-table';
import type { NetworkProblem } from '@swarm/shared/protocol/network-state';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import { createAssignmentStore } from './assignments/assignment-store.ts';
import { createDocumentWriter } from './assignments/document-writer.ts';
import { decodeImages, encodeImages } from './assignments/stored-images.ts';
import { decodeNetworks, encodeNetworks } from './assignments/stored-networks.ts';
import { decodeRecords, encodeRecords } from './assignments/stored-records.ts';
import { type WorkerDisk, WorkerDiskError } from './assignments/worker-disk.ts';
import type { ContainerEngine } from './engine/engine.ts';
import type { TaskSocket } from './engine/engine-socket.ts';
import { type GuestKeeper, startGuestKeeper } from './guests/guest-keeper.ts';
import type { ImageGarbageRules } from './images/decide/garbage.ts';
import type { PulledImages } from './images/decide/pulled-image.ts';
import { startImageGarbage } from './images/image-garbage.ts';
import { createImageStore } from './images/image-store.ts';
import { type NetworkKeeper, startNetworkKeeper } from './network/network-keeper.ts';
import type { NetworkPlane } from './network/network-plane.ts';
import { decideProbePeers } from './network/probe/decide/probe-peers.ts';
import type { ProbePeer } from './network/probe/decide/verdict.ts';
import type { PayloadFiles } from './payloads/payload-files.ts';
import type { StoredRecord } from './reconciler/decide/task-record.ts';
import { type Reconciler, startReconciler } from './reconciler/reconciler.ts';
import { removeNodeContainers } from './reconciler/remove-node-containers.ts';
import type { AssignmentSink, ManagerLine } from './session/worker-ports.ts';

/** The worker of one host: holds its assignments, keeps its containers so, and talks to the manager through a session. */
export interface RunningWorker {
  /** Ends the worker; every container runs on. */
  stop(): Promise<void>;
  /** The nodes that share networks with this one, for the self-test. */
  probePeers(): readonly ProbePeer[];
  /** Places for containers that are no tasks. */
  readonly guests: Pick<GuestKeeper, 'attach' | 'settle'>;
  /** What others found wrong with this host's networks (the self-test): told to the manager beside what the worker finds. */
  noteNetworkProblems(problems: readonly NetworkProblem[]): void;
  /**
   * For a node that leaves its cluster: ends the worker, then stops and removes every container it made here, and
   * forgets its assignments. @throws EngineError when the engine does not let it.
   */
  removeAll(): Promise<void>;
}

export interface WorkerDeps {
  readonly engine: ContainerEngine;
  /** Absent: tasks mount the engine's own socket. */
  readonly taskSocket?: TaskSocket;
  readonly disk: WorkerDisk;
  readonly network: NetworkPlane;
  readonly payloads: PayloadFiles;
  /** Absent: images are never removed. */
  readonly imageGarbage?: ImageGarbageRules;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly nodeID: string;
  readonly clusterID: string;
  /** Opens the session that feeds `sink`, and is told what the worker sees. */
  readonly openSession: (sink: AssignmentSink) => ManagerLine & { stop(): Promise<void> };
  /** A fault of ours: the daemon must stop. */
  readonly onFailure: (error: unknown) => void;
}

export async function startWorker(deps: WorkerDeps): Promise<RunningWorker> {
  const { engine, disk, clock, logger, nodeID, clusterID, onFailure } = deps;
  const records = createDocumentWriter({ disk, name: 'restarts', clock, logger });
  const tablesOnDisk = createDocumentWriter({ disk, name: 'networks', clock, logger });
  const pulledOnDisk = createDocumentWriter({ disk, name: 'images', clock, logger });
  const images = createImageStore({
    engine,
    known: await loadImages(disk, logger),
    save: (pulled) => pulledOnDisk.save(encodeImages(pulled)),
  });
  const store = createAssignmentStore({ disk, nodeID, clusterID, clock, logger, onHeld: (set) => reconciler.hold(set, true) });
  const known = await store.load();
  const stored = await loadRecords(disk, logger);
  // All of the disk is read before a manager is dialled: what it says needs the parts below.
  const storedNetworks = await loadNetworks(deps);

  let foundByOthers: readonly NetworkProblem[] = [];
  const networkProblems = () => [...networks.problems(), ...foundByOthers];
  const session = deps.openSession({
    onAssignments(set) {
      store.accept(set);
      // The tables of all networks that it needs came before it.
      networks.confirm();
    },
    networks: {
      onSession() {
        networks.restart();
        guests.onSession();
      },
      onUpdate: (update) => networks.receive(update),
      applied: () => networks.applied(),
      problems: networkProblems,
      onGuestAnswer: (answer) => guests.onAnswer(answer),
      guests: () => guests.report(),
    },
    onWelcome(facts) {
      if (facts.nodeID === nodeID && facts.clusterID === clusterID) {
        reconciler.reportAgain();
        return;
      }
      onFailure(
        new Error(`the manager takes this node for ${facts.nodeID} of cluster ${facts.clusterID}; it is ${nodeID} of ${clusterID}`),
      );
    },
  });
  const networks: NetworkKeeper = startNetworkKeeper({
    plane: deps.network,
    clock,
    logger,
    stored: storedNetworks,
    save: (tables) => tablesOnDisk.save(encodeNetworks({ nodeID, clusterID }, tables)),
    onApplied(applied) {
      session.tellNetworksApplied(applied);
      guests.networksApplied();
      reconciler.wake();
    },
    onProblems: () => session.tellNetworkProblems(networkProblems()),
    onFailure,
  });
  const guests: GuestKeeper = startGuestKeeper({ ...deps, networks, line: session });
  const reconciler: Reconciler = startReconciler({
    engine,
    clock,
    logger,
    line: session,
    networks,
    ...(deps.taskSocket !== undefined && { taskSocket: deps.taskSocket }),
    payloads: deps.payloads,
    images,
    nodeID,
    clusterID,
    stored,
    mayRun: store.mayRun,
    onOther: () => guests.wake(),
    saveRecords: (next) => records.save(encodeRecords(next)),
    onFailure,
  });
  if (known !== undefined) reconciler.hold(known, false);
  const { assignedImages } = reconciler;
  const garbage =
    deps.imageGarbage &&
    startImageGarbage({ engine, images, rules: deps.imageGarbage, assignedImages, line: session, clock, logger, onFailure });

  let stopped: Promise<void> | undefined;
  function stop(): Promise<void> {
    stopped ??= (async () => {
      await garbage?.stop();
      await reconciler.stop();
      await guests.stop();
      await networks.stop();
      await session.stop();
      await images.settled();
      await Promise.all([store, records, tablesOnDisk, pulledOnDisk].map((document) => document.stop()));
    })();
    return stopped;
  }

  return {
    stop,
    guests,
    probePeers() {
      return decideProbePeers(networks.tables(), nodeID, (id) => {
        const standing = networks.standing(id);
        return standing.kind === 'ready' ? standing.network.mtu : undefined;
      });
    },
    noteNetworkProblems(problems) {
      foundByOthers = problems;
      session.tellNetworkProblems(networkProblems());
    },
    async removeAll() {
      await stop();
      await removeNodeContainers({ engine, logger, nodeID, clusterID });
      await deps.network.removeAll();
      await deps.payloads.removeAll();
      await disk.write('assignments', null);
      await disk.write('restarts', null);
      await disk.write('networks', null);
      await disk.write('images', null);
    },
  };
}

async function loadRecords(disk: WorkerDisk, logger: Logger): Promise<ReadonlyMap<string, StoredRecord>> {
  try {
    return decodeRecords(await disk.read('restarts'));
  } catch (error) {
    if (!(error instanceof WorkerDiskError)) throw error;
    logger.error({ reason: error.message }, 'what was known of this node’s tasks is lost; they are looked at anew');
    return new Map();
  }
}

async function loadImages(disk: WorkerDisk, logger: Logger): Promise<PulledImages> {
  try {
    return decodeImages(await disk.read('images'));
  } catch (error) {
    if (!(error instanceof WorkerDiskError)) throw error;
    logger.error({ reason: error.message }, 'which images this node pulled is lost; they stay until somebody removes them by hand');
    return new Map();
  }
}

/** What is on disk is applied before any manager answers: a host that boots alone comes back with its networks. */
async function loadNetworks({ disk, nodeID, clusterID, logger }: WorkerDeps): Promise<ReadonlyMap<string, NetworkTable> | undefined> {
  try {
    return decodeNetworks({ nodeID, clusterID }, await disk.read('networks'));
  } catch (error) {
    if (!(error instanceof WorkerDiskError)) throw error;
    logger.error({ reason: error.message }, 'stored networks are lost; what stands in the kernel stays until a manager tells them again');
    return undefined;
  }
}
