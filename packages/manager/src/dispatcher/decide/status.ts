import type { Task, TaskStatus } from '@swarm/shared/domain/objects';
import { compareStates } from '@swarm/shared/domain/task-state';
import type { ReportedStatus } from '@swarm/shared/protocol/session';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';

/** `drop` and `unchanged` cost no write; a worker may forget the status in every case. */
export type StatusDecision =
  | { readonly kind: 'commit'; readonly task: Task }
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'drop';
      readonly reason: 'no such task' | 'task of another node' | 'task not assigned yet' | 'would move the task back';
    };

/**
 * What a node's report makes of a task. The observed state only climbs: of two observations the greater is right. When
 * it was first seen running is noted by the manager's clock (`now`, RFC 3339): updates and restarts ask how long it ran.
 */
export function decideStatus(task: Task | undefined, nodeID: string, reported: ReportedStatus, now: string): StatusDecision {
  if (task === undefined) return { kind: 'drop', reason: 'no such task' };
  if (task.NodeID !== nodeID) return { kind: 'drop', reason: 'task of another node' };
  if (compareStates(task.Status.State, 'assigned') < 0) return { kind: 'drop', reason: 'task not assigned yet' };
  if (compareStates(reported.status.State, task.Status.State) < 0) return { kind: 'drop', reason: 'would move the task back' };
  const status = mergeStatus(task.Status, reported.status);
  const unattendedRestarts = reported.unattendedRestarts ?? task.unattendedRestarts;
  const sameButTime = status.State === task.Status.State && deepEqual({ ...status, Timestamp: '' }, { ...task.Status, Timestamp: '' });
  if (sameButTime && unattendedRestarts === task.unattendedRestarts) return { kind: 'unchanged' };
  const runningSince = task.runningSince ?? (status.State === 'running' ? now : undefined);
  return {
    kind: 'commit',
    task: {
      ...task,
      Status: status,
      ...(runningSince === undefined ? {} : { runningSince }),
      ...(unattendedRestarts === undefined ? {} : { unattendedRestarts }),
    },
  };
}

/** Container and ports stay known after the report that named them: an ended task still shows what it ran in. */
function mergeStatus(before: TaskStatus, reported: ReportedStatus['status']): TaskStatus {
  const ContainerStatus = reported.ContainerStatus ?? before.ContainerStatus;
  const PortStatus = reported.PortStatus ?? before.PortStatus;
  return {
    State: reported.State,
    Timestamp: reported.Timestamp,
    ...(reported.Message === undefined ? {} : { Message: reported.Message }),
    ...(reported.Err === undefined ? {} : { Err: reported.Err }),
    ...(ContainerStatus === undefined ? {} : { ContainerStatus }),
    ...(PortStatus === undefined ? {} : { PortStatus }),
  };
}
