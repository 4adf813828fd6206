import type { Task, TaskStatus } from '@swarm/shared/domain/objects';
import { compareStates } from '@swarm/shared/domain/task-state';
import type { PortConfig } from '@swarm/shared/engine-api/service-spec';
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
 * `published`: the ports that the task's service publishes.
 */
export function decideStatus(
  task: Task | undefined,
  nodeID: string,
  reported: ReportedStatus,
  now: string,
  published: readonly PortConfig[] = [],
): StatusDecision {
  if (task === undefined) return { kind: 'drop', reason: 'no such task' };
  if (task.NodeID !== nodeID) return { kind: 'drop', reason: 'task of another node' };
  if (compareStates(task.Status.State, 'assigned') < 0) return { kind: 'drop', reason: 'task not assigned yet' };
  if (compareStates(reported.status.State, task.Status.State) < 0) return { kind: 'drop', reason: 'would move the task back' };
  const status = mergeStatus(task.Status, reported.status, published);
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
function mergeStatus(before: TaskStatus, reported: ReportedStatus['status'], published: readonly PortConfig[]): TaskStatus {
  const ContainerStatus = reported.ContainerStatus ?? before.ContainerStatus;
  const PortStatus = knownPorts(reported.PortStatus, published) ?? before.PortStatus;
  return {
    State: reported.State,
    Timestamp: reported.Timestamp,
    ...(reported.Message === undefined ? {} : { Message: reported.Message }),
    ...(reported.Err === undefined ? {} : { Err: reported.Err }),
    ...(ContainerStatus === undefined ? {} : { ContainerStatus }),
    ...(PortStatus === undefined ? {} : { PortStatus }),
  };
}

/**
 * The numbers that ports got on their host, in the order of the spec. A node says no more than that: everything else, and
 * how many they are, the spec says, since what is kept of a task must not be as large as a node likes.
 */
function knownPorts(reported: TaskStatus['PortStatus'], published: readonly PortConfig[]): TaskStatus['PortStatus'] {
  if (reported?.Ports === undefined) return reported;
  const said = reported.Ports.values();
  let port = said.next().value;
  const Ports: PortConfig[] = [];
  for (const wanted of published) {
    if (wanted.PublishMode !== 'host' || port === undefined || !isSamePort(wanted, port)) continue;
    Ports.push({ ...wanted, ...(port.PublishedPort !== undefined && { PublishedPort: port.PublishedPort }) });
    port = said.next().value;
  }
  return { Ports };
}

function isSamePort(a: PortConfig, b: PortConfig): boolean {
  return a.TargetPort === b.TargetPort && (a.Protocol ?? 'tcp') === (b.Protocol ?? 'tcp');
}
