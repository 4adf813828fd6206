import type { Node, Task } from '@swarm/shared/domain/objects';
import type { RestartPolicy, ServiceSpec, UpdateConfig } from '@swarm/shared/engine-api/service-spec';
import { timestamp } from '@swarm/shared/runtime/clock';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { down, facts, node, SECOND_NS, serviceSpec, T0, task, world } from '../testing/build.ts';
import { tell } from '../testing/tell.ts';
import { decideService, type ServicePlan } from './service.ts';
import { ENFORCER_REASON } from './standing.ts';

const old = facts(serviceSpec({ ContainerSpec: { Image: 'web:0' } }), { templateID: 'old' as Task['templateID'] });
const nodes = ['A', 'B', 'C'].map((name) => node(name));
const replicated = (Replicas: number) => ({ Replicated: { Replicas } });

interface Row {
  readonly it: string;
  readonly mode: ServiceSpec['Mode'];
  readonly tasks: readonly Task[];
  readonly nodes?: readonly Node[];
  readonly update?: UpdateConfig;
  readonly updating?: boolean;
  readonly rollingBack?: UpdateConfig;
  readonly policy?: RestartPolicy;
  readonly atS?: number;
  readonly plan: readonly string[];
  readonly status?: string;
}

function decide(row: Pick<Row, 'mode' | 'tasks' | 'nodes' | 'update' | 'updating' | 'rollingBack' | 'policy' | 'atS'>): ServicePlan {
  const now = facts(
    serviceSpec(
      { ...(row.policy && { RestartPolicy: row.policy }) },
      { Mode: row.mode, ...(row.update && { UpdateConfig: row.update }), ...(row.rollingBack && { RollbackConfig: row.rollingBack }) },
    ),
    {
      ...(row.updating && { UpdateStatus: { State: 'updating', StartedAt: timestamp(T0), Message: 'update in progress' } }),
      ...(row.rollingBack && { UpdateStatus: { State: 'rollback_started', StartedAt: timestamp(T0), Message: 'rolled back' } }),
    },
  );
  const all = row.nodes ?? nodes;
  const view = { facts: now, world: world(all, now, old), tasks: row.tasks, nodeIDs: all.map(({ ID }) => ID) };
  return decideService(view, T0 + (row.atS ?? 0) * 1000);
}

const tellAll = (plan: ServicePlan) =>
  plan.seats.flatMap((seat) =>
    tell(seat).map((line) =>
      seat.create[0] === undefined ? line : line.replace('create', `${seat.create[0].Slot ?? seat.create[0].NodeID}: create`),
    ),
  );
const dirty = (name: string, slot: number, more: object = {}) => task(name, { slot, node: 'A', template: 'old', ...more });
const renewed = (name: string, slot: number, more: object = {}) =>
  task(name, { slot, node: 'A', origin: { kind: 'update' }, createdS: 1, ...more });
const two = { Parallelism: 2 };
/** A try that was to wait until then, after three that failed. */
const waiting = (untilS: number) => ({ kind: 'update', failuresInRow: 3, notBefore: timestamp(T0 + untilS * 1000) }) as const;

/** Beside the old task of slot 1 its renewal has failed, and so has the one that followed. */
const triedTwice = [
  dirty('a', 1),
  renewed('n', 1, { state: 'failed', desired: 'shutdown' }),
  renewed('o', 1, { state: 'failed', desired: 'shutdown', createdS: 9, origin: { kind: 'update', failuresInRow: 1 } }),
];

