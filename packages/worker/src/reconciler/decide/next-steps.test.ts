import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { ZERO_TIME } from '@swarm/shared/runtime/clock';
import { describe, expect, test } from 'vitest';
import { assignmentSet, CLUSTER_ID, NODE_ID, type TaskOptions } from '../../testing/worker-world.ts';
import { nextSteps } from './next-steps.ts';
import type { ObservedContainer, StepKind } from './step.ts';
import { newRecord, type TaskRecord } from './task-record.ts';

const NOW = { ms: 1_000_000, timestamp: '2030-01-01T00:00:00Z' };
const EARLIER = '2029-01-01T00:00:00Z';

function container(more: Partial<ObservedContainer> = {}): ObservedContainer {
  const id = more.id ?? 'c1';
  return {
    id,
    name: 'web.1.a',
    labels: { [CONTAINER_LABELS.taskID]: 'a', [CONTAINER_LABELS.nodeID]: NODE_ID, [CLUSTER_LABEL]: CLUSTER_ID },
    status: 'running',
    exitCode: 0,
    pid: 7,
    error: '',
    oomKilled: false,
    health: 'none',
    startedAt: EARLIER,
    finishedAt: ZERO_TIME,
    createdAt: EARLIER,
    ports: [],
    endedAtMs: 0,
    ...more,
  };
}

function record(state: TaskRecord['status']['State'], more: Partial<TaskRecord> = {}): TaskRecord {
  return { ...newRecord(EARLIER), status: { State: state, Timestamp: EARLIER, Message: state }, ...more };
}

const started = { imageReady: true, startAsked: true, startedContainer: 'c1' };
const exited = (exitCode: number) => container({ status: 'exited', exitCode, pid: 0, endedAtMs: NOW.ms });

interface Row {
  readonly task?: Partial<TaskOptions>;
  readonly record?: TaskRecord;
  readonly containers?: readonly ObservedContainer[];
  readonly busy?: StepKind;
  /** The tasks that have files of secrets and configs. */
  readonly payloads?: readonly string[];
  readonly reach?: 'connected' | 'uncertain' | 'unreachable';
  readonly steps: readonly (string | object)[];
  readonly state: string;
  readonly err?: string;
}

