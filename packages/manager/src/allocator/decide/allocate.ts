import type { Network, Task, Template } from '@swarm/shared/domain/objects';
import { isWanted } from '@swarm/shared/domain/task-state';
import { timestamp } from '@swarm/shared/runtime/clock';

/** Networks that every host has by itself, whether or not the cluster has an object for them. */
const HOST_NETWORKS: ReadonlySet<string> = new Set(['host', 'bridge', 'none']);

/** The words Docker's tools know for a task that waits for a node. */
const READY_TO_SCHEDULE = 'pending task scheduling';

export interface AllocationView {
  readonly task: Task;
  readonly template: Template | undefined;
  /** By id or, as old specs have it, by name. */
  readonly findNetwork: (target: string) => Network | undefined;
}

/**
 * What a new task needs before it can be placed. A task on a host's own networks, or on a stack's default network (which
 * runs on the host's bridge), needs no address of the cluster's. Undefined: nothing new can be said.
 */
export function decideAllocation({ task, template, findNetwork }: AllocationView, now: number): Task | undefined {
  if (task.Status.State !== 'new' || !isWanted(task.DesiredState)) return undefined;
  const missing = (template?.spec.Networks ?? [])
    .map(({ Target = '' }) => Target)
    .filter((target) => !HOST_NETWORKS.has(target) && findNetwork(target) === undefined);
  if (missing.length === 0) {
    return { ...task, Status: { State: 'pending', Timestamp: timestamp(now), Message: READY_TO_SCHEDULE } };
  }
  const Err = `waiting for ${missing.length === 1 ? 'network' : 'networks'} ${missing.join(', ')}: not in this cluster (any more); create it, or update the service to use another one`;
  return task.Status.Err === Err ? undefined : { ...task, Status: { ...task.Status, Err } };
}