const rows: readonly Row[] = [
  {
    it: 'fills the lowest free slots',
    mode: replicated(4),
    tasks: [task('b', { slot: 2 })],
    plan: ['1: create running (new)', '3: create running (new)', '4: create running (new)'],
  },
  {
    it: 'removes what is too much, history included',
    mode: replicated(1),
    tasks: [
      task('a', { slot: 1, node: 'A' }),
      task('b', { slot: 2, node: 'A' }),
      task('h', { slot: 2, state: 'failed', desired: 'shutdown' }),
    ],
    plan: ['b: remove', 'h: remove'],
  },
  {
    it: 'a slot whose task has ended is not filled by another number',
    mode: replicated(1),
    tasks: [task('a', { slot: 2, state: 'complete', desired: 'shutdown', specVersion: 1 })],
    plan: ['2: create ready (restart, at 5 s)'],
  },
  {
    it: 'a slot that is still being cleared is filled when that is done',
    mode: replicated(1),
    tasks: [task('a', { slot: 1, node: 'A', desired: 'remove' })],
    plan: ['1: create ready (new)'],
  },
  {
    it: 'global: a task on each node that may have one',
    mode: { Global: {} },
    nodes: [
      node('A'),
      node('B', { availability: 'pause' }),
      node('C', { availability: 'drain' }),
      down('D'),
      node('E', { Status: { State: 'unknown', Addr: '' } }),
    ],
    tasks: [],
    plan: ['A: create running (new)'],
  },
  {
    it: 'stop-first: as many as may be at once, in order of slot',
    mode: replicated(3),
    update: two,
    tasks: [dirty('a', 1), dirty('b', 2), dirty('c', 3)],
    plan: ['a: shutdown', '1: create ready (update)', 'b: shutdown', '2: create ready (update)'].map((line) => line),
    status: 'updating',
  },
  {
    it: 'parallelism zero: all at once',
    mode: replicated(2),
    update: {},
    tasks: [dirty('a', 1), dirty('b', 2)],
    plan: ['a: shutdown', '1: create ready (update)', 'b: shutdown', '2: create ready (update)'],
    status: 'updating',
  },
  {
    it: 'no config: one at a time',
    mode: replicated(2),
    tasks: [dirty('a', 1), dirty('b', 2)],
    plan: ['a: shutdown', '1: create ready (update)'],
    status: 'updating',
  },
  {
    it: 'what does not run is renewed first',
    mode: replicated(2),
    tasks: [dirty('a', 1), dirty('b', 2, { state: 'preparing' })],
    plan: ['b: shutdown', '2: create ready (update)'],
    status: 'updating',
  },
  {
    it: 'start-first: the new task runs beside the old',
    mode: replicated(1),
    update: { Order: 'start-first' },
    tasks: [dirty('a', 1)],
    plan: ['1: create running (update)'],
    status: 'updating',
  },
  {
    it: 'start-first: where the new task failed for good the old one stays, and the next seat is renewed',
    mode: replicated(2),
    updating: true,
    policy: { Condition: 'none' },
    update: { Parallelism: 1, Order: 'start-first', FailureAction: 'continue' },
    tasks: [dirty('a', 1), renewed('b', 1, { state: 'failed', desired: 'shutdown' }), dirty('c', 2)],
    atS: 60,
    plan: ['2: create running (update)'],
  },
  {
    it: 'start-first: an update ends although a seat could not be renewed',
    mode: replicated(1),
    updating: true,
    policy: { Condition: 'none' },
    update: { Order: 'start-first', FailureAction: 'continue' },
    tasks: [dirty('a', 1), renewed('b', 1, { state: 'failed', desired: 'shutdown' })],
    atS: 60,
    plan: [],
    status: 'completed',
  },
  {
    it: 'start-first: a failure that is accepted holds up no other seat',
    mode: replicated(2),
    updating: true,
    update: { Parallelism: 1, Order: 'start-first', FailureAction: 'continue' },
    tasks: [dirty('a', 1), renewed('n', 1, { state: 'failed', desired: 'shutdown' }), dirty('b', 2)],
    atS: 60,
    plan: ['2: create running (update)'],
  },
  {
    it: 'start-first: of seats that failed the one comes first that did so longest ago',
    mode: replicated(2),
    updating: true,
    update: { Parallelism: 1, Order: 'start-first', FailureAction: 'continue' },
    tasks: [
      dirty('a', 1),
      renewed('n', 1, { state: 'failed', desired: 'shutdown', endedS: 40 }),
      dirty('b', 2),
      renewed('m', 2, { state: 'failed', desired: 'shutdown', endedS: 20 }),
    ],
    atS: 60,
    plan: ['2: create ready (update, at 65 s)'],
  },
  {
    it: 'start-first: a new task that fails again is tried as often as the restart policy allows',
    mode: replicated(1),
    updating: true,
    policy: { MaxAttempts: 2 },
    update: { Order: 'start-first', FailureAction: 'continue' },
    tasks: triedTwice,
    atS: 60,
    plan: ['1: create ready (update, at 66 s)'],
  },
  {
    it: 'start-first: and no more, so that the update comes to an end',
    mode: replicated(1),
    updating: true,
    policy: { MaxAttempts: 2 },
    update: { Order: 'start-first', FailureAction: 'continue' },
    tasks: [
      ...triedTwice,
      renewed('p', 1, { state: 'failed', desired: 'shutdown', createdS: 20, origin: { kind: 'update', failuresInRow: 2 } }),
    ],
    atS: 60,
    plan: [],
    status: 'completed',
  },
  {
    it: 'start-first: a new task that lost its node before it ran has not failed, also where nothing is restarted',
    mode: replicated(1),
    nodes: [...nodes, down('D')],
    updating: true,
    policy: { Condition: 'none' },
    update: { Order: 'start-first' },
    tasks: [dirty('a', 1), renewed('n', 1, { state: 'preparing', desired: 'shutdown', node: 'D' })],
    atS: 60,
    plan: ['1: create running (update)'],
  },
  {
    it: 'start-first: the one that follows a new task that lost its place is prepared, and waits until that one has stopped',
    mode: replicated(1),
    updating: true,
    update: { Order: 'start-first' },
    tasks: [dirty('a', 1), renewed('n', 1, { desired: 'shutdown' })],
    atS: 60,
    plan: ['1: create ready (update)'],
  },
  {
    it: 'start-first: it waits for none that an earlier update has replaced, however long that takes to stop',
    mode: replicated(1),
    updating: true,
    update: { Order: 'start-first' },
    tasks: [dirty('a', 1), dirty('before', 1, { desired: 'shutdown' })],
    atS: 60,
    plan: ['1: create running (update)'],
  },
  {
    it: 'start-first: a try that ended before its turn is followed when its turn would have come',
    mode: replicated(1),
    updating: true,
    update: { Order: 'start-first', FailureAction: 'continue' },
    tasks: [dirty('a', 1), renewed('b', 1, { state: 'rejected', desired: 'shutdown', origin: waiting(90) })],
    atS: 60,
    plan: [],
  },
  {
    it: 'start-first: and then it is',
    mode: replicated(1),
    updating: true,
    update: { Order: 'start-first', FailureAction: 'continue' },
    tasks: [dirty('a', 1), renewed('b', 1, { state: 'rejected', desired: 'shutdown', origin: waiting(90) })],
    atS: 90,
    plan: ['1: create ready (update, at 99 s)'],
  },
  {
    it: 'a renewal that does not run yet takes up its place',
    mode: replicated(2),
    updating: true,
    tasks: [renewed('a', 1, { state: 'preparing' }), dirty('b', 2)],
    plan: [],
  },
  {
    it: 'a renewal that runs keeps its place for the delay',
    mode: replicated(2),
    updating: true,
    update: { Parallelism: 1, Delay: 10 * SECOND_NS },
    tasks: [renewed('a', 1, { runningS: 2 }), dirty('b', 2)],
    atS: 11,
    plan: [],
  },
  {
    it: 'and no longer',
    mode: replicated(2),
    updating: true,
    update: { Parallelism: 1, Delay: 10 * SECOND_NS },
    tasks: [renewed('a', 1, { runningS: 2 }), dirty('b', 2)],
    atS: 12,
    plan: ['b: shutdown', '2: create ready (update)'],
  },
  {
    it: 'a slot added meanwhile takes up no place',
    mode: replicated(2),
    updating: true,
    tasks: [dirty('a', 1), task('b', { slot: 2, state: 'pending', origin: { kind: 'new' } })],
    plan: ['a: shutdown', '1: create ready (update)'],
  },
  {
    it: 'a seat that another rule is changing is left to it',
    mode: replicated(1),
    tasks: [dirty('a', 1, { node: 'D' })],
    nodes: [...nodes, down('D')],
    plan: ['1: create running (move)'],
    status: 'updating',
  },
  {
    it: 'a global task on a paused node is not renewed',
    mode: { Global: {} },
    nodes: [node('A', { availability: 'pause' })],
    tasks: [dirty('a', 0, { perNode: true })],
    plan: [],
  },
  {
    it: 'the update is over when all has run for the monitored time',
    mode: replicated(1),
    updating: true,
    tasks: [renewed('a', 1, { runningS: 2 })],
    atS: 7,
    plan: [],
    status: 'completed',
  },
  { it: 'and not before', mode: replicated(1), updating: true, tasks: [renewed('a', 1, { runningS: 2 })], atS: 6, plan: [] },
  {
    it: 'a failure within the monitored time pauses',
    mode: replicated(2),
    updating: true,
    tasks: [
      renewed('a', 1, { state: 'failed', desired: 'shutdown', runningS: 2, endedS: 6 }),
      task('n', { slot: 1, createdS: 6, state: 'ready', desired: 'ready', origin: { kind: 'restart', notBefore: timestamp(T0 + 99_000) } }),
      dirty('b', 2),
    ],
    atS: 6,
    plan: [],
    status: 'paused',
  },
  {
    it: 'a failure after it does not, but nothing else is stopped before it runs again',
    mode: replicated(2),
    updating: true,
    tasks: [
      renewed('a', 1, { state: 'failed', desired: 'shutdown', runningS: 2, endedS: 8 }),
      task('n', { slot: 1, createdS: 8, state: 'ready', desired: 'ready', origin: { kind: 'restart', notBefore: timestamp(T0 + 99_000) } }),
      dirty('b', 2),
    ],
    atS: 8,
    plan: [],
    status: 'updating',
  },
  {
    it: 'stop-first: a slot that lost its node counts as one that is down',
    mode: replicated(3),
    updating: true,
    nodes: [...nodes, down('D')],
    tasks: [
      task('a', { slot: 1, node: 'D' }),
      task('n', { slot: 1, state: 'preparing', node: 'B', createdS: 1, origin: { kind: 'move' } }),
      dirty('b', 2),
      dirty('c', 3),
    ],
    plan: [],
    status: 'updating',
  },
  {
    it: 'a global task whose node went down while it was renewed holds up no rollback',
    mode: { Global: {} },
    rollingBack: { Parallelism: 1 },
    nodes: [down('D'), node('A')],
    tasks: [
      dirty('a', 0, { perNode: true, node: 'D', state: 'assigned', origin: { kind: 'update' } }),
      dirty('b', 0, { perNode: true, node: 'A' }),
    ],
    plan: ['b: shutdown', 'A: create ready (update)'],
  },
  {
    it: 'stop-first: of two that may be down one is, so one more is taken',
    mode: replicated(3),
    updating: true,
    update: two,
    nodes: [...nodes, down('D')],
    tasks: [
      task('a', { slot: 1, node: 'D' }),
      task('n', { slot: 1, state: 'preparing', node: 'B', createdS: 1, origin: { kind: 'move' } }),
      dirty('b', 2),
      dirty('c', 3),
    ],
    plan: ['b: shutdown', '2: create ready (update)'],
  },
  {
    it: 'stop-first: a slot that is down anyway is renewed, whatever else is down',
    mode: replicated(3),
    updating: true,
    tasks: [dirty('a', 1, { state: 'pending', node: undefined }), dirty('b', 2, { state: 'preparing' }), dirty('c', 3)],
    plan: ['a: remove', '1: create running (update)'],
  },
  {
    it: 'start-first: the old task stays while the new one is watched',
    mode: replicated(2),
    updating: true,
    update: { Parallelism: 1, Order: 'start-first' },
    tasks: [dirty('a', 1), renewed('n', 1, { runningS: 2, node: 'B' }), dirty('b', 2)],
    atS: 6,
    plan: [],
  },
  {
    it: 'start-first: and goes when that has gone well, so that the next may come',
    mode: replicated(2),
    updating: true,
    update: { Parallelism: 1, Order: 'start-first' },
    tasks: [dirty('a', 1), renewed('n', 1, { runningS: 2, node: 'B' }), dirty('b', 2)],
    atS: 7,
    plan: ['a: shutdown', '2: create running (update)'],
  },
  {
    it: 'start-first: the old task stays when the new one fails while it is watched',
    mode: replicated(2),
    updating: true,
    update: { Parallelism: 1, Order: 'start-first' },
    tasks: [dirty('a', 1), renewed('n', 1, { state: 'failed', runningS: 2, endedS: 4, node: 'B' }), dirty('b', 2)],
    atS: 4,
    plan: ['n: shutdown'],
    status: 'paused',
  },
  {
    it: 'a rollback keeps what already is as it shall be, and watches nothing anew',
    mode: replicated(2),
    update: { Order: 'start-first' },
    tasks: [task('a', { slot: 1, node: 'A' }), task('b', { slot: 2, node: 'B' })],
    plan: [],
  },
  {
    it: 'a rollback start-first takes away the new task at once where the old one still runs',
    mode: replicated(1),
    rollingBack: { Order: 'start-first' },
    tasks: [task('a', { node: 'A', runningS: -600 }), dirty('n', 1, { createdS: 1, node: 'B' })],
    atS: 3,
    plan: ['n: shutdown'],
  },
  {
    it: 'start-first tries of one seat count as one failure of one seat',
    mode: replicated(2),
    updating: true,
    update: { Parallelism: 1, Order: 'start-first', MaxFailureRatio: 0.5 },
    tasks: [
      dirty('a', 1),
      renewed('m', 1, { state: 'failed', desired: 'shutdown', node: 'B' }),
      renewed('n', 1, { state: 'failed', desired: 'shutdown', createdS: 9, node: 'B', origin: { kind: 'update', failuresInRow: 1 } }),
      renewed('o', 2, { runningS: 2 }),
    ],
    atS: 60,
    plan: ['1: create ready (update, at 66 s)'],
  },
  {
    it: 'a share of failures may be allowed',
    mode: replicated(2),
    updating: true,
    update: { Parallelism: 1, MaxFailureRatio: 0.5 },
    tasks: [
      renewed('a', 1, { state: 'rejected', desired: 'shutdown' }),
      task('n', { slot: 1, createdS: 2, state: 'ready', desired: 'ready', origin: { kind: 'restart', notBefore: timestamp(T0 + 99_000) } }),
      dirty('b', 2),
    ],
    atS: 3,
    plan: ['b: shutdown', '2: create ready (update)'],
  },
  {
    it: 'a job begins with as many as may run at once, from slot zero',
    mode: { ReplicatedJob: { MaxConcurrent: 2, TotalCompletions: 5 } },
    tasks: [],
    plan: ['0: create complete (new)', '1: create complete (new)'],
  },
  {
    it: 'a job makes no more than it needs',
    mode: { ReplicatedJob: { MaxConcurrent: 4, TotalCompletions: 2 } },
    tasks: [task('a', { slot: 0, state: 'complete', desired: 'complete', iteration: 0 })],
    plan: ['1: create complete (new)'],
  },
  {
    it: 'a job goes on when what took over from a lost node has completed, and the lost task does not do the work again',
    mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 2 } },
    nodes: [down('A'), node('B')],
    tasks: [
      task('lost', { slot: 0, node: 'A', desired: 'complete' }),
      task('done', { slot: 0, node: 'B', desired: 'complete', state: 'complete', origin: { kind: 'move' }, createdS: 1 }),
    ],
    plan: ['lost: shutdown', '1: create complete (new)'],
  },
  {
    it: 'a job that runs again after it has completed, since what it depends on was renewed, is left to it',
    mode: { ReplicatedJob: {} },
    tasks: [
      task('done', { slot: 0, node: 'A', desired: 'complete', state: 'complete' }),
      task('again', { slot: 0, node: 'A', desired: 'complete', origin: { kind: 'update' }, createdS: 1 }),
    ],
    plan: [],
  },
  {
    it: 'a new iteration of a job removes the tasks of the old one',
    mode: { ReplicatedJob: {} },
    tasks: [task('a', { slot: 0, node: 'A', desired: 'complete', iteration: 7 })],
    plan: ['a: remove', '0: create ready (new)'],
  },
];

