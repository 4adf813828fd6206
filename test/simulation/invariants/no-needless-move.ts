import type { ReadTransaction } from '@swarm/manager/store/store';
import { slotKey } from '@swarm/manager/store/tables';
import { nodeSatisfies } from '@swarm/shared/domain/constraints';
import { dependenciesOf } from '@swarm/shared/domain/depends-on';
import type { Service, Task } from '@swarm/shared/domain/objects';
import { isLive, isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import type { MakeInvariant } from './invariant.ts';

/**
 * A running task is asked to stop only for a cause that can be named. A restart of the manager, a rollback of tasks that
 * are as they should be, or the return of a node are none.
 */
export const noNeedlessMove: MakeInvariant = ({ view, broken, coverage }) => ({
  promise: 'no running task is asked to stop without a cause',
  committed({ changes }, writer) {
    if (writer !== 'orchestrator') return;
    for (const change of changes) {
      if (change.table !== 'tasks' || change.before === undefined || change.after === undefined) continue;
      const { before, after } = change;
      if (before.Status.State !== 'running' || isTerminal(after.Status.State)) continue;
      if (!isWanted(before.DesiredState) || isWanted(after.DesiredState)) continue;
      const cause = view((tx) => causeOf(tx, before));
      if (cause === undefined) broken(`task ${after.ID} of ${slotKey(after)} runs well on ${after.NodeID}, and was asked to stop`);
      else coverage.hit(`running task stopped: ${cause}`);
    }
  },
});

/** Why the task may be asked to stop; undefined when nothing says so. */
export function causeOf(tx: ReadTransaction, task: Task): string | undefined {
  const service = tx.services.get(task.ServiceID);
  if (service === undefined) return 'its service is gone';
  if (task.templateID !== service.templateID) return 'update';
  if (dependsOnNewer(tx, service, task)) return 'what it depends on was renewed';
  const node = task.NodeID === undefined ? undefined : tx.nodes.get(task.NodeID);
  if (node === undefined) return 'its node was removed';
  if (node.Spec.Availability === 'drain') return 'its node is drained';
  if (!nodeSatisfies(tx.templates.get(task.templateID)?.spec.Placement, node)) return 'its node no longer fits';
  const others = tx.tasks.by('slot', slotKey(task)).filter((other) => other.ID !== task.ID && isLive(other));
  // Until another one runs, or is as much lost: a node that comes back in time loses nothing.
  if (node.Status.State === 'down' && others.some((other) => other.Status.State === 'running' || isAway(tx, other)))
    return 'its node is away';
  if (others.some((other) => other.Status.State === 'running')) return 'another one runs';
  const replicas = service.Spec.Mode.Replicated?.Replicas;
  const seats = new Set(tx.tasks.by('service', service.ID).filter(isLive).map(slotKey));
  if (replicas !== undefined && !seats.has(slotKey(task)) && seats.size >= Math.min(replicas, seats.size)) {
    const kept = tx.tasks.by('service', service.ID).filter((other) => other.DesiredState !== 'remove');
    if (new Set(kept.map(slotKey)).size >= replicas) return 'scaled down';
  }
  if (service.Spec.Mode.ReplicatedJob !== undefined || service.Spec.Mode.GlobalJob !== undefined) return 'a newer run of the job';
  return undefined;
}

function isAway(tx: ReadTransaction, task: Task): boolean {
  return task.NodeID !== undefined && tx.nodes.get(task.NodeID)?.Status.State === 'down';
}

/** A dependency that asks for it has a task that an update made, and that is newer. */
function dependsOnNewer(tx: ReadTransaction, service: Service, task: Task): boolean {
  return dependenciesOf(service.Spec.Labels).some(({ service: name, restart }) => {
    const other = restart ? tx.services.by('name', name.toLowerCase())[0] : undefined;
    const renewed = other === undefined ? [] : tx.tasks.by('service', other.ID).filter(({ origin }) => origin?.kind === 'update');
    return renewed.some(({ CreatedAt }) => CreatedAt > task.CreatedAt);
  });
}
