import type { Cluster, Node } from '@swarm/shared/domain/objects';
import type { NodeDescription } from '@swarm/shared/engine-api/cluster-spec';
import { ApiError } from '@swarm/shared/errors/api-error';
import type { Clock } from '@swarm/shared/runtime/clock';
import { systemClock } from '@swarm/shared/runtime/clock';
import { asID, type NodeID, systemRandom } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import type { FastifyInstance } from 'fastify';
import { previewPlacement } from '../../placement-preview.ts';
import type { ClusterCertificates } from '../../seams/cluster-certificates.ts';
import type { Guests } from '../../seams/guests.ts';
import type { LocalNode, NodeControl } from '../../seams/node-control.ts';
import type { TaskContainers } from '../../seams/task-containers.ts';
import { type TaskLogs, TaskLogsUnavailable } from '../../seams/task-logs.ts';
import { MemoryJournal } from '../../store/memory-journal.ts';
import { openStore } from '../../store/memory-store.ts';
import type { Draft, Store } from '../../store/store.ts';
import { OPEN_GATE } from '../access/gate.ts';
import { type ApiDeps, buildApi, type EngineAddress } from '../build-api.ts';

export const MANAGER_ID = asID<NodeID>('m'.repeat(25));

export const CLUSTER: Draft<Cluster> = {
  ID: asID('c'.repeat(25)),
  Spec: {
    Name: 'default',
    Labels: {},
    Orchestration: { TaskHistoryRetentionLimit: 5 },
    Raft: { SnapshotInterval: 10_000, KeepOldSnapshots: 0, LogEntriesForSlowFollowers: 500, ElectionTick: 10, HeartbeatTick: 1 },
    Dispatcher: { HeartbeatPeriod: 5_000_000_000 },
    CAConfig: { NodeCertExpiry: 7_776_000_000_000_000 },
    TaskDefaults: {},
    EncryptionConfig: { AutoLockManagers: false },
  },
  TLSInfo: { TrustRoot: '-----BEGIN CERTIFICATE-----', CertIssuerSubject: 'aXNzdWVy', CertIssuerPublicKey: 'a2V5' },
  RootRotationInProgress: false,
  DefaultAddrPool: ['10.0.0.0/8'],
  SubnetSize: 24,
  DataPathPort: 4789,
  JoinTokens: { Worker: 'SWMTKN-1-root-worker', Manager: 'SWMTKN-1-root-manager' },
  ca: { certificate: 'certificate', privateKey: 'key that never leaves' },
};

export function describeNode(hostname: string, labels: Readonly<Record<string, string>> = {}): NodeDescription {
  return {
    Hostname: hostname,
    Platform: { Architecture: 'x86_64', OS: 'linux' },
    Resources: { NanoCPUs: 4e9, MemoryBytes: 8e9 },
    Engine: { EngineVersion: '28.0.0', Labels: labels },
  };
}

export function makeNode(id: string, hostname: string, over: Partial<Draft<Node>> = {}): Draft<Node> {
  return {
    ID: asID(id),
    Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
    Description: describeNode(hostname),
    Status: { State: 'ready', Addr: '10.0.0.1' },
    role: 'worker',
    keyFingerprint: `key of ${id}`,
    ...over,
  };
}

export const MANAGER = makeNode(MANAGER_ID, 'boss', {
  Spec: { Labels: {}, Role: 'manager', Availability: 'active' },
  ManagerStatus: { Leader: true, Reachability: 'reachable', Addr: '10.0.0.1:2377' },
  role: 'manager',
});

export const INACTIVE: LocalNode = { state: 'inactive', nodeID: '', nodeAddr: '', error: '', isManager: false, remoteManagers: [] };
export const ACTIVE_MANAGER: LocalNode = {
  state: 'active',
  nodeID: MANAGER_ID,
  nodeAddr: '10.0.0.1',
  error: '',
  isManager: true,
  remoteManagers: [{ NodeID: MANAGER_ID, Addr: '10.0.0.1:2377' }],
};