test.each(rows)('$it', (row) => {
  const plan = decide(row);
  expect(tellAll(plan).sort()).toEqual([...row.plan].sort());
  expect(plan.status?.State).toBe(row.status);
});

const PORTS: Partial<ServiceSpec> = { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 8080, PublishMode: 'host' }] } };
const BUSY = 'no suitable node (host-mode port already in use on 1 node)';
interface PortRow {
  readonly it: string;
  readonly err: string;
  readonly oldPorts: Partial<ServiceSpec>;
  readonly on?: Node;
  readonly plan: readonly string[];
}

const portRows: readonly PortRow[] = [
  { it: 'where it holds the port itself', err: BUSY, oldPorts: PORTS, plan: ['a: shutdown'] },
  { it: 'but not where another service has the port', err: BUSY, oldPorts: {}, plan: [] },
  {
    it: 'but not while the new task waits for something else',
    err: 'no suitable node (insufficient resources on 1 node)',
    oldPorts: PORTS,
    plan: [],
  },
  { it: 'but not where its node takes no tasks', err: BUSY, oldPorts: PORTS, on: node('A', { availability: 'pause' }), plan: [] },
];
test.each(portRows)('start-first with host-mode ports stops the old task first $it', ({ err, oldPorts, on = node('A'), plan }) => {
  const before = facts(serviceSpec({ ContainerSpec: { Image: 'web:0' } }, oldPorts), { templateID: 'old' as Task['templateID'] });
  const now = facts(serviceSpec({}, { ...PORTS, UpdateConfig: { Parallelism: 1, Order: 'start-first' } }), {
    UpdateStatus: { State: 'updating', StartedAt: timestamp(T0), Message: 'update in progress' },
  });
  const tasks = [dirty('a', 1), task('n', { state: 'pending', err, origin: { kind: 'update' }, createdS: 1 })];
  const decided = decideService({ facts: now, world: world([on], now, before), tasks, nodeIDs: [] }, T0);
  expect(tellAll(decided)).toEqual(plan);
  if (plan.length > 0) expect(decided.status?.Message).toMatch(/^update in progress; start-first is not possible/);
  else expect(decided.status).toBeUndefined();
});

