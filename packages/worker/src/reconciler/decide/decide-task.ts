import { isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import type { AssignedTask, AssignedTemplate } from '@swarm/shared/protocol/session';
import { hostPorts } from '../../engine/container-request.ts';
import type { NetworkStanding } from '../../network/network-keeper.ts';
import type { ManagerReach } from '../../session/worker-ports.ts';
import type { Now, ObservedContainer, Step, StepKind } from './step.ts';
import { isUp } from './step.ts';
import type { TaskRecord } from './task-record.ts';
import { asUnhealthy, climbTo, endWithError, exitError, waitFor } from './task-status.ts';
import { decideUnattendedRestart } from './unattended-restart.ts';

export interface TaskView {
  readonly task: AssignedTask;
  readonly template: AssignedTemplate;
  readonly record: TaskRecord;
  /** The containers that carry this task's id. */
  readonly containers: readonly ObservedContainer[];
  /** How the networks stand that it has places in, by id. */
  readonly networks: ReadonlyMap<string, NetworkStanding>;
  /** The step on this task that is being executed. */
  readonly busy?: StepKind;
  readonly now: Now;
  readonly reach: ManagerReach;
}

export interface TaskDecision {
  readonly record: TaskRecord;
  readonly steps: readonly Step[];
  readonly lookAgainMs?: number;
}

const DEFAULT_GRACE_MS = 10_000;
const MS_PER_NANOSECOND = 1e-6;

/** One task: its status by what is seen, and the one step that brings it nearer to what is wanted. Pure. */
export function decideTask(view: TaskView): TaskDecision {
  // What is seen while the container is being made or started may be over before it is told.
  if (view.busy === 'create' || view.busy === 'start') return { record: view.record, steps: [] };
  const container = chooseContainer(view.containers, view.record.startedContainer);
  const surplus = view.containers.filter((other) => other !== container);
  const decision = decideChosen(view, container);
  if (surplus.length === 0) return decision;
  // Two containers for one task: never while the surplus is there another step.
  const steps = surplus.map((other): Step => ({ kind: 'remove', key: `${view.task.ID}/${other.id}`, containerID: other.id }));
  return { ...decision, steps };
}

/** A task has one container: the one it was started with and no other, before that the one that runs or is newest. */
function chooseContainer(containers: readonly ObservedContainer[], started: string | undefined): ObservedContainer | undefined {
  if (started !== undefined) return containers.find((container) => container.id === started);
  const rank = (container: ObservedContainer) => (isUp(container) ? 1 : 0);
  return [...containers].sort((a, b) => rank(b) - rank(a) || b.createdAt.localeCompare(a.createdAt) || a.id.localeCompare(b.id))[0];
}

function decideChosen(view: TaskView, container: ObservedContainer | undefined): TaskDecision {
  const { record, now } = view;
  if (isTerminal(record.status.State)) return decideEnded(view, container);
  if (record.failure !== undefined) {
    return decideEnded(
      { ...view, record: { ...record, status: endWithError(record, record.failure, now.timestamp, container) } },
      container,
    );
  }
  if (container === undefined) return decideWithoutContainer(view);
  switch (container.status) {
    case 'created':
      return decideCreated(view, container);
    case 'running':
    case 'paused':
    case 'restarting':
      return decideRunning(view, container);
    case 'exited':
    case 'dead':
    case 'removing':
      return decideExited(view, container);
  }
}

/** The task has ended; a container of it that runs all the same was started by someone else. */
function decideEnded({ task, template, record }: TaskView, container: ObservedContainer | undefined): TaskDecision {
  return { record, steps: container !== undefined && isUp(container) ? [stop(task, template, container, 'its task has ended')] : [] };
}

function decideWithoutContainer(view: TaskView): TaskDecision {
  const { task, template, record, now } = view;
  if (record.startedContainer !== undefined) {
    const gone = `container ${record.startedContainer.slice(0, 12)} is gone: it was removed by something other than swarm`;
    return { record: { ...record, status: endWithError(record, gone, now.timestamp) }, steps: [] };
  }
  if (!isWanted(task.desiredState)) return { record: { ...record, status: climbTo(record, 'shutdown', now.timestamp) }, steps: [] };
  const obstacle = networkObstacle(view);
  if (obstacle?.isFinal) return { record: { ...record, status: endWithError(record, obstacle.why, now.timestamp) }, steps: [] };
  if (record.imageReady) {
    if (obstacle !== undefined) return { record: { ...record, status: waitFor(record, obstacle.why, now.timestamp) }, steps: [] };
    return { record, steps: [{ kind: 'create', key: task.ID, task, template }] };
  }
  const { registryAuth: auth } = template;
  const reference = template.spec.ContainerSpec?.Image ?? '';
  const step: Step = { kind: 'prepareImage', key: task.ID, taskID: task.ID, reference, ...(auth === undefined ? {} : { auth }) };
  return { record, steps: [step] };
}

/** The first network that keeps the task's container from being made or started; `isFinal`: this node cannot have it. */
function networkObstacle({ task, networks }: TaskView): { readonly why: string; readonly isFinal: boolean } | undefined {
  for (const { networkID } of task.attachments ?? []) {
    const standing = networks.get(networkID);
    if (standing?.kind === 'ready') continue;
    if (standing === undefined) return { why: `network ${networkID} is not known on this node yet`, isFinal: false };
    return { why: standing.why, isFinal: standing.kind === 'refused' };
  }
  return undefined;
}

function decideCreated(view: TaskView, container: ObservedContainer): TaskDecision {
  const { task, record, now } = view;
  if (container.error !== '') {
    // A start that failed while we were not looking.
    const started = { ...record, startAsked: true };
    return { record: { ...started, status: endWithError(started, startError(container.error), now.timestamp, container) }, steps: [] };
  }
  if (!isWanted(task.desiredState)) return { record: { ...record, status: climbTo(record, 'shutdown', now.timestamp) }, steps: [] };
  const ready = { ...record, status: climbTo(record, 'ready', now.timestamp, container) };
  if (task.desiredState === 'ready') return { record: ready, steps: [] };
  const obstacle = networkObstacle(view);
  if (obstacle !== undefined) return { record: { ...ready, status: waitFor(ready, obstacle.why, now.timestamp) }, steps: [] };
  return { record: ready, steps: [{ kind: 'start', key: task.ID, taskID: task.ID, containerID: container.id, unattended: false }] };
}

export function startError(sentence: string): string {
  return `starting container failed: ${sentence}`;
}

function decideRunning({ task, template, record, now }: TaskView, container: ObservedContainer): TaskDecision {
  const state =
    container.health === 'starting' || (container.health === 'unhealthy' && record.status.State !== 'running') ? 'starting' : 'running';
  const seen: TaskRecord = {
    ...record,
    startAsked: true,
    startedContainer: container.id,
    status: climbTo(record, state, now.timestamp, container, hostPorts(template)),
  };
  if (!isWanted(task.desiredState)) return { record: seen, steps: [stop(task, template, container, 'its task shall end')] };
  if (container.health === 'unhealthy' || record.unhealthy) {
    const status = asUnhealthy(record, seen.status);
    return { record: { ...seen, status, unhealthy: true }, steps: [stop(task, template, container, 'it is unhealthy')] };
  }
  return { record: seen, steps: [] };
}

function decideExited(view: TaskView, container: ObservedContainer): TaskDecision {
  const { task, template, now, reach } = view;
  const record: TaskRecord = { ...view.record, startAsked: true, startedContainer: container.id };
  if (!isWanted(task.desiredState))
    return { record: { ...record, status: climbTo(record, 'shutdown', now.timestamp, container) }, steps: [] };
  const succeeded = container.exitCode === 0 && !record.unhealthy;
  if (reach !== 'connected') {
    const ended = { succeeded, endedAtMs: container.endedAtMs, isJob: task.desiredState === 'complete', restartTimes: record.restartTimes };
    const restart = decideUnattendedRestart(template.spec.RestartPolicy, ended, now.ms);
    if (restart.kind === 'restart') {
      // The task stays what it was: a manager that is back in time decides, else the container starts again.
      if (reach === 'uncertain') return { record, steps: [] };
      if (restart.inMs > 0) return { record, steps: [], lookAgainMs: restart.inMs };
      return { record, steps: [{ kind: 'start', key: task.ID, taskID: task.ID, containerID: container.id, unattended: true }] };
    }
  }
  if (succeeded) return { record: { ...record, status: climbTo(record, 'complete', now.timestamp, container) }, steps: [] };
  const why = exitError(container, record.unhealthy, template.spec.Resources?.Limits?.MemoryBytes);
  return { record: { ...record, status: endWithError(record, why, now.timestamp, container) }, steps: [] };
}

function stop(task: AssignedTask, template: AssignedTemplate, container: ObservedContainer, why: string): Step {
  const grace = template.spec.ContainerSpec?.StopGracePeriod;
  const graceMs = grace === undefined ? DEFAULT_GRACE_MS : grace * MS_PER_NANOSECOND;
  return { kind: 'stop', key: task.ID, containerID: container.id, graceMs, why };
}
