import { type Dispatcher, startDispatcher } from '@swarm/manager/dispatcher/dispatcher';
import { MemoryJournal } from '@swarm/manager/store/memory-journal';
import { openStore } from '@swarm/manager/store/memory-store';
import type { Draft, Store } from '@swarm/manager/store/store';
import type { Node, Task } from '@swarm/shared/domain/objects';
import type { NodeDescription } from '@swarm/shared/engine-api/cluster-spec';
import { memoryByteStreamPair } from '@swarm/shared/protocol/memory-byte-stream';
import { type MemoryLinkPair, type MemoryNetwork, memoryLinkPair } from '@swarm/shared/protocol/memory-link';
import type { EngineHealth, ReportedStatus } from '@swarm/shared/protocol/session';
import { timestamp } from '@swarm/shared/runtime/clock';
import { asID, type Random } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { type Session, startSession } from '@swarm/worker/session/session';
import type { CallTask } from '@swarm/worker/session/task-calls';
import type { AssignmentSet, ManagerReach, NetworkSink, NodeFacts } from '@swarm/worker/session/worker-ports';
import { NO_NETWORKS } from '@swarm/worker/testing/no-networks';

/** A manager's store and dispatcher, and the sessions of its workers, in one process on a virtual clock. */
export interface World {
  readonly clock: VirtualClock;
  readonly store: Store;
  readonly journal: MemoryJournal;
  dispatcher(): Dispatcher;
  /** Stops the dispatcher, and loads the store anew for another one: a manager that restarts. */
  restartManager(downMs: number): Promise<void>;
  startWorker(nodeID: string, options?: WorkerOptions): Worker;
  node(nodeID: string): Node | undefined;
  task(taskID: string): Task | undefined;
  version(): number;
  stop(): Promise<void>;
}

export interface WorkerOptions {
  readonly network?: Omit<MemoryNetwork, 'clock'>;
  readonly openLog?: (taskID: string, signal: AbortSignal) => AsyncIterable<Uint8Array>;
  readonly callTask?: CallTask;
  readonly advertiseAddr?: string;
  readonly networks?: NetworkSink;
}

export interface Worker {
  readonly session: Session;
  /** The sets it was given, in order. */
  readonly sets: AssignmentSet[];
  readonly welcomes: NodeFacts[];
  readonly reaches: ManagerReach[];
  managers: readonly string[];
  health: EngineHealth;
  description: NodeDescription | undefined;
  /** False: managers cannot be dialled. */
  reachable: boolean;
  /** The newest connection. */
  pair(): MemoryLinkPair;
  readonly dialled: string[];
  set(): AssignmentSet | undefined;
  report(taskID: string, State: ReportedStatus['status']['State'], more?: Partial<ReportedStatus['status']>): void;
}

export function seededRandom(seed: number): Random {
  let state = seed;
  let count = 0;
  return {
    id: () => {
      count += 1;
      return `id${seed}x${count}`;
    },
    fraction: () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state / 2 ** 32;
    },
  };
}

export function nodeDraft(ID: string, fields: Partial<Draft<Node>> = {}): Draft<Node> {
  return {
    ID: asID(ID),
    Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
    Status: { State: 'unknown', Addr: '' },
    role: 'worker',
    keyFingerprint: ID,
    ...fields,
  };
}

export function taskDraft(ID: string, NodeID: string, fields: Partial<Draft<Task>> = {}): Draft<Task> {
  return {
    ID: asID(ID),
    ServiceID: asID('s'),
    templateID: asID('p'),
    specVersion: 1,
    NodeID: asID(NodeID),
    DesiredState: 'running',
    Status: { State: 'assigned', Timestamp: '' },
    ...fields,
  };
}

export const describeHost = (Hostname: string): NodeDescription => ({
  Hostname,
  Platform: { Architecture: 'x86_64', OS: 'linux' },
  Resources: { NanoCPUs: 4e9, MemoryBytes: 2 ** 33 },
  Engine: { EngineVersion: '20.10.24', Labels: {}, Plugins: [] },
});

