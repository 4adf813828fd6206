import type { Node, Service, Task, Template } from '@swarm/shared/domain/objects';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { previewPlacement } from '../../placement-preview.ts';
import { type ExplainView, explainService, explainTask } from './explain.ts';

const META = { Version: { Index: 1 }, CreatedAt: '2030-01-01T00:00:00Z', UpdatedAt: '2030-01-01T00:00:00Z' };
const node = (name: string, more: Partial<Node> = {}): Node => ({
  ...META,
  ID: asID(name),
  Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
  Description: {
    Hostname: `host-${name}`,
    Platform: { Architecture: 'x86_64', OS: 'linux' },
    Resources: { NanoCPUs: 2e9, MemoryBytes: 2 ** 30 },
    Engine: { EngineVersion: '29', Labels: {}, Plugins: [] },
  },
  Status: { State: 'ready', Addr: '' },
  role: 'worker',
  keyFingerprint: name,
  ...more,
});
const service: Service = {
  ...META,
  ID: asID('s'),
  Spec: { Name: 'web', Labels: {}, TaskTemplate: {}, Mode: { Replicated: { Replicas: 2 } } },
  specVersion: 1,
  templateID: asID('t'),
  Endpoint: {},
};
const template = (spec: Template['spec']): Template => ({
  ...META,
  ID: asID('t'),
  serviceID: asID('s'),
  serviceName: 'web',
  serviceLabels: {},
  spec,
  global: false,
});
const task = (name: string, more: Partial<Task> = {}): Task => ({
  ...META,
  ID: asID(name),
  ServiceID: asID('s'),
  templateID: asID('t'),
  specVersion: 1,
  Slot: 1,
  DesiredState: 'running',
  Status: { State: 'pending', Timestamp: '2030-01-01T00:00:01Z' },
  ...more,
});

function view(spec: Template['spec'], nodes: readonly Node[], others: readonly Task[] = []): ExplainView {
  const picture = previewPlacement(() => undefined);
  for (const one of nodes) picture.addNode(one);
  for (const other of others) picture.addTask(other, template(spec));
  return {
    service,
    template: template(spec),
    nodes: new Map(nodes.map((one) => [String(one.ID), one])),
    verdicts: picture.judge(service, template(spec)),
  };
}

test('a task that waits is told about each node', () => {
  const spec = { Resources: { Reservations: { MemoryBytes: 2 ** 31 } }, Placement: { Constraints: ['node.labels.disk==ssd'] } };
  const nodes = [
    node('a', { Spec: { Labels: { disk: 'ssd' }, Role: 'worker', Availability: 'active' } }),
    node('b', { Status: { State: 'down', Addr: '', Message: 'heartbeat failure' } }),
    node('c', { Spec: { Labels: {}, Role: 'worker', Availability: 'drain' } }),
    node('d', { Description: { ...node('d').Description!, Resources: { NanoCPUs: 2e9, MemoryBytes: 2 ** 32 } } }),
  ];
  const waiting = task('x', { Status: { State: 'pending', Timestamp: '', Err: 'no suitable node (…)' } });
  const told = explainTask(view(spec, nodes), waiting, [waiting]);
  expect(told.Task.Why).toEqual(['has no place: no suitable node (…)']);
  expect(told.Nodes.map(({ Name, Filter, Reason }) => `${Name} ${Filter}: ${Reason}`)).toEqual([
    'host-a resources: needs 2048 MiB of memory, 1024 MiB of 1024 MiB are free',
    'host-b ready: is down (heartbeat failure)',
    'host-c ready: its availability is "drain"',
    'host-d constraint: does not meet the constraints node.labels.disk==ssd',
  ]);
});

test('one that waits for its data is told that no other node will do, and what would help', () => {
  const pinned = { ...service, Spec: { ...service.Spec, Labels: { 'swarm.volume': 'pin' } } };
  const nodes = [node('a'), node('b', { Spec: { Labels: {}, Role: 'worker', Availability: 'drain' } })];
  const waiting = task('x', { origin: { kind: 'move', node: { id: asID('b'), why: 'volume' } } });
  const told = explainTask({ ...view({}, nodes), service: pinned }, waiting, [waiting]);
  expect(told.Nodes.map(({ Name, Fits, Filter }) => [Name, Fits, Filter])).toEqual([
    ['host-a', false, 'volume'],
    ['host-b', false, 'ready'],
  ]);
  expect(told.Task.Advice.join()).toContain('--label-rm swarm.volume web');
  expect(explainTask(view({}, nodes), waiting, [waiting]).Nodes[0]).toMatchObject({ Name: 'host-a', Fits: true });
});

