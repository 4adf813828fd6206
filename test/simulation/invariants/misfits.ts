import { isLive, isTerminal } from '@swarm/shared/domain/task-state';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { MakeInvariant } from './invariant.ts';
import { explainStay } from './placement.ts';

/** How long a manager that can decide may take, with a slow journal. */
const PATIENCE_MS = 30_000;

/**
 * When a node is relabelled, tasks that may not be there any more go at once: at rest that is too late to notice, since
 * much else takes tasks from nodes.
 */
export const misfitsGo: MakeInvariant = ({ world, view, broken, coverage }) => {
  let openedMs = 0;

  /** Since when the manager could see what is there, and decide. */
  function ableSinceMs(): number {
    const [host] = world.hosts;
    if (host === undefined || world.manager === undefined) return world.time.monotonicMs();
    return Math.max(openedMs, world.silencedUntilMs(host));
  }

  function look(nodeID: string): void {
    const restMs = ableSinceMs() + PATIENCE_MS - world.time.monotonicMs();
    if (restMs > 0) {
      world.time.setTimer(restMs, () => look(nodeID));
      return;
    }
    view((tx) => {
      const node = tx.nodes.get(nodeID);
      if (node === undefined || node.Status.State === 'down') return;
      for (const task of tx.tasks.by('node', nodeID)) {
        const reason = isLive(task) && !isTerminal(task.Status.State) ? explainStay(tx, task) : undefined;
        if (reason?.includes('does not meet')) broken(`task ${task.ID} is still on ${nodeID}: ${reason}`);
      }
    });
  }

  return {
    promise: 'a task does not stay on a node that no longer fits',
    storeOpened: () => {
      openedMs = world.time.monotonicMs();
    },
    committed({ changes }) {
      for (const { table, id, before, after } of changes) {
        if (table !== 'nodes' || before === undefined || after === undefined || deepEqual(before.Spec.Labels, after.Spec.Labels)) continue;
        coverage.hit('node relabelled under its tasks');
        world.time.setTimer(PATIENCE_MS, () => look(id));
      }
    },
  };
};
