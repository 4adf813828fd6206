import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import type { AssignmentSet } from '@swarm/worker/session/worker-ports';
import type { MakeInvariant } from './invariant.ts';

/** A container is started only for a task that the last set says shall run: not before its turn, and not after its end. */
export const nothingStartsUnasked: MakeInvariant = ({ broken }) => {
  const sets = new Map<string, AssignmentSet>();
  return {
    promise: 'no container starts before its task shall run',
    assigned: (host, set) => void sets.set(host.nodeID, set),
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