test.each([
  { after: 'a scale', template: 'current' },
  { after: 'a change of labels', template: 'before-labels' },
])('start-first with host-mode ports: the old task goes also when the update was written over meanwhile by $after', ({ template }) => {
  const before = facts(serviceSpec({ ContainerSpec: { Image: 'web:0' } }, PORTS), { templateID: 'old' as Task['templateID'] });
  const unlabelled = facts(serviceSpec({}, PORTS), { templateID: 'before-labels' as Task['templateID'] });
  const now = facts(serviceSpec({}, { ...PORTS, Labels: { a: 'b' }, UpdateConfig: { Parallelism: 1, Order: 'start-first' } }));
  const tasks = [dirty('a', 1), task('n', { state: 'pending', err: BUSY, origin: { kind: 'update' }, createdS: 1, template })];
  const decided = decideService({ facts: now, world: world([node('A')], now, unlabelled, before), tasks, nodeIDs: [] }, T0 + 3_000);
  expect(tellAll(decided)).toEqual(['a: shutdown']);
  expect(decided.status?.State).toBe('updating');
});

test('start-first with host-mode ports: what runs on a node that has gone does not make way for its own successor', () => {
  const now = facts(serviceSpec({}, { ...PORTS, UpdateConfig: { Parallelism: 1, Order: 'start-first' } }), {
    UpdateStatus: { State: 'updating', StartedAt: timestamp(T0), Message: 'update in progress' },
  });
  const tasks = [renewed('a', 1), task('n', { state: 'pending', err: BUSY, origin: { kind: 'move' }, createdS: 2 })];
  const decided = decideService({ facts: now, world: world([down('A')], now), tasks, nodeIDs: [] }, T0 + 3_000);
  expect(tellAll(decided)).toEqual([]);
});

