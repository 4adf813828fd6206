import type { Clock } from '@swarm/shared/runtime/clock';
import { type Loop, startLoop } from '@swarm/shared/runtime/loop';
import { commitPlan, type PlanPart } from '../store/commit-plan.ts';
import type { Commit, ReadTransaction, Store } from '../store/store.ts';
import { decideAllocation } from './decide/allocate.ts';

export interface AllocatorDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
}

/**
 * Gives new tasks what they need of the cluster's networks and passes them on to the scheduler. It reads only tasks that
 * are new: there are none but those on their way and those that wait for a network.
 */
export function startAllocator({ store, clock, onFailure }: AllocatorDeps): Loop {
  const loop = startLoop({
    clock,
    onFailure,
    pass: async () => {
      const { refused } = await commitPlan(
        store,
        store.view((tx) => planAllocations(tx, clock.now())),
      );
      if (refused.length > 0) loop.wake();
    },
  });
  const stopWatch = store.watch((commit) => {
    if (isOfInterest(commit)) loop.wake();
  });
  return {
    ...loop,
    stop: async () => {
      stopWatch();
      await loop.stop();
    },
  };
}

function isOfInterest(commit: Commit): boolean {
  return commit.changes.some(
    (change) =>
      (change.table === 'networks' && change.after !== undefined) ||
      (change.table === 'tasks' && change.before === undefined && change.after?.Status.State === 'new'),
  );
}

function planAllocations(tx: ReadTransaction, now: number): readonly PlanPart[] {
  const findNetwork = (target: string) => tx.networks.get(target) ?? tx.networks.by('name', target.toLowerCase())[0];
  return tx.tasks.by('state', 'new').flatMap((task) => {
    const object = decideAllocation({ task, template: tx.templates.get(task.templateID), findNetwork }, now);
    return object === undefined ? [] : [{ changes: [{ kind: 'update', table: 'tasks', object }] }];
  });
}
