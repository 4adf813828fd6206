import { describe, expect, it } from 'vitest';
import type { ApiNode, ApiService, ApiTask } from '../../client/api-objects.ts';
import { ABANDONED_MS, decideProgress, type Memory, startMemory, type Verdict } from './convergence.ts';

const SECOND = 1_000;
let created = 0;

function service(mode: ApiService['Spec']['Mode'], more: Partial<ApiService> = {}): ApiService {
  return {
    ID: 's1',
    CreatedAt: '',
    UpdatedAt: '',
    Spec: { Name: 'web', Labels: {}, TaskTemplate: {}, Mode: mode },
    Endpoint: {},
    ...more,
  };
}
const replicated = (replicas: number, more?: Partial<ApiService>) => service({ Replicated: { Replicas: replicas } }, more);

/** `1 running` or `1 running/shutdown`: slot, observed and desired state. */
function task(text: string, more: Partial<ApiTask> = {}): ApiTask {
  const [slot = '', states = ''] = text.split(' ');
  const [state = '', desired = 'running'] = states.split('/');
  created += 1;
  const place = /^\d+$/.test(slot) ? { Slot: Number(slot), NodeID: 'n1' } : { NodeID: slot };
  return {
    ID: `t${String(created).padStart(4, '0')}`,
    CreatedAt: new Date(created * SECOND).toISOString(),
    UpdatedAt: '',
    Spec: {},
    ServiceID: 's1',
    DesiredState: desired,
    Status: { Timestamp: '', State: state, ...(state === 'failed' && { Err: 'task: non-zero exit (1)' }) },
    ...place,
    ...more,
  };
}
const tasks = (...texts: readonly string[]) => texts.map((text) => task(text));

const up: ApiNode = {
  ID: 'n1',
  CreatedAt: '',
  UpdatedAt: '',
  Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
  Status: { State: 'ready' },
};
const down: ApiNode = { ...up, ID: 'n2', Status: { State: 'down' } };
const fresh: Memory = { ended: new Set() };

const look = (of: ApiService, seen: readonly ApiTask[], memory: Memory = fresh, nowMs = 0) =>
  decideProgress({ service: of, tasks: seen, nodes: [up, down] }, memory, nowMs);

