import { compareStates, isTerminal, type ObservedState } from '@swarm/shared/domain/task-state';
import type { PortConfig } from '@swarm/shared/engine-api/service-spec';
import { MAX_STATUS_TEXT } from '@swarm/shared/protocol/session';
import type { ContainerState } from '../../engine/engine.ts';
import type { TaskRecord, WorkerStatus } from './task-record.ts';

/** The usual message of each state. Source: contract §3.6. */
const MESSAGE = {
  assigned: 'assigned',
  accepted: 'accepted',
  preparing: 'preparing',
  ready: 'prepared',
  starting: 'starting',
  running: 'started',
  complete: 'finished',
  shutdown: 'shutdown',
} as const;

export type StateWithMessage = keyof typeof MESSAGE;

/** The status after the task was seen in `state`. Never below the one before; the same one when nothing changed. */
export function climbTo(
  record: TaskRecord,
  state: StateWithMessage,
  now: string,
  container?: ContainerState,
  ports: readonly PortConfig[] = [],
): WorkerStatus {
  const before = record.status;
  if (isTerminal(before.State)) return before;
  if (container === undefined && compareStates(state, before.State) <= 0) return before;
  // A container that starts anew without a manager is `starting` for a while; its task stays what it was.
  const reached = compareStates(state, before.State) < 0 ? before.State : state;
  const portStatus = reached === 'running' && container !== undefined ? publishedPorts(ports, container) : [];
  const next: WorkerStatus = {
    State: reached,
    Timestamp: reached === before.State ? before.Timestamp : now,
    Message: MESSAGE[reached as StateWithMessage],
    ...containerStatus(reached, container),
    ...(portStatus.length === 0 ? {} : { PortStatus: { Ports: portStatus } }),
  };
  return sameStatus(before, next) ? before : next;
}

/** The task stays in its state, or `preparing`, and says what it waits for. */
export function waitFor(record: TaskRecord, why: string, now: string): WorkerStatus {
  const reached = climbTo(record, 'preparing', now);
  const Message = `waiting: ${why}`.slice(0, MAX_STATUS_TEXT);
  return reached.Message === Message ? reached : { ...reached, Message };
}

/** A running container that is being stopped for its health: its task runs until it has ended, and nobody shall be led to it. */
export function asUnhealthy(record: TaskRecord, seen: WorkerStatus): WorkerStatus {
  if (seen.State !== 'running') return seen;
  const next = { ...seen, Err: UNHEALTHY };
  return sameStatus(record.status, next) ? record.status : next;
}

/** Failure before `starting` is rejected, from `starting` on failed. The message stays that of the state it broke in. */
export function endWithError(record: TaskRecord, error: string, now: string, container?: ContainerState): WorkerStatus {
  const before = record.status;
  if (isTerminal(before.State)) return before;
  const wasStarted = record.startAsked || compareStates(before.State, 'starting') >= 0;
  const ContainerStatus = { ContainerID: container?.id ?? '', PID: 0, ExitCode: container?.exitCode ?? 0 };
  const Message = wasStarted && before.State !== 'running' ? MESSAGE.starting : (before.Message ?? '');
  return { State: wasStarted ? 'failed' : 'rejected', Timestamp: now, Message, Err: cutText(error), ContainerStatus };
}

/** Engines repeat whole command lines. What is longer could be neither sent nor read from the disk again. */
function cutText(text: string): string {
  return text.length <= MAX_STATUS_TEXT ? text : `${text.slice(0, MAX_STATUS_TEXT - 1)}…`;
}

/** As Docker Swarm writes it. */
const UNHEALTHY = 'dockerexec: unhealthy container';

/** `task: non-zero exit (137): why`, as Docker Swarm writes it. */
export function exitError(container: ContainerState, unhealthy: boolean, memoryLimitBytes: number | undefined): string {
  const exit = `task: non-zero exit (${container.exitCode})`;
  if (unhealthy) return `${exit}: ${UNHEALTHY}`;
  if (container.oomKilled) {
    const limit = memoryLimitBytes ? `its memory limit of ${memoryLimitBytes} bytes was reached` : 'the host ran out of memory';
    return `${exit}: out of memory: ${limit}`;
  }
  return container.error === '' ? exit : `${exit}: ${container.error}`;
}

function containerStatus(state: ObservedState, container: ContainerState | undefined): Pick<WorkerStatus, 'ContainerStatus'> {
  if (container === undefined || compareStates(state, 'starting') < 0) return {};
  return { ContainerStatus: { ContainerID: container.id, PID: container.pid, ExitCode: container.exitCode } };
}

/** The host-mode ports with the numbers the engine gave them. */
function publishedPorts(ports: readonly PortConfig[], container: ContainerState): readonly PortConfig[] {
  return ports.flatMap((port) => {
    const bound = container.ports.filter(
      ({ targetPort, protocol }) => targetPort === port.TargetPort && protocol === (port.Protocol ?? 'tcp'),
    );
    const actual = bound.find(({ publishedPort }) => publishedPort === port.PublishedPort) ?? bound[0];
    return actual === undefined ? [] : [{ ...port, PublishedPort: actual.publishedPort }];
  });
}

function sameStatus(a: WorkerStatus, b: WorkerStatus): boolean {
  return (
    a.State === b.State &&
    a.Err === b.Err &&
    a.ContainerStatus?.ContainerID === b.ContainerStatus?.ContainerID &&
    a.ContainerStatus?.PID === b.ContainerStatus?.PID &&
    a.ContainerStatus?.ExitCode === b.ContainerStatus?.ExitCode &&
    JSON.stringify(a.PortStatus) === JSON.stringify(b.PortStatus)
  );
}
