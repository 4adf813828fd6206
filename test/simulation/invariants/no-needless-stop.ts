import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { isTerminal, isWanted, type ObservedState } from '@swarm/shared/domain/task-state';
import type { AssignmentSet } from '@swarm/worker/session/worker-ports';
import type { MakeInvariant } from './invariant.ts';

/**
 * A worker stops a container only for a reason that it was given or has seen: its task is to end or has ended, is no
 * longer the node's by the word of a manager, or the container is unhealthy. That no manager answers is none.
 */
export const noNeedlessStop: MakeInvariant = ({ broken, coverage }) => {
  const sets = new Map<string, AssignmentSet>();
  /** Nodes whose daemon has heard a manager since it started. */
  const heard = new Set<string>();
  const reported = new Map<string, ObservedState>();

  return {
    promise: 'no container is stopped without a reason, and never because the manager is away',
    daemonStarted: (host) => void heard.delete(host.nodeID),
    assigned(host, set) {
      sets.set(host.nodeID, set);
      heard.add(host.nodeID);
    },
    reported: (_host, { taskID, status }) => void reported.set(taskID, status.State),
    engineCalled(host, verb, containerID) {
      if ((verb !== 'stop' && verb !== 'remove') || host.isLeaving) return;
      const containers = host.engine.containers();
      const container = containers.find(({ id }) => id === containerID);
      if (container?.status !== 'running') return;
      if (host.reach !== 'connected') coverage.hit('container stopped without a manager');
      const taskID = container.labels[CONTAINER_LABELS.taskID] ?? '';
      const task = sets.get(host.nodeID)?.tasks.get(taskID);
      if (task === undefined) {
        if (!heard.has(host.nodeID))
          broken(`${host.name} stops the container of task ${taskID} before a manager has said what it shall hold`);
        return;
      }
      if (!isWanted(task.desiredState) || isTerminal(reported.get(taskID) ?? 'new')) return;
      if (container.health === 'unhealthy') return;
      const twins = containers.filter(({ labels }) => labels[CONTAINER_LABELS.taskID] === taskID);
      if (verb === 'remove' && twins.length > 1) return;
      broken(`${host.name} calls ${verb} on the container of task ${taskID}, which it shall hold (${task.desiredState}) and which is well`);
    },
  };
};
