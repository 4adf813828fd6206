import type { Cluster } from '@swarm/shared/domain/objects';
import type { Settings } from '@swarm/shared/protocol/session';
import type { Change, Store } from '../store/store.ts';

const DEFAULT_HEARTBEAT_PERIOD_MS = 5_000;
export const BEATS_PER_PERIOD = 5;
const NS_PER_MS = 1e6;

/** Whether a change may make other settings. */
export function touchesSettings(change: Change): boolean {
  if (change.table === 'clusters') return true;
  if (change.table !== 'nodes') return false;
  const { before, after } = change;
  return before?.role !== after?.role || before?.ManagerStatus?.Addr !== after?.ManagerStatus?.Addr;
}

/** What every session is told, as the store has it. */
export function readSettings(store: Store): Settings {
  return store.view((tx) => {
    const cluster: Cluster | undefined = tx.clusters.all()[0];
    const periodNs = cluster?.Spec.Dispatcher?.HeartbeatPeriod ?? 0;
    const periodMs = periodNs > 0 ? periodNs / NS_PER_MS : DEFAULT_HEARTBEAT_PERIOD_MS;
    return {
      heartbeatEveryMs: Math.max(1, Math.round(periodMs / BEATS_PER_PERIOD)),
      managers: tx.nodes
        .all()
        .flatMap((node) => (node.role === 'manager' && node.ManagerStatus !== undefined ? [node.ManagerStatus.Addr] : [])),
    };
  });
}