const ROWS: readonly (readonly [what: string, of: ApiService, seen: readonly ApiTask[], kind: Verdict['kind'], count: string])[] = [
  ['waits for the last task of a replicated service', replicated(2), tasks('1 running', '2 starting'), 'waiting', '1/2'],
  ['watches once all of them run', replicated(2), tasks('1 running', '2 running'), 'verifying', '2/2'],
  ['counts no task that is to be stopped', replicated(1), tasks('1 running/shutdown'), 'waiting', '0/1'],
  ['takes the task that is meant to run for its slot', replicated(1), tasks('1 running', '1 failed/shutdown'), 'verifying', '1/1'],
  ['counts no task of a node that is down', replicated(1), [task('1 running', { NodeID: 'n2' })], 'waiting', '0/1'],
  ['counts no task that a scale-down takes away', replicated(1), tasks('1 running', '2 running/remove'), 'verifying', '1/1'],
  ['is at its aim with no replicas at all', replicated(0), [], 'verifying', '0/0'],
  ['waits while a task cannot be placed', replicated(1), [task('1 pending', { NodeID: '' })], 'waiting', '0/1'],
  ['counts the nodes of a global service', service({ Global: {} }), tasks('n1 running', 'n3 preparing'), 'waiting', '1/2'],
  [
    'counts no node that a global service was taken from, drained or no longer fitting',
    service({ Global: {} }),
    tasks('n1 running', 'n3 shutdown/shutdown', 'n4 orphaned/shutdown'),
    'verifying',
    '1/1',
  ],
  [
    'waits while the task of a node that a global service is taken from still stops',
    service({ Global: {} }),
    tasks('n1 running', 'n3 running/shutdown'),
    'waiting',
    '1/2',
  ],
  ['counts no node that is down for a global service', service({ Global: {} }), tasks('n1 running', 'n2 running'), 'verifying', '1/1'],
  [
    'waits for a global job on a node that is down',
    service({ GlobalJob: {} }),
    tasks('n1 complete', 'n2 running/complete'),
    'waiting',
    '1/2',
  ],
  [
    'ends with a global job that a drained node no longer runs',
    service({ GlobalJob: {} }),
    tasks('n1 complete/complete', 'n3 shutdown/shutdown'),
    'converged',
    '1/1',
  ],
  ['waits for the first task of a global service', service({ Global: {} }), [], 'waiting', '0/0'],
  [
    'ends with the last task of a job',
    service({ ReplicatedJob: { TotalCompletions: 2 } }),
    tasks('0 complete/complete', '1 complete/complete'),
    'converged',
    '2/2',
  ],
  [
    'waits for a job',
    service({ ReplicatedJob: { TotalCompletions: 2 } }),
    tasks('0 complete/complete', '1 running/complete'),
    'waiting',
    '1/2',
  ],
  [
    'counts only the iteration of the job that runs now',
    service({ ReplicatedJob: { TotalCompletions: 1 } }, { JobStatus: { JobIteration: { Index: 2 } } }),
    [task('0 complete/complete', { JobIteration: { Index: 1 } })],
    'waiting',
    '0/1',
  ],
  [
    'fails when the update was paused',
    replicated(1, { UpdateStatus: { State: 'paused', Message: 'why' } }),
    tasks('1 running'),
    'failed',
    '1/1',
  ],
  [
    'fails when the rollback was paused',
    replicated(1, { UpdateStatus: { State: 'rollback_paused', Message: 'why' } }),
    [],
    'failed',
    '0/1',
  ],
  [
    'takes a rollback that was over before the wait for what it is: the service as it shall be',
    replicated(1, { UpdateStatus: { State: 'rollback_completed', Message: 'rollback completed' } }),
    tasks('1 running'),
    'verifying',
    '1/1',
  ],
  [
    'waits for a rollback that goes on',
    replicated(1, { UpdateStatus: { State: 'rollback_completed' } }),
    tasks('1 starting'),
    'waiting',
    '0/1',
  ],
  ['believes a completed update', replicated(2, { UpdateStatus: { State: 'completed' } }), tasks('1 running'), 'converged', '1/2'],
  ['does not mind one failure', replicated(1), tasks('1 failed/shutdown', '1 ready/ready'), 'waiting', '0/1'],
  [
    'does not mind failures in different slots',
    replicated(3),
    tasks('1 failed/shutdown', '2 failed/shutdown', '3 rejected/shutdown', '1 ready', '2 ready', '3 ready'),
    'waiting',
    '0/3',
  ],
  [
    'gives up on the third failure in one slot',
    replicated(1),
    tasks('1 failed/shutdown', '1 rejected/shutdown', '1 failed/shutdown', '1 ready/ready'),
    'failed',
    '0/1',
  ],
];

describe('a wait for a service', () => {
  it.each(ROWS)('%s', (_, of, seen, kind, count) => {
    const progress = look(of, seen);
    expect(progress.verdict.kind).toBe(kind);
    expect(`${progress.running}/${progress.wanted}`).toBe(count);
  });

  it('ends when all has run for the monitor time, and begins to count anew when it does not', () => {
    const of = replicated(1, {
      Spec: { Name: 'web', Labels: {}, TaskTemplate: {}, Mode: { Replicated: { Replicas: 1 } }, UpdateConfig: { Monitor: 2e9 } },
    });
    const first = look(of, tasks('1 running'), fresh, 0);
    expect(first.verdict).toEqual({ kind: 'verifying', leftMs: 2 * SECOND });
    const broken = look(of, tasks('1 failed/shutdown', '1 starting'), first.memory, SECOND);
    expect(broken.verdict.kind).toBe('waiting');
    const again = look(of, tasks('1 running'), broken.memory, 3 * SECOND);
    expect(again.verdict).toEqual({ kind: 'verifying', leftMs: 2 * SECOND });
    expect(look(of, tasks('1 running'), again.memory, 5 * SECOND).verdict.kind).toBe('converged');
  });

  it('does not blame this change for what had failed before it', () => {
    const before = tasks('1 failed/shutdown', '1 failed/shutdown', '1 failed/shutdown');
    const memory = startMemory(before);
    expect(look(replicated(1), [...before, task('1 starting')], memory).verdict.kind).toBe('waiting');
  });

  it('names the failed task and its attempts', () => {
    const seen = tasks('1 failed/shutdown', '1 failed/shutdown', '1 failed/shutdown', '1 ready/ready');
    expect(look(replicated(1), seen).verdict).toMatchObject({ failures: [{ slot: '1', attempts: 3, task: { ID: seen[2]?.ID } }] });
  });

  it('fails when nobody fills a slot again after a failure', () => {
    const seen = tasks('1 failed/shutdown');
    const first = look(replicated(1), seen, fresh, 0);
    expect(first.verdict.kind).toBe('waiting');
    expect(look(replicated(1), seen, first.memory, ABANDONED_MS).verdict).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('restart policy'),
    });
  });

  it('waits for a slot that is empty while an update is under way, which fills it', () => {
    const seen = tasks('1 shutdown/shutdown', '2 running');
    const updating = replicated(2, { UpdateStatus: { State: 'updating' } });
    const first = look(updating, seen, fresh, 0);
    expect(look(updating, seen, first.memory, ABANDONED_MS).verdict.kind).toBe('waiting');
  });

  it('is not given up while a task that ended before its turn came waits to be followed', () => {
    const seen = tasks('1 rejected/shutdown', '1 rejected/ready');
    const first = look(replicated(1), seen);
    expect(look(replicated(1), seen, first.memory, 10 * ABANDONED_MS).verdict.kind).toBe('waiting');
  });

  it('takes no task of a drained node for one that nobody replaces', () => {
    const drained: ApiNode = { ...up, ID: 'n3', Spec: { ...up.Spec, Availability: 'drain' } };
    const seen = { service: service({ Global: {} }), tasks: tasks('n1 running', 'n3 failed/shutdown'), nodes: [up, drained] };
    const first = decideProgress(seen, fresh, 0);
    expect(decideProgress(seen, first.memory, 10 * ABANDONED_MS).verdict).toMatchObject({ kind: 'converged', message: 'converged' });
  });

  it('ends well when all tasks ended well and none follows', () => {
    const seen = tasks('1 complete/shutdown');
    const first = look(replicated(1), seen, fresh, 0);
    expect(look(replicated(1), seen, first.memory, ABANDONED_MS).verdict).toMatchObject({
      kind: 'converged',
      message: expect.stringContaining('exit code 0'),
    });
  });

  it('says that a global service has no node, and is done', () => {
    const of = service({ Global: {} });
    const first = look(of, [], fresh, 0);
    expect(look(of, [], first.memory, 5 * SECOND).verdict).toMatchObject({
      kind: 'converged',
      message: expect.stringContaining('no node is eligible'),
    });
  });
});