export const NO_LOGS: TaskLogs = {
  open: (request) => Promise.reject(new TaskLogsUnavailable(`node ${request.nodeID} is not connected`)),
};

export const NO_CONTAINERS: TaskContainers = {
  open: (place) => Promise.reject(new ApiError('unavailable', `node ${place.nodeID} is not connected to this manager`)),
  rememberExec: () => undefined,
  findExec: () => undefined,
};

/** No engine listens there. */
export const NO_ENGINE: EngineAddress = { socketPath: '/nonexistent/engine.sock' };

export interface TestApi {
  readonly app: FastifyInstance;
  readonly store: Store;
  local: LocalNode;
  logs: TaskLogs;
  containers: TaskContainers;
  guests: Guests | undefined;
  /** What its manager's journal is sealed with; a locked one opens with it. */
  unlockKey: string | undefined;
  /** What the API was built from, for another one over the same store. */
  readonly deps: ApiDeps;
}

/** The API over a real store with one manager, whose daemon part is as small as it can be. */
export async function startTestApi(
  options: {
    readonly engine?: EngineAddress;
    readonly clock?: Clock;
    readonly ca?: Cluster['ca'];
    readonly certificates?: ClusterCertificates;
  } = {},
): Promise<TestApi> {
  const clock = options.clock ?? systemClock;
  const store = await openStore({
    journal: new MemoryJournal(),
    clock,
    onFailure: (_kind, reason) => {
      throw new Error(reason);
    },
  });
  await store.update((tx) => {
    tx.clusters.create({ ...CLUSTER, ...(options.ca !== undefined && { ca: options.ca }) });
    tx.nodes.create(MANAGER);
  });
  let tokens = 0;
  const certificates: ClusterCertificates = options.certificates ?? {
    newJoinToken: () => {
      tokens += 1;
      return `SWMTKN-1-root-rotated${tokens}`;
    },
    readOwnRoot: () => noRoot(),
    replaceRoot: () => noRoot(),
    issue: () => Promise.reject(new Error('the API issues no node certificates')),
    issueClient: async () => noRoot(),
    issueApi: async () => noRoot(),
  };
  /** `unlockKey`: what a locked manager would open with. */
  const state: { local: LocalNode; logs: TaskLogs; containers: TaskContainers; guests: Guests | undefined; unlockKey: string | undefined } =
    {
      local: ACTIVE_MANAGER,
      logs: NO_LOGS,
      containers: NO_CONTAINERS,
      guests: undefined,
      unlockKey: undefined,
    };
  const applyUnlockKey = async () => {
    state.unlockKey = store.view((tx) => tx.clusters.all()[0]?.unlockKey);
  };
  const node: NodeControl = {
    local: () => state.local,
    init: async () => {
      state.local = ACTIVE_MANAGER;
      return { nodeID: MANAGER_ID };
    },
    join: async () => {
      state.local = { ...ACTIVE_MANAGER, isManager: false };
    },
    leave: async () => {
      state.local = INACTIVE;
    },
    unlock: async (unlockKey) => {
      if (unlockKey !== state.unlockKey) throw new ApiError('unauthenticated', 'swarm could not be unlocked: invalid key provided');
      state.local = ACTIVE_MANAGER;
    },
    manager: () =>
      state.local.isManager ? { store, certificates, logs: state.logs, containers: state.containers, applyUnlockKey } : undefined,
    guests: () => state.guests,
  };
  const deps: ApiDeps = {
    node,
    engine: options.engine ?? NO_ENGINE,
    gate: OPEN_GATE,
    clientAddresses: () => ['tcp://10.0.0.1:2376'],
    clock,
    random: systemRandom,
    logger: silentLogger,
    version: '0.1.0',
    previewPlacement,
  };
  const app = await buildApi(deps);
  return Object.assign(state, { app, store, deps });
}

/** Tests that sign or replace anything give the API a root: see test/access. */
function noRoot(): never {
  throw new Error('this test cluster has no root of its own');
}
