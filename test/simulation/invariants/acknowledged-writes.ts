import type { Store } from '@swarm/manager/store/store';
import { TABLE_NAMES } from '@swarm/manager/store/tables';
import { compareStates, type ObservedState } from '@swarm/shared/domain/task-state';
import { asID } from '@swarm/shared/runtime/ids';
import type { MakeInvariant } from './invariant.ts';

/**
 * Whatever anybody was shown survives every crash of the manager: each object is there with the version that was seen
 * or a newer one, what was seen to be removed stays so, and a status that a worker may forget is in the store.
 */
export const acknowledgedWritesSurvive: MakeInvariant = ({ view, broken }) => {
  const versions = new Map<string, number>();
  const removed = new Set<string>();
  /** Removals that are on disk, and that nobody was told of. */
  const unheard = new Set<string>();

  function compare(store: Store): void {
    store.view((tx) => {
      for (const [key, version] of versions) {
        const [table, id] = key.split(' ') as [(typeof TABLE_NAMES)[number], string];
        const found = tx[table].get(id);
        if (found === undefined && unheard.has(key)) versions.delete(key);
        else if (found === undefined) broken(`${key} at version ${version} was seen, and is gone after the manager's restart`);
        else if (found.Version.Index < version) broken(`${key} was seen at version ${version}, and is back at ${found.Version.Index}`);
      }
      for (const table of TABLE_NAMES) {
        for (const { ID, Version } of tx[table].all()) {
          const key = `${table} ${ID}`;
          if (removed.has(key)) broken(`${key} was seen to be removed, and is back after the manager's restart`);
          versions.set(key, Version.Index);
        }
      }
    });
  }

  return {
    promise: 'no acknowledged write is lost',
    storeOpened: compare,
    writtenUnheard(entries) {
      for (const { changes } of entries) for (const { table, id, value } of changes) if (value === null) unheard.add(`${table} ${id}`);
    },
    committed({ changes }) {
      for (const { table, id, after } of changes) {
        const key = `${table} ${id}`;
        if (after === undefined) {
          versions.delete(key);
          removed.add(key);
        } else {
          versions.set(key, after.Version.Index);
          // A gateway's id says whose it is: it comes again.
          removed.delete(key);
        }
      }
    },
    statusesAcknowledged(statuses) {
      view((tx) => {
        for (const { taskID, status } of statuses) {
          const task = tx.tasks.get(asID(taskID));
          if (task !== undefined && compareStates(task.Status.State, status.State as ObservedState) < 0) {
            broken(`a worker was told that task ${taskID} is kept as ${status.State}; the store has ${task.Status.State}`);
          }
        }
      });
    },
  };
};