const rows: readonly {
  readonly it: string;
  readonly more: Partial<Task>;
  readonly seat?: readonly Task[];
  readonly why: readonly string[];
}[] = [
  {
    it: 'one that runs says since when and why there',
    more: { NodeID: asID('a'), Status: { State: 'running', Timestamp: '' }, runningSince: 'noon' },
    why: [
      'runs since noon',
      'is there because the node ranked best when it was placed; now it has 0 other tasks of the service, and the nodes that fit have 0 to 1',
    ],
  },
  {
    it: 'one that lost its data says so',
    more: {
      NodeID: asID('a'),
      origin: { kind: 'restart', node: { id: asID('b'), why: 'volume' } },
      Status: { State: 'running', Timestamp: 'noon' },
    },
    why: ['runs since noon', expect.any(String), 'WARNING: its local volumes start empty here, their data is on node host-b'],
  },
  {
    it: 'one that fails again and again says when its turn is',
    more: {
      NodeID: asID('a'),
      DesiredState: 'ready',
      origin: { kind: 'restart', failuresInRow: 4, notBefore: 'noon' },
      Status: { State: 'ready', Timestamp: '' },
    },
    why: ['is prepared on host-a and waits for its turn at noon (4 failures in a row: the pause grows)', expect.any(String)],
  },
  {
    it: 'one whose predecessor could not start says how that ended',
    more: { NodeID: asID('a'), DesiredState: 'ready', Status: { State: 'preparing', Timestamp: '' } },
    seat: [task('old', { NodeID: asID('a'), Status: { State: 'rejected', Timestamp: '', Err: 'no such image: web:2' } })],
    why: [
      'is being prepared on host-a and waits for its turn',
      'the task before it was rejected: no such image: web:2',
      expect.any(String),
    ],
  },
  {
    it: 'one that waits for its health says so',
    more: {
      NodeID: asID('a'),
      Status: { State: 'starting', Timestamp: '', Message: 'starting', ContainerStatus: { ContainerID: 'c', PID: 7, ExitCode: 0 } },
    },
    why: ['is starting on host-a: its health check has not passed yet', expect.any(String)],
  },
  {
    it: 'one that is about to start says no more than that',
    more: { NodeID: asID('a'), Status: { State: 'starting', Timestamp: '', Message: 'starting' } },
    why: ['is starting on host-a', expect.any(String)],
  },
  {
    it: 'one that is held back says by what',
    more: { hold: 'waiting for service db' },
    why: ['is held back: waiting for service db'],
  },
  {
    it: 'one that ended before its turn came says when another one follows',
    more: {
      NodeID: asID('a'),
      DesiredState: 'ready',
      origin: { kind: 'restart', failuresInRow: 3, notBefore: 'noon' },
      Status: { State: 'rejected', Timestamp: '', Err: 'no such image: web:2' },
    },
    why: ['rejected: no such image: web:2', 'another task follows it at noon (4 failures in a row: the pause grows)'],
  },
  {
    it: 'one that ended says how, and what came after',
    more: {
      NodeID: asID('a'),
      DesiredState: 'shutdown',
      Status: { State: 'failed', Timestamp: '', Err: 'oom', ContainerStatus: { ContainerID: '', PID: 0, ExitCode: 137 } },
    },
    seat: [task('next', { Status: { State: 'running', Timestamp: '' } })],
    why: ['failed: oom, exit code 137', 'task next has taken its place (running)'],
  },
];
test.each(rows)('$it', ({ more, seat = [], why }) => {
  const subject = task('x', more);
  const other = task('o', { Slot: 2, NodeID: asID('b'), Status: { State: 'running', Timestamp: '' } });
  expect(explainTask(view({}, [node('a'), node('b')], [other]), subject, [subject, ...seat]).Task.Why).toEqual(why);
});