test('start-first with host-mode ports: a global task that waits for the old one to stop does not make way for itself', () => {
  const before = facts(serviceSpec({ ContainerSpec: { Image: 'web:0' } }, PORTS), { templateID: 'old' as Task['templateID'] });
  const Mode = { Global: {} };
  const now = facts(serviceSpec({}, { ...PORTS, Mode, UpdateConfig: { Parallelism: 1, Order: 'start-first' } }), {
    UpdateStatus: { State: 'updating', StartedAt: timestamp(T0), Message: 'update in progress' },
  });
  const on = { node: 'A', perNode: true } as const;
  const old = (desired: Task['DesiredState']) => task('a', { ...on, template: 'old', desired });
  const waiting = (desired: Task['DesiredState']) =>
    task('n', { ...on, state: 'pending', desired, err: BUSY, origin: { kind: 'update' }, createdS: 1 });
  const decideWith = (tasks: readonly Task[]) =>
    tellAll(decideService({ facts: now, world: world([node('A')], now, before), tasks, nodeIDs: [node('A').ID] }, T0 + 2_000));
  expect(decideWith([old('running'), waiting('running')])).toEqual(['a: shutdown']);
  expect(decideWith([old('shutdown'), waiting('ready')])).toEqual([]);
});

test('start-first with host-mode ports: a renewed task on a lost node does not make way for the one that takes over', () => {
  const now = facts(serviceSpec({}, { ...PORTS, UpdateConfig: { Parallelism: 1, Order: 'start-first' } }), {
    UpdateStatus: { State: 'updating', StartedAt: timestamp(T0), Message: 'update in progress' },
  });
  const lost = task('a', { node: 'A', origin: { kind: 'update' } });
  const waiting = task('n', { state: 'pending', err: BUSY, origin: { kind: 'move' }, createdS: 1 });
  const decided = decideService({ facts: now, world: world([down('A')], now, old), tasks: [lost, waiting], nodeIDs: [] }, T0 + 2_000);
  expect(tellAll(decided)).toEqual([]);
});

