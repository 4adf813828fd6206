import type { Clock } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import type { AssignmentSet } from '../session/worker-ports.ts';
import { createDocumentWriter } from './document-writer.ts';
import { decodeAssignmentSet, encodeAssignmentSet } from './stored-assignments.ts';
import { type WorkerDisk, WorkerDiskError } from './worker-disk.ts';

/**
 * Holds what the node shall run, over restarts of the daemon and the host. A set is on disk before it is acted on: a
 * task that was withdrawn must not come back with a reboot.
 */
export interface AssignmentStore {
  /** What the disk holds of this node; undefined when there is nothing, or nothing that can be read. */
  load(): Promise<AssignmentSet | undefined>;
  /** `onHeld` is called with each set once it is durable; those that come while the disk is busy are overtaken by the newest. */
  accept(set: AssignmentSet): void;
  /** Whether the newest set, on disk or not, still lets the task run. What a slow disk has not taken yet must not start meanwhile. */
  mayRun(taskID: string): boolean;
  /** Resolves when nothing is left to write; what could not be written is tried a last time. */
  stop(): Promise<void>;
}

export interface AssignmentStoreDeps {
  readonly disk: WorkerDisk;
  readonly nodeID: string;
  readonly clusterID: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onHeld: (set: AssignmentSet) => void;
}

export function createAssignmentStore(deps: AssignmentStoreDeps): AssignmentStore {
  const { disk, nodeID, clusterID, clock, logger } = deps;
  const writer = createDocumentWriter({ disk, name: 'assignments', clock, logger });
  let newest: AssignmentSet | undefined;
  let held: AssignmentSet | undefined;
  let saving: Promise<void> | undefined;

  /** Each set that is written is held, though a newer one has come: sets may come faster than the disk takes them, without end. */
  async function saveAll(): Promise<void> {
    for (let set = newest; set !== undefined && set !== held; set = newest) {
      await writer.save(encodeAssignmentSet({ nodeID, clusterID }, set));
      held = set;
      deps.onHeld(set);
    }
    saving = undefined;
  }

  return {
    async load() {
      try {
        return decodeAssignmentSet({ nodeID, clusterID }, await disk.read('assignments'));
      } catch (error) {
        if (!(error instanceof WorkerDiskError)) throw error;
        logger.error({ reason: error.message }, 'stored assignments are lost; containers run on, and a manager tells them again');
        return undefined;
      }
    },
    accept(set) {
      newest = set;
      saving ??= saveAll();
    },
    mayRun(taskID) {
      if (newest === undefined || newest === held) return true;
      const desired = newest.tasks.get(taskID)?.desiredState;
      return desired === 'running' || desired === 'complete';
    },
    async stop() {
      await saving;
      await writer.stop();
    },
  };
}