export async function openWorld(nodeIDs: readonly string[], seed = 1): Promise<World> {
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const journal = new MemoryJournal();
  const fail = (error: unknown) => {
    throw error;
  };
  const load = () => openStore({ journal, clock, onFailure: (_kind, reason) => fail(new Error(reason)) });
  const start = (on: Store) => startDispatcher({ store: on, clock, random, logger: silentLogger, onFailure: fail });
  let store = await load();
  await store.update((tx) => {
    tx.clusters.create({
      ID: asID('cluster'),
      Spec: {},
      TLSInfo: {},
      RootRotationInProgress: false,
      DefaultAddrPool: [],
      SubnetSize: 24,
      DataPathPort: 4789,
      JoinTokens: { Worker: '', Manager: '' },
      ca: { certificate: '', privateKey: '' },
    });
    tx.templates.create({
      ID: asID('p'),
      serviceID: asID('s'),
      serviceName: 'web',
      serviceLabels: {},
      global: false,
      spec: { ContainerSpec: { Image: 'web:1', Secrets: [{ SecretID: 'key' }] } },
    });
    tx.secrets.create({ ID: asID('key'), Spec: { Name: 'key', Data: 'c2VjcmV0' } });
    for (const id of nodeIDs) tx.nodes.create(nodeDraft(id));
  });
  let dispatcher: Dispatcher | undefined = start(store);
  const workers: Session[] = [];

  function startWorker(nodeID: string, options: WorkerOptions = {}): Worker {
    let pair: MemoryLinkPair | undefined;
    const worker: Worker = {
      sets: [],
      welcomes: [],
      reaches: [],
      dialled: [],
      managers: ['m1:2377'],
      health: { ok: true },
      description: describeHost(`host-${nodeID}`),
      reachable: true,
      pair: () => {
        if (pair === undefined) throw new Error('never connected');
        return pair;
      },
      set: () => worker.sets.at(-1),
      report: (taskID, State, more = {}) =>
        worker.session.report({ taskID, status: { State, Timestamp: timestamp(clock.now()), ...more } }),
      session: startSession({
        clock,
        random,
        logger: silentLogger,
        onFailure: fail,
        ...(options.advertiseAddr === undefined ? {} : { advertiseAddr: options.advertiseAddr }),
        dial: async (address) => {
          worker.dialled.push(address);
          if (dispatcher === undefined || !worker.reachable) throw new Error('connection refused');
          pair = memoryLinkPair({ clock, ...options.network });
          dispatcher.accept(pair.far, { nodeID, address: `10.0.0.${nodeID.slice(1)}` });
          return pair.near;
        },
        dialStream: async (_address, streamID) => {
          if (dispatcher?.streams.isExpected(streamID, nodeID) !== true) throw new Error('stream refused');
          const stream = memoryByteStreamPair();
          dispatcher.streams.accept(streamID, nodeID, stream.far);
          return stream.near;
        },
        managers: {
          list: () => worker.managers,
          replace: (addresses) => {
            worker.managers = addresses;
          },
        },
        describe: async () => worker.description,
        engineHealth: () => worker.health,
        openLog: async (taskID, _options, signal) => {
          if (options.openLog === undefined) throw new Error(`task ${taskID} has no container here`);
          return options.openLog(taskID, signal);
        },
        callTask: options.callTask ?? (() => Promise.reject(new Error('no container can be called here'))),
        onRefused: () => undefined,
        sink: {
          onAssignments: (set) => void worker.sets.push(set),
          onWelcome: (facts) => void worker.welcomes.push(facts),
          networks: options.networks ?? NO_NETWORKS,
        },
      }),
    };
    worker.session.watchReach((reach) => void worker.reaches.push(reach));
    workers.push(worker.session);
    return worker;
  }

  return {
    clock,
    journal,
    get store() {
      return store;
    },
    dispatcher: () => {
      if (dispatcher === undefined) throw new Error('the manager is down');
      return dispatcher;
    },
    async restartManager(downMs) {
      const stopped = dispatcher?.stop();
      dispatcher = undefined;
      await clock.advance(downMs);
      await stopped;
      await store.close();
      store = await load();
      dispatcher = start(store);
    },
    startWorker,
    node: (id) => store.view((tx) => tx.nodes.get(id)),
    task: (id) => store.view((tx) => tx.tasks.get(id)),
    version: () => store.view((tx) => tx.version),
    async stop() {
      const stopped = Promise.all([...workers.map((session) => session.stop()), dispatcher?.stop()]);
      await clock.advance(100);
      await stopped;
    },
  };
}