describe('what is counted is called', () => {
  const before = { Name: 'web', Labels: {}, TaskTemplate: {}, Mode: { Replicated: { Replicas: 2 } } };
  const other = { ...before, TaskTemplate: { ForceUpdate: 1 } };
  it.each<readonly [title: string, more: Partial<ApiService>, word: string]>([
    ['running, of a new service', {}, 'running'],
    ['updated, of a service whose tasks are renewed', { UpdateStatus: { State: 'updating' } }, 'updated'],
    ['updated, also before the renewal has begun', { PreviousSpec: other }, 'updated'],
    ['running, of a service that is scaled', { PreviousSpec: before }, 'running'],
    ['rolled back, of one that goes back', { UpdateStatus: { State: 'rollback_started' } }, 'rolled back'],
    ['running, once the update is over', { PreviousSpec: other, UpdateStatus: { State: 'completed' } }, 'running'],
  ])('%s', (_title, more, word) => {
    expect(look(replicated(1, more), tasks('1 running')).word).toBe(word);
  });

  it('completed, of a job', () => {
    expect(look(service({ ReplicatedJob: { TotalCompletions: 1 } }), []).word).toBe('completed');
  });
});

describe('a rollback during the wait', () => {
  const state = (State: 'updating' | 'rollback_started' | 'rollback_completed', Message = '') =>
    replicated(1, { UpdateStatus: { State, Message } });
  /** One look after the other, ten seconds apart; everything runs in each. */
  const verdicts = (...states: readonly ApiService[]) => {
    let memory = fresh;
    return states.map((of, index) => {
      const progress = look(of, tasks('1 running'), memory, index * 10 * SECOND);
      memory = progress.memory;
      return progress.verdict;
    });
  };

  it('of an update that failed is a failure once it is over, however long all has run before', () => {
    const failure = state('rollback_started', 'update rolled back due to failure or early termination of task t1');
    const [, ...seen] = verdicts(state('updating'), failure, failure, failure, state('rollback_completed', 'rollback completed'));
    expect(seen.map(({ kind }) => kind)).toEqual(['waiting', 'waiting', 'waiting', 'failed']);
    expect(seen.at(-1)).toMatchObject({ outcome: 'rolled-back' });
  });

  it('that was asked for is what is waited for', () => {
    const asked = state('rollback_started', 'manually requested rollback');
    expect(verdicts(asked, asked, state('rollback_completed', 'rollback completed')).map(({ kind }) => kind)).toEqual([
      'verifying',
      'converged',
      'converged',
    ]);
  });
});