test.each([
  {
    it: 'a slot whose new task is on a node that is down',
    mode: replicated(2),
    perNode: false,
    says: 'update in progress; it waits for slot 1, whose new task is on node B, which is down',
  },
  {
    it: 'a node that is down, where a global service was being renewed',
    mode: { Global: {} },
    perNode: true,
    says: 'update in progress; it waits for the task of node B, which is down',
  },
])('an update says that it waits for $it, and no longer when the node is back', ({ mode, perNode, says }) => {
  const tasks = [
    renewed('a', 1, { node: 'B', perNode, state: 'preparing' }),
    ...(perNode ? [] : [task('m', { slot: 1, state: 'pending', origin: { kind: 'move' }, createdS: 2 })]),
    dirty('b', 2, { node: 'A', perNode }),
  ];
  const lost = decide({ mode, tasks, nodes: [node('A'), down('B')], updating: true, atS: 3 });
  expect(tellAll(lost)).toEqual([]);
  expect(lost.status?.Message).toBe(says);
  const back = decide({ mode, tasks, nodes: [node('A'), node('B')], updating: true, atS: 3 });
  expect(back.status).toBeUndefined();
});

const anyTask = fc
  .record({
    id: fc.integer({ min: 1, max: 999 }),
    slot: fc.integer({ min: 1, max: 4 }),
    node: fc.constantFrom('A', 'B', 'C', 'gone', undefined),
    state: fc.constantFrom(
      'new',
      'pending',
      'assigned',
      'preparing',
      'ready',
      'running',
      'complete',
      'failed',
      'rejected',
      'shutdown',
      'orphaned',
    ),
    desired: fc.constantFrom('ready', 'running', 'shutdown', 'remove'),
    template: fc.constantFrom('old', 'current'),
    err: fc.constantFrom(undefined, ENFORCER_REASON),
    createdS: fc.nat(100),
    origin: fc.constantFrom(
      undefined,
      { kind: 'update' } as const,
      { kind: 'move' } as const,
      { kind: 'restart', notBefore: timestamp(T0 + 90_000) } as const,
    ),
  })
  .map(({ id, node: where, err, origin, ...fields }) =>
    task(`t${id}`, { ...fields, ...(where && { node: where }), ...(err && { err }), ...(origin && { origin }) } as Parameters<
      typeof task
    >[1]),
  );