test('one whose service has a health check waits for it', () => {
  const starting = task('x', { NodeID: asID('a'), Status: { State: 'starting', Timestamp: '', Message: 'starting' } });
  const why = (Test: readonly string[]) =>
    explainTask(view({ ContainerSpec: { Healthcheck: { Test } } }, [node('a')]), starting, [starting]).Task.Why[0];
  expect(why(['CMD-SHELL', 'true'])).toBe('is starting on host-a: its health check has not passed yet');
  expect(why(['NONE'])).toBe('is starting on host-a');
});

test('a service names the tasks that have started without their data, and which were moved to even out the nodes', () => {
  const live: Partial<Task> = { NodeID: asID('a'), Status: { State: 'running', Timestamp: '' } };
  const lost = task('lost', { ...live, origin: { kind: 'restart', node: { id: asID('b'), why: 'volume' } } });
  const moved = task('moved', { ...live, Slot: 2, origin: { kind: 'move', node: { id: asID('a'), why: 'balance' } } });
  const told = explainService(view({}, [node('a'), node('b')]), [lost, moved], 2);
  expect(told.Why).toEqual(['2 of 2 tasks run', 'web.1.lost: WARNING: its local volumes start empty here, their data is on node host-b']);
  expect(told.History.map(({ Text }) => Text)).toContain('made: the one before it is moved to even out the nodes');
});

test('a service tells how many run, who waits, and what happened in order', () => {
  const tasks = [
    task('a', {
      NodeID: asID('a'),
      Status: { State: 'running', Timestamp: '' },
      runningSince: '2030-01-01T00:00:05Z',
      origin: { kind: 'new' },
    }),
    task('b', { Slot: 2, Status: { State: 'pending', Timestamp: '2030-01-01T00:00:02Z', Err: 'no suitable node' } }),
  ];
  const told = explainService(view({}, [node('a')]), tasks, 2);
  expect(told.Why).toEqual(['1 of 2 tasks run']);
  expect(told.Waiting.map(({ Name, Why }) => [Name, ...Why])).toEqual([['web.2.b', 'has no place: no suitable node']]);
  expect(told.History.map(({ TaskID, Text }) => `${TaskID}: ${Text}`)).toEqual([
    'a: made: its slot was empty',
    'b: made',
    'b: pending: no suitable node',
    'a: running on host-a',
  ]);
});

test('a service whose task could not start is not given up: another one follows when its turn comes', () => {
  const ended: Partial<Task> = { NodeID: asID('a'), Status: { State: 'rejected', Timestamp: '', Err: 'no such image: web:2' } };
  const turn = { origin: { kind: 'restart', notBefore: 'noon' } } as const;
  const told = (...tasks: readonly Task[]) => explainService(view({}, [node('a')]), tasks, 2);
  const waits = told(task('first', { ...ended, DesiredState: 'shutdown' }), task('next', { ...ended, ...turn, DesiredState: 'ready' }));
  expect([waits.Why, waits.Advice]).toEqual([['0 of 2 tasks run'], []]);
  expect(waits.Waiting).toMatchObject([
    { Name: 'web.1.next', Why: [expect.any(String), 'another task follows it at noon'], Advice: [expect.stringContaining('mend')] },
  ]);
  const over = told(task('last', { ...ended, DesiredState: 'shutdown' }));
  expect(over.Why[1]).toMatch(/^nothing follows the last task: rejected: /);
  expect(over.Waiting).toEqual([]);
});

test('a job is told by what it has completed, not by what runs', () => {
  const job: Service = { ...service, Spec: { ...service.Spec, Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 2 } } } };
  const done = (name: string, Slot: number, State: Task['Status']['State'] = 'complete') =>
    task(name, { Slot, DesiredState: 'complete', Status: { State, Timestamp: '' } });
  const why = (...tasks: readonly Task[]) => explainService({ ...view({}, [node('a')]), service: job }, tasks, 1).Why;
  expect(why(done('x', 0), done('y', 1))).toEqual(['the job is done: 2 of 2 tasks have completed']);
  expect(why(done('x', 0), done('y', 1, 'running'))).toEqual(['1 of 2 tasks of the job have completed, 1 run']);
  expect(why(done('x', 0), done('y', 1, 'failed'))[1]).toMatch(/^nothing follows the last task: /);
});
