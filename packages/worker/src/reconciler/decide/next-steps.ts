import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { isTerminal } from '@swarm/shared/domain/task-state';
import type { AssignedTask } from '@swarm/shared/protocol/session';
import type { NetworkStanding } from '../../network/network-keeper.ts';
import type { AssignmentSet, ManagerReach } from '../../session/worker-ports.ts';
import { decideTask } from './decide-task.ts';
import { isUp, type Now, type ObservedContainer, type Step, type StepKind } from './step.ts';
import { newRecord, type TaskRecord } from './task-record.ts';

export interface ObservedWorld {
  /** Every container that carries our cluster's and our node's label. */
  readonly containers: readonly ObservedContainer[];
  readonly records: ReadonlyMap<string, TaskRecord>;
  /** The tasks whose secrets and configs lie in files here. */
  readonly payloads: ReadonlySet<string>;
  /** What is being executed, by key. */
  readonly busy: ReadonlyMap<string, StepKind>;
  /** How the networks stand that tasks have places in, by id. */
  readonly networks: ReadonlyMap<string, NetworkStanding>;
}

export interface WantedWorld {
  /** Absent until the worker has been told, by a manager or by its own disk, what it shall hold. */
  readonly set?: AssignmentSet;
  /** A manager has said so in the life of this daemon. Before that nothing is collected: the disk may be behind. */
  readonly confirmed: boolean;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** The records of all tasks of the set, changed ones and others. */
  readonly records: ReadonlyMap<string, TaskRecord>;
  /** Look again after this long even if nothing happens. */
  readonly lookAgainMs?: number;
}

/** What to do next, for every task of the set and every container that belongs to none. Pure. */
export function nextSteps(observed: ObservedWorld, wanted: WantedWorld, now: Now, reach: ManagerReach): Plan {
  if (wanted.set === undefined) {
    return { steps: sweep(observed, new Map()).filter((step) => !observed.busy.has(step.key)), records: observed.records };
  }
  const byTask = groupByTask(observed.containers);
  const steps: Step[] = [];
  const records = new Map<string, TaskRecord>();
  let lookAgainMs = Number.POSITIVE_INFINITY;
  for (const taskID of [...wanted.set.tasks.keys()].sort()) {
    const task = wanted.set.tasks.get(taskID) as AssignedTask;
    const template = wanted.set.templates.get(task.templateID);
    if (template === undefined) throw new Error(`task ${taskID} refers to template ${task.templateID}, which its set does not hold`);
    const record = observed.records.get(taskID) ?? newRecord(now.timestamp);
    const containers = byTask.get(taskID) ?? [];
    byTask.delete(taskID);
    const busy = observed.busy.get(taskID);
    const { networks } = observed;
    const decision = decideTask({ task, template, record, containers, networks, now, reach, ...(busy === undefined ? {} : { busy }) });
    records.set(taskID, decision.record);
    steps.push(...decision.steps);
    if (decision.lookAgainMs !== undefined) lookAgainMs = Math.min(lookAgainMs, decision.lookAgainMs);
  }
  if (wanted.confirmed) {
    for (const [taskID, containers] of [...byTask].sort(([a], [b]) => (a < b ? -1 : 1))) steps.push(...collect(taskID, containers));
  }
  steps.push(...sweep(observed, records));
  return {
    steps: steps.filter((step) => !observed.busy.has(step.key)),
    records,
    ...(lookAgainMs === Number.POSITIVE_INFINITY ? {} : { lookAgainMs }),
  };
}

/** A container whose task is no longer ours: stopped by its own grace, then removed. */
function collect(taskID: string, containers: readonly ObservedContainer[]): readonly Step[] {
  return containers.map((container, index) => {
    const key = index === 0 ? taskID : `${taskID}/${container.id}`;
    if (isUp(container)) return { kind: 'stop', key, containerID: container.id, why: 'its task is no longer assigned to this node' };
    return { kind: 'remove', key, containerID: container.id };
  });
}

/**
 * Files of secrets and configs that nobody will read again: their task has ended or is no longer ours, and no container
 * of it is up. That holds whether a manager has confirmed the set or not: a task that comes after all gets them anew.
 */
function sweep(observed: ObservedWorld, records: ReadonlyMap<string, TaskRecord>): readonly Step[] {
  if (observed.payloads.size === 0) return [];
  const up = new Set(observed.containers.filter(isUp).map(({ labels }) => labels[CONTAINER_LABELS.taskID]));
  return [...observed.payloads].sort().flatMap((taskID): readonly Step[] => {
    const record = records.get(taskID);
    const isNeeded = up.has(taskID) || (record !== undefined && !isTerminal(record.status.State));
    return isNeeded ? [] : [{ kind: 'removePayloads', key: taskID, taskID }];
  });
}

function groupByTask(containers: readonly ObservedContainer[]): Map<string, ObservedContainer[]> {
  const groups = new Map<string, ObservedContainer[]>();
  for (const container of containers) {
    const taskID = container.labels[CONTAINER_LABELS.taskID] ?? '';
    const group = groups.get(taskID);
    if (group === undefined) groups.set(taskID, [container]);
    else group.push(container);
  }
  return groups;
}