const anyTasks = fc.uniqueArray(anyTask, { selector: ({ ID }) => ID, maxLength: 14 });
const anyNodes = fc
  .tuple(
    ...['A', 'B', 'C'].map((name) =>
      fc.constantFrom(node(name), node(name, { availability: 'drain' }), node(name, { availability: 'pause' }), down(name)),
    ),
  )
  .map((list) => [...list]);
const anyUpdate = fc.record({
  Parallelism: fc.nat(2),
  Order: fc.constantFrom('stop-first' as const, 'start-first' as const),
  FailureAction: fc.constantFrom('pause' as const, 'continue' as const),
});

function apply(tasks: readonly Task[], plan: ServicePlan): readonly Task[] {
  const edited = new Map(plan.seats.flatMap((seat) => seat.update.map((object) => [object.ID, object] as const)));
  const created = plan.seats.flatMap((seat) => seat.create);
  const stamp = timestamp(T0 + 100_000);
  return [
    ...tasks.map((object) => edited.get(object.ID) ?? object),
    ...created.map(
      (draft, index): Task => ({ ...draft, ID: `zz${index}` as Task['ID'], Version: { Index: 2 }, CreatedAt: stamp, UpdatedAt: stamp }),
    ),
  ];
}

test('a plan follows from its input alone, changes no task twice, and once done leaves nothing to create', () => {
  fc.assert(
    fc.property(anyTasks, anyNodes, anyUpdate, fc.nat(5), (tasks, all, update, count) => {
      const row = { mode: replicated(count), tasks, nodes: all, update, atS: 100 };
      const plan = decide(row);
      expect(JSON.stringify(decide(structuredClone(row)))).toBe(JSON.stringify(plan));
      const edited = plan.seats.flatMap((seat) => seat.update.map(({ ID }) => ID));
      expect(new Set(edited).size).toBe(edited.length);
      const after = apply(tasks, plan);
      const occupied = new Set(after.filter(({ DesiredState }) => DesiredState !== 'remove').map(({ Slot }) => Slot));
      expect(occupied.size).toBe(count);
      const again = decide({ ...row, tasks: after, updating: plan.status?.State === 'updating' });
      const kinds = again.seats.flatMap((seat) => seat.create.map(({ origin }) => origin?.kind));
      // What waits for a place in an update may have got one only now.
      expect(kinds.filter((kind) => kind !== 'update')).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
