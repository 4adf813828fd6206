import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import type { AssignmentSet } from '@swarm/worker/session/worker-ports';
import type { MakeInvariant } from './invariant.ts';

/** What could not be written is tried again every few seconds, and a slow disk takes as long for it. */
const WRITTEN_WITHIN_MS = 15_000;

/** A container is started only for a task that the last set says shall run: not before its turn, and not after its end. */
export const nothingStartsUnasked: MakeInvariant = ({ broken }) => {
  const sets = new Map<string, AssignmentSet>();
  return {
    promise: 'no container starts before its task shall run',
    assigned: (host, set) => void sets.set(host.nodeID, set),
    // A set that its disk did not take is known no longer; where the disk could have taken it, it should have.
    daemonStarted({ nodeID, diskMood: { takesSinceMs, unwritten }, endedMs }) {
      const sinceMs = unwritten.get('assignments');
      if (sinceMs !== undefined && endedMs - Math.max(sinceMs, takesSinceMs) < WRITTEN_WITHIN_MS) sets.delete(nodeID);
    },
    engineCalled(host, verb, containerID) {
      if (verb !== 'start') return;
      const container = host.engine.containers().find(({ id }) => id === containerID);
      const taskID = container?.labels[CONTAINER_LABELS.taskID] ?? '';
      const task = sets.get(host.nodeID)?.tasks.get(taskID);
      // A set of an earlier life of the node is not known here.
      if (task === undefined || task.desiredState === 'running' || task.desiredState === 'complete') return;
      broken(`${host.name} starts the container of task ${taskID}, which shall be ${task.desiredState}`);
    },
  };
};
