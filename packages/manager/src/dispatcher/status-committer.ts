import type { ReportedStatus } from '@swarm/shared/protocol/session';
import { type Clock, timestamp } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import { startLoop } from '@swarm/shared/runtime/loop';
import type { Store } from '../store/store.ts';
import { decideStatus } from './decide/status.ts';

export interface StatusBatch {
  readonly nodeID: string;
  readonly statuses: readonly ReportedStatus[];
  /** False once the session it came from is no longer the node's. */
  readonly isCurrent: () => boolean;
  /** What changed anything is durable; nothing of the batch needs to be sent again. */
  readonly acknowledge: () => void;
}

export interface StatusCommitterDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
}

/** The most statuses in one transaction: it runs in one turn of the event loop. */
const MAX_STATUSES_PER_COMMIT = 2_000;

/**
 * Commits what nodes report: at once when idle, all that came meanwhile in one transaction when the store is busy. The
 * decision runs inside the transaction, on the newest state, so that nothing can change between the two. Every session
 * has at most one batch here.
 */
export function startStatusCommitter(deps: StatusCommitterDeps) {
  const { store, clock, logger, onFailure } = deps;
  let waiting: StatusBatch[] = [];

  async function pass(): Promise<void> {
    while (waiting.length > 0) {
      const batches = takeBatches();
      const now = timestamp(clock.now());
      const dropped = await store.update((tx) =>
        batches.flatMap(({ nodeID, statuses }) =>
          statuses.flatMap((reported) => {
            const task = tx.tasks.get(reported.taskID);
            const hasPorts = task !== undefined && reported.status.PortStatus !== undefined;
            const published = hasPorts ? tx.templates.get(task.templateID)?.endpoint?.Ports : undefined;
            const decision = decideStatus(task, nodeID, reported, now, published);
            if (decision.kind === 'commit') tx.tasks.update(decision.task);
            return decision.kind === 'drop' ? [{ nodeID, taskID: reported.taskID, reason: decision.reason }] : [];
          }),
        ),
      );
      for (const fields of dropped) logger.debug(fields, 'status dropped');
      for (const batch of batches) batch.acknowledge();
    }
  }

  function takeBatches(): StatusBatch[] {
    let count = 0;
    const current = waiting.filter((batch) => batch.isCurrent());
    const end = current.findIndex((batch) => {
      count += batch.statuses.length;
      return count > MAX_STATUSES_PER_COMMIT;
    });
    const taken = current.slice(0, end === -1 ? current.length : Math.max(1, end));
    waiting = current.slice(taken.length);
    return taken;
  }

  const loop = startLoop({ clock, pass, onFailure });
  return {
    add(batch: StatusBatch): void {
      waiting.push(batch);
      loop.wake();
    },
    stop: () => loop.stop(),
  };
}
