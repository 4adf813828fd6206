import type { Task } from '@swarm/shared/domain/objects';
import { type ObservedState, TASK_STATE_ORDER } from '@swarm/shared/domain/task-state';
import type { ReportedStatus } from '@swarm/shared/protocol/session';
import { asID } from '@swarm/shared/runtime/ids';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideStatus } from './status.ts';

const container = { ContainerID: 'c', PID: 7, ExitCode: 0 };

function task(State: ObservedState, status: Partial<Task['Status']> = {}): Task {
  return {
    ID: asID('t'),
    Version: { Index: 1 },
    CreatedAt: '',
    UpdatedAt: '',
    ServiceID: asID('s'),
    templateID: asID('p'),
    specVersion: 1,
    NodeID: asID('n1'),
    DesiredState: 'running',
    Status: { State, Timestamp: 'then', ...status },
  };
}

function report(State: ReportedStatus['status']['State'], status: Partial<ReportedStatus['status']> = {}): ReportedStatus {
  return { taskID: 't', status: { State, Timestamp: 'now', ...status } };
}

test.each([
  { it: 'a report of a task that was reaped', task: undefined, report: report('running'), kind: 'drop', reason: 'no such task' },
  {
    it: 'a report from a node that does not have the task',
    task: { ...task('running'), NodeID: asID<never>('n2') },
    report: report('failed'),
    kind: 'drop',
    reason: 'task of another node',
  },
  {
    it: 'a report of a task before it was assigned',
    task: task('pending'),
    report: report('running'),
    kind: 'drop',
    reason: 'task not assigned yet',
  },
  {
    it: 'a report that would move the task back',
    task: task('running'),
    report: report('starting'),
    kind: 'drop',
    reason: 'would move the task back',
  },
  {
    it: 'a report of a task that was orphaned',
    task: task('orphaned'),
    report: report('running'),
    kind: 'drop',
    reason: 'would move the task back',
  },
  { it: 'a climb', task: task('starting'), report: report('running'), kind: 'commit' },
  { it: 'a jump over rungs', task: task('assigned'), report: report('failed', { Err: 'task: non-zero exit (1)' }), kind: 'commit' },
  {
    it: 'the same again, later',
    task: task('running', { ContainerStatus: container }),
    report: report('running', { ContainerStatus: { ...container } }),
    kind: 'unchanged',
  },
  {
    it: 'the same state with a new message',
    task: task('preparing', { Message: 'preparing' }),
    report: report('preparing', { Message: 'pulling' }),
    kind: 'commit',
  },
  { it: 'a count of unattended restarts', task: task('running'), report: { ...report('running'), unattendedRestarts: 2 }, kind: 'commit' },
])('$it: $kind', ({ task, report, it: _, ...expected }) => {
  expect(decideStatus(task, 'n1', report, 'today')).toMatchObject(expected);
});

test('container and ports stay known when a later report leaves them out; message and error are of the newest report', () => {
  const PortStatus = { Ports: [{ TargetPort: 80, PublishedPort: 8080 }] };
  const decision = decideStatus(
    task('running', { ContainerStatus: container, PortStatus, Message: 'started' }),
    'n1',
    report('failed', { Err: 'boom' }),
    'today',
  );
  expect(decision).toMatchObject({
    kind: 'commit',
    task: { Status: { State: 'failed', Timestamp: 'now', Err: 'boom', ContainerStatus: container, PortStatus } },
  });
  expect(decision.kind === 'commit' && decision.task.Status.Message).toBeUndefined();
});

const onHost = (TargetPort: number, PublishedPort = 0, more: object = {}) => ({
  TargetPort,
  PublishedPort,
  PublishMode: 'host' as const,
  ...more,
});
const web = onHost(80, 8080, { Name: 'web', Protocol: 'tcp' });
const names = onHost(53, 0, { Protocol: 'udp' });
const ingress = { TargetPort: 80, PublishedPort: 9000, PublishMode: 'ingress' as const };

test.each([
  {
    it: 'the numbers that the engine gave',
    reported: [web, onHost(53, 32768, { Protocol: 'udp' })],
    kept: [web, { ...names, PublishedPort: 32768 }],
  },
  {
    it: 'nothing of a port whose number is not known',
    reported: [{ ...names, PublishedPort: 32768 }],
    kept: [{ ...names, PublishedPort: 32768 }],
  },
  { it: 'the name that the spec has, not what a node calls it', reported: [{ ...web, Name: 'x'.repeat(1e6) }], kept: [web] },
  { it: 'nothing that the service does not publish on hosts', reported: [onHost(22, 22), onHost(9000, 9000)], kept: [] },
  { it: 'each port once, however often it is said', reported: Array.from({ length: 1e5 }, () => web), kept: [web] },
])('of what a node says of ports is kept: $it', ({ reported, kept }) => {
  const decision = decideStatus(task('starting'), 'n1', report('running', { PortStatus: { Ports: reported } }), 'today', [
    ingress,
    web,
    names,
  ]);
  expect(decision).toMatchObject({ kind: 'commit', task: { Status: { PortStatus: { Ports: kept } } } });
  expect(decision.kind === 'commit' && decision.task.Status.PortStatus?.Ports).toEqual(kept);
});

test('when a task was first seen running is kept, whatever is reported later', () => {
  let current = task('assigned');
  for (const [state, now] of [
    ['starting', '1 s'],
    ['running', '2 s'],
    ['failed', '9 s'],
  ] as const) {
    const decision = decideStatus(current, 'n1', report(state), now);
    if (decision.kind === 'commit') current = decision.task;
    expect(current.runningSince).toBe(state === 'starting' ? undefined : '2 s');
  }
  expect(current.Status.State).toBe('failed');
});

test('whatever the order in which reports come, the task ends at the highest of them and a second delivery changes nothing', () => {
  const states = Object.keys(TASK_STATE_ORDER).filter(
    (state) => !['new', 'pending', 'remove', 'orphaned'].includes(state),
  ) as ReportedStatus['status']['State'][];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...states), { minLength: 1 }), (reported) => {
      let current = task('assigned');
      for (const state of [...reported, ...reported]) {
        const decision = decideStatus(current, 'n1', report(state), 'today');
        if (decision.kind === 'commit') current = decision.task;
      }
      const highest = Math.max(TASK_STATE_ORDER.assigned, ...reported.map((state) => TASK_STATE_ORDER[state]));
      expect(TASK_STATE_ORDER[current.Status.State]).toBe(highest);
    }),
  );
});