const rows: { readonly [sentence: string]: Row } = {
  'a new task gets its image first': { steps: ['prepareImage'], state: 'accepted' },
  'with its image its container is made': { record: record('preparing', { imageReady: true }), steps: ['create'], state: 'preparing' },
  'nothing is done while a step on the task runs': { busy: 'prepareImage', steps: [], state: 'accepted' },
  'a made container is started': { containers: [container({ status: 'created', pid: 0 })], steps: ['start'], state: 'ready' },
  'a made container of a task that shall be ready waits': {
    task: { desired: 'ready' },
    containers: [container({ status: 'created', pid: 0 })],
    steps: [],
    state: 'ready',
  },
  'a task that was withdrawn before it had a container is shut down': { task: { desired: 'shutdown' }, steps: [], state: 'shutdown' },
  'a container that waits to be started is left when its task is withdrawn': {
    task: { desired: 'remove' },
    containers: [container({ status: 'created', pid: 0 })],
    steps: [],
    state: 'shutdown',
  },
  'a task is not shut down while its container is being started': {
    task: { desired: 'shutdown' },
    record: record('starting', { imageReady: true, startAsked: true }),
    containers: [container({ status: 'created', pid: 0 })],
    busy: 'start',
    steps: [],
    state: 'starting',
  },
  'a task is not shut down while its container is being made': {
    task: { desired: 'shutdown' },
    record: record('preparing', { imageReady: true }),
    busy: 'create',
    steps: [],
    state: 'preparing',
  },
  'a running container needs nothing': { containers: [container()], steps: [], state: 'running' },
  'a container whose health is not known yet is starting': {
    containers: [container({ health: 'starting' })],
    steps: [],
    state: 'starting',
  },
  'a healthy container is running': { containers: [container({ health: 'healthy' })], steps: [], state: 'running' },
  'a container that was never healthy is stopped and stays starting': {
    record: record('starting', started),
    containers: [container({ health: 'unhealthy' })],
    steps: ['stop'],
    state: 'starting',
  },
  'an unhealthy container is stopped, and its task says so as long as that takes': {
    record: record('running', started),
    containers: [container({ health: 'unhealthy' })],
    steps: ['stop'],
    state: 'running',
    err: 'dockerexec: unhealthy container',
  },
  'a container that starts anew does not move its task back': {
    record: record('running', started),
    containers: [container({ health: 'starting' })],
    steps: [],
    state: 'running',
  },
  'a withdrawn task is stopped by its own grace': {
    task: { desired: 'shutdown', spec: { ContainerSpec: { StopGracePeriod: 3e9 } } },
    containers: [container()],
    steps: [{ kind: 'stop', graceMs: 3000 }],
    state: 'running',
  },
  'a withdrawn task without a grace of its own has ten seconds': {
    task: { desired: 'remove' },
    containers: [container()],
    steps: [{ kind: 'stop', graceMs: 10_000 }],
    state: 'running',
  },
  'a stopped container of a withdrawn task is kept': {
    task: { desired: 'shutdown' },
    record: record('running', started),
    containers: [exited(137)],
    steps: [],
    state: 'shutdown',
  },
  'exit code 0 is complete': { record: record('running', started), containers: [exited(0)], steps: [], state: 'complete' },
  'another exit code is failed': {
    record: record('running', started),
    containers: [exited(2)],
    steps: [],
    state: 'failed',
    err: 'task: non-zero exit (2)',
  },
  'a container that ended before it was seen running counts all the same': { containers: [exited(0)], steps: [], state: 'complete' },
  'a container stopped for its health has failed, whatever its exit code': {
    record: record('running', { ...started, unhealthy: true }),
    containers: [exited(0)],
    steps: [],
    state: 'failed',
    err: 'task: non-zero exit (0): dockerexec: unhealthy container',
  },
  'a start that failed while nobody looked has failed': {
    containers: [container({ status: 'created', error: 'no such file', pid: 0 })],
    steps: [],
    state: 'failed',
    err: 'starting container failed: no such file',
  },
  'a failure before the start is a rejection': {
    record: record('preparing', { failure: 'No such image: web:v1' }),
    steps: [],
    state: 'rejected',
    err: 'No such image: web:v1',
  },
  'a container that was started and is gone has failed': {
    record: record('running', started),
    steps: [],
    state: 'failed',
    err: 'container c1 is gone: it was removed by something other than swarm',
  },
  'another container does not stand in for the one that was started': {
    record: record('running', started),
    containers: [container({ id: 'c2' })],
    steps: [{ kind: 'remove', containerID: 'c2' }],
    state: 'failed',
    err: 'container c1 is gone: it was removed by something other than swarm',
  },
  'of two containers the running one stays': {
    containers: [container({ id: 'c2', status: 'created', createdAt: NOW.timestamp }), container()],
    steps: [{ kind: 'remove', containerID: 'c2' }],
    state: 'running',
  },
  'a container of an ended task that someone started is stopped': {
    record: record('failed', started),
    containers: [container()],
    steps: ['stop'],
    state: 'failed',
  },
  'a container that ended is not given up while a manager may be back soon': {
    record: record('running', started),
    containers: [exited(1)],
    reach: 'uncertain',
    steps: [],
    state: 'running',
  },
  'without a manager it starts again when its delay is over': {
    record: record('running', started),
    containers: [{ ...exited(1), endedAtMs: NOW.ms - 5000 }],
    reach: 'unreachable',
    steps: [{ kind: 'start', unattended: true }],
    state: 'running',
  },
  'and not before': { record: record('running', started), containers: [exited(1)], reach: 'unreachable', steps: [], state: 'running' },
  'a task that never restarts ends without a manager too': {
    task: { spec: { RestartPolicy: { Condition: 'none' } } },
    record: record('running', started),
    containers: [exited(1)],
    reach: 'unreachable',
    steps: [],
    state: 'failed',
    err: 'task: non-zero exit (1)',
  },
  'files of a task that runs stay': { containers: [container()], payloads: ['a'], steps: [], state: 'running' },
  'files of a task whose container is not made yet stay': {
    record: record('preparing', { imageReady: true }),
    payloads: ['a'],
    steps: ['create'],
    state: 'preparing',
  },
  'files of a task that has ended go': {
    record: record('running', started),
    containers: [exited(1)],
    payloads: ['a'],
    steps: ['removePayloads'],
    state: 'failed',
    err: 'task: non-zero exit (1)',
  },
  'files of an ended task stay while its container is up': {
    record: record('failed', started),
    containers: [container()],
    payloads: ['a'],
    steps: ['stop'],
    state: 'failed',
  },
  'files of a container that may start again without a manager stay': {
    record: record('running', started),
    containers: [exited(1)],
    payloads: ['a'],
    reach: 'uncertain',
    steps: [],
    state: 'running',
  },
  'files are not taken away under a step on their task': {
    record: record('failed', started),
    payloads: ['a'],
    busy: 'removePayloads',
    steps: [],
    state: 'failed',
  },
  'files of a task that is not ours go': {
    payloads: ['z'],
    containers: [container()],
    steps: [{ kind: 'removePayloads', taskID: 'z' }],
    state: 'running',
  },
  'a job that has done its work is complete without a manager too': {
    task: { desired: 'complete' },
    record: record('running', started),
    containers: [exited(0)],
    reach: 'unreachable',
    steps: [],
    state: 'complete',
  },
};

