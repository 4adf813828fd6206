import type { SwarmSpec } from '@swarm/shared/engine-api/cluster-spec';

const SECOND_NS = 1_000_000_000;
/** Source: Docker Engine API, swarm defaults (90 days). */
export const DEFAULT_CERTIFICATE_LIFE_NS = 90 * 24 * 3600 * SECOND_NS;

/** What `docker swarm init` makes of an empty spec. */
export const DEFAULT_CLUSTER_SPEC = {
  Name: 'default',
  Labels: {},
  Orchestration: { TaskHistoryRetentionLimit: 5 },
  Raft: { SnapshotInterval: 10_000, KeepOldSnapshots: 0, LogEntriesForSlowFollowers: 500, ElectionTick: 10, HeartbeatTick: 1 },
  Dispatcher: { HeartbeatPeriod: 5 * SECOND_NS },
  CAConfig: { NodeCertExpiry: DEFAULT_CERTIFICATE_LIFE_NS },
  TaskDefaults: {},
  EncryptionConfig: { AutoLockManagers: false },
} as const satisfies SwarmSpec;

/**
 * The spec of a new cluster. Only here, at init, does a field that is absent or zero keep its default: an update
 * replaces the whole spec.
 */
export function clusterSpecForInit(given: SwarmSpec = {}): SwarmSpec {
  const defaults = DEFAULT_CLUSTER_SPEC;
  return {
    ...defaults,
    ...withoutZeros({ Name: given.Name, Labels: given.Labels }),
    Orchestration: { ...defaults.Orchestration, ...withoutZeros(given.Orchestration) },
    Raft: { ...defaults.Raft, ...withoutZeros(given.Raft) },
    Dispatcher: { ...defaults.Dispatcher, ...withoutZeros(given.Dispatcher) },
    CAConfig: { ...defaults.CAConfig, ...withoutZeros(given.CAConfig) },
    TaskDefaults: { ...defaults.TaskDefaults, ...given.TaskDefaults },
    EncryptionConfig: { ...defaults.EncryptionConfig, ...given.EncryptionConfig },
  };
}

function withoutZeros<T extends object>(value: T | undefined): Partial<T> {
  const entries = Object.entries(value ?? {}).filter(([, item]) => item !== undefined && item !== 0 && item !== '');
  return Object.fromEntries(entries) as Partial<T>;
}
