import { trustedRoots } from '@swarm/shared/domain/cluster-roots';
import type { Cluster } from '@swarm/shared/domain/objects';
import type { Settings } from '@swarm/shared/protocol/session';
import type { Change, Store } from '../store/store.ts';

const DEFAULT_HEARTBEAT_PERIOD_MS = 5_000;
/** A node's beats in the period after whose silence it is down. In a large cluster fewer: they are most of an idle manager's work. */
const BEATS_PER_PERIOD = 5;
const BEATS_PER_PERIOD_OF_MANY = 3;
const MANY_NODES = 1_000;
const NS_PER_MS = 1e6;

/** Whether a change may make other settings. */
export function touchesSettings(change: Change): boolean {
  if (change.table === 'clusters') return true;
  if (change.table !== 'nodes') return false;
  const { before, after } = change;
  if (before === undefined || after === undefined) return true;
  return before.role !== after.role || before.ManagerStatus?.Addr !== after.ManagerStatus?.Addr;
}

/** What every session is told, as the store has it, and after how long a silence a node is down. */
export function readSettings(store: Store): { readonly settings: Settings; readonly periodMs: number } {
  return store.view((tx) => {
    const cluster: Cluster | undefined = tx.clusters.all()[0];
    const periodNs = cluster?.Spec.Dispatcher?.HeartbeatPeriod ?? 0;
    const periodMs = periodNs > 0 ? periodNs / NS_PER_MS : DEFAULT_HEARTBEAT_PERIOD_MS;
    const beats = tx.nodes.size > MANY_NODES ? BEATS_PER_PERIOD_OF_MANY : BEATS_PER_PERIOD;
    const settings = {
      heartbeatEveryMs: Math.max(1, Math.round(periodMs / beats)),
      managers: tx.nodes
        .all()
        .flatMap((node) => (node.role === 'manager' && node.ManagerStatus !== undefined ? [node.ManagerStatus.Addr] : [])),
      ...(cluster !== undefined && { roots: [...trustedRoots(cluster)] }),
    };
    return { settings, periodMs };
  });
}