describe('next steps', () => {
  test.each(Object.entries(rows))('%s', (_sentence, row) => {
    const observed = {
      containers: row.containers ?? [],
      payloads: new Set(row.payloads ?? []),
      networks: new Map(),
      records: new Map(row.record === undefined ? [] : [['a', row.record]]),
      busy: new Map(row.busy === undefined ? [] : [['a', row.busy]]),
    };
    const wanted = { set: assignmentSet([{ id: 'a', ...row.task }]), confirmed: true };
    const plan = nextSteps(observed, wanted, NOW, row.reach ?? 'connected');
    expect(plan.steps).toEqual(row.steps.map((step) => expect.objectContaining(typeof step === 'string' ? { kind: step } : step)));
    const status = plan.records.get('a')?.status;
    expect(status?.State).toBe(row.state);
    expect(status?.Err).toBe(row.err);
  });

  test('what is said of an unhealthy container is said once', () => {
    const wanted = { set: assignmentSet([{ id: 'a' }]), confirmed: true };
    const look = (records: ReadonlyMap<string, TaskRecord>) => {
      const containers = [container({ health: 'unhealthy' })];
      const observed = { containers, records, payloads: new Set<string>(), networks: new Map(), busy: new Map() };
      return nextSteps(observed, wanted, NOW, 'connected').records;
    };
    const first = look(new Map([['a', record('running', started)]]));
    expect(look(first).get('a')?.status).toBe(first.get('a')?.status);
  });

  test('without a set nothing is done, not even to containers of no task', () => {
    const observed = { containers: [container()], records: new Map(), payloads: new Set<string>(), networks: new Map(), busy: new Map() };
    expect(nextSteps(observed, { confirmed: false }, NOW, 'unreachable').steps).toEqual([]);
  });

  test('without a set files stay only under containers that are up', () => {
    const observed = { containers: [container()], records: new Map(), payloads: new Set(['a', 'b']), networks: new Map(), busy: new Map() };
    expect(nextSteps(observed, { confirmed: false }, NOW, 'unreachable').steps).toEqual([
      { kind: 'removePayloads', key: 'b', taskID: 'b' },
    ]);
  });

  test('a set from the disk collects nothing', () => {
    const observed = { containers: [container()], records: new Map(), payloads: new Set<string>(), networks: new Map(), busy: new Map() };
    expect(nextSteps(observed, { set: assignmentSet([]), confirmed: false }, NOW, 'connected').steps).toEqual([]);
  });

  test('containers of no task are stopped by their own grace, then removed', () => {
    const world = (status: ObservedContainer['status']) => ({
      containers: [container({ status })],
      records: new Map(),
      payloads: new Set<string>(),
      networks: new Map(),
      busy: new Map(),
    });
    const wanted = { set: assignmentSet([]), confirmed: true };
    expect(nextSteps(world('running'), wanted, NOW, 'connected').steps).toEqual([
      { kind: 'stop', key: 'a', containerID: 'c1', why: 'its task is no longer assigned to this node' },
    ]);
    expect(nextSteps(world('exited'), wanted, NOW, 'connected').steps).toEqual([{ kind: 'remove', key: 'a', containerID: 'c1' }]);
  });

  test('the same worlds give the same plan, whatever their order', () => {
    const set = assignmentSet([{ id: 'b' }, { id: 'a' }]);
    const turned = assignmentSet([{ id: 'a' }, { id: 'b' }]);
    const observed = { containers: [], records: new Map(), payloads: new Set<string>(), networks: new Map(), busy: new Map() };
    const plan = nextSteps(observed, { set, confirmed: true }, NOW, 'connected');
    expect(plan).toEqual(nextSteps(observed, { set: turned, confirmed: true }, NOW, 'connected'));
    expect(plan.steps.map(({ key }) => key)).toEqual(['a', 'b']);
  });
});
