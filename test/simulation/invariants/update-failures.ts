import type { ReadTransaction } from '@swarm/manager/store/store';
import type { Service, Task } from '@swarm/shared/domain/objects';
import { epochMs } from '@swarm/shared/runtime/clock';
import type { MakeInvariant } from './invariant.ts';

/** A plan may have been made from what was so a moment ago. */
const MOMENT_MS = 10_000;
const DEFAULT_MONITOR_MS = 5_000;

/**
 * The failure action: when more of what an update has renewed failed than `MaxFailureRatio` allows, no further seat is
 * renewed. The ratio is taken of all seats here, of which an update may touch fewer: it stops no later than this.
 */
export const failedUpdatesStop: MakeInvariant = ({ view, broken, coverage, world }) => ({
  promise: 'an update that fails too often goes no further',
  committed({ changes }, writer) {
    if (writer !== 'orchestrator') return;
    for (const change of changes) {
      if (change.table !== 'tasks' || change.before !== undefined || change.after?.origin?.kind !== 'update') continue;
      const task = change.after;
      const reason = view((tx) => {
        const service = tx.services.get(task.ServiceID);
        return service === undefined || task.specVersion !== service.specVersion ? undefined : explainFailure(tx, service, task);
      });
      if (reason !== undefined) broken(`task ${task.ID} was made for the update of ${task.ServiceID}, although ${reason}`);
    }
    for (const { table, after, before } of changes) {
      if (table !== 'services' || after?.UpdateStatus?.State === before?.UpdateStatus?.State) continue;
      if (after?.UpdateStatus?.State === 'paused' && /due to failure/.test(after.UpdateStatus.Message ?? ''))
        coverage.hit('update paused by a failure');
    }

    function explainFailure(tx: ReadTransaction, service: Service, made: Task): string | undefined {
      const { UpdateStatus, Spec } = service;
      if (UpdateStatus?.State !== 'updating') return undefined;
      const { FailureAction = 'pause', MaxFailureRatio = 0, Monitor } = Spec.UpdateConfig ?? {};
      if (FailureAction === 'continue' || Spec.Mode.Replicated === undefined) return undefined;
      const monitorMs = Monitor === undefined ? DEFAULT_MONITOR_MS : Monitor / 1e6;
      const tasks = tx.tasks.by('service', service.ID).filter((task) => task.ID !== made.ID);
      const now = world.manager?.store.now() ?? 0;
      const failures = tasks.filter(
        (task) =>
          task.origin?.kind === 'update' &&
          task.specVersion === service.specVersion &&
          task.templateID === service.templateID &&
          (task.Status.State === 'failed' ||
            (task.Status.State === 'rejected' && !/constraint enforcer/.test(task.Status.Message ?? ''))) &&
          now - epochMs(task.UpdatedAt) > MOMENT_MS &&
          (task.runningSince === undefined || epochMs(task.UpdatedAt) - epochMs(task.runningSince) <= monitorMs),
      );
      // A seat that was tried again and again has failed once.
      const failed = new Set(failures.map(({ Slot }) => Slot)).size;
      const seats = new Set(tasks.map(({ Slot }) => Slot)).size;
      if (failed === 0 || failed / seats <= MaxFailureRatio) return undefined;
      return `the renewal of ${failed} of ${seats} seats has failed, and its action is ${FailureAction}`;
    }
  },
});
