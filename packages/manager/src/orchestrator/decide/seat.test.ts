import type { Node, Task } from '@swarm/shared/domain/objects';
import type { RestartPolicy } from '@swarm/shared/engine-api/service-spec';
import { timestamp } from '@swarm/shared/runtime/clock';
import { expect, test } from 'vitest';
import { down, facts, node, SECOND_NS, serviceSpec, T0, task, world } from '../testing/build.ts';
import { tell } from '../testing/tell.ts';
import { decideSeat, type SeatView } from './seat.ts';
import { ENFORCER_REASON } from './standing.ts';

interface Row {
  readonly it: string;
  readonly tasks: readonly Task[];
  readonly nodes?: readonly Node[];
  readonly policy?: RestartPolicy;
  readonly purpose?: SeatView['purpose'];
  readonly atS?: number;
  readonly plan: readonly string[];
  readonly wakeS?: number;
}

const old = facts(serviceSpec({ ContainerSpec: { Image: 'web:0' } }), { templateID: 'old' as Task['templateID'] });
const A = node('A');
const B = node('B');
const failed = (name: string, more: object = {}) => task(name, { node: 'A', state: 'failed', ...more });
const restartedAt = (atS: number, failuresInRow = 1) =>
  ({ kind: 'restart', failuresInRow, notBefore: timestamp(T0 + atS * 1000) }) as const;

function decide({ tasks, nodes = [A, B], policy, purpose = 'fill', atS = 0 }: Row) {
  const now = facts(serviceSpec({ ...(policy && { RestartPolicy: policy }) }));
  return decideSeat({ facts: now, world: world(nodes, now, old), seat: { Slot: 1 }, purpose, tasks }, T0 + atS * 1000);
}

function check(rows: readonly Row[]) {
  test.each(rows)('$it', (row) => {
    const plan = decide(row);
    expect(tell(plan)).toEqual(row.plan);
    expect(plan.wakeAtMs === undefined ? undefined : (plan.wakeAtMs - T0) / 1000).toBe(row.wakeS);
  });
}

const minute = 60;
check([
  { it: 'a seat without tasks gets one at once', tasks: [], plan: ['create running (new)'] },
  { it: 'a running task is left alone', tasks: [task('a', { node: 'A' })], plan: [] },
  { it: 'a task that waits for a node is left alone', tasks: [task('a', { state: 'pending' })], plan: [] },
  {
    it: 'a failed task is history, its successor waits the default five seconds',
    tasks: [failed('a')],
    plan: ['a: shutdown', 'create ready (restart, at 5 s)'],
  },
  {
    it: 'a failed task whose successor was lost to a crash of the manager gets one all the same',
    tasks: [failed('a', { desired: 'shutdown' })],
    plan: ['create ready (restart, at 5 s)'],
  },
  {
    it: 'a delay of zero starts the successor at once',
    tasks: [failed('a')],
    policy: { Delay: 0 },
    plan: ['a: shutdown', 'create running (restart, at 0 s)'],
  },
  { it: 'never restarted: a failed task stays the last', tasks: [failed('a')], policy: { Condition: 'none' }, plan: ['a: shutdown'] },
  {
    it: 'restarted on failure: a completed task stays the last',
    tasks: [task('a', { state: 'complete' })],
    policy: { Condition: 'on-failure' },
    plan: ['a: shutdown'],
  },
  {
    it: 'restarted on failure: a rejected task is followed',
    tasks: [task('a', { state: 'rejected' })],
    policy: { Condition: 'on-failure' },
    plan: ['a: shutdown (rejected)', 'create ready (restart, at 5 s)'],
  },
  {
    it: 'restarted always: a completed task is followed',
    tasks: [task('a', { state: 'complete' })],
    plan: ['a: shutdown', 'create ready (restart, at 5 s)'],
  },
  {
    it: 'attempts used up: nothing follows',
    tasks: [failed('a', { desired: 'shutdown' }), failed('b', { createdS: 1, origin: restartedAt(1) })],
    policy: { MaxAttempts: 1 },
    plan: ['b: shutdown'],
    atS: 1,
  },
  {
    it: 'attempts used up for an older spec count no more',
    tasks: [failed('a', { desired: 'shutdown' }), failed('b', { createdS: 1, origin: restartedAt(1), specVersion: 0 })],
    policy: { MaxAttempts: 1, Delay: 0 },
    plan: ['b: shutdown', 'create ready (restart, at 2 s)'],
    atS: 1,
  },
  {
    it: 'attempts from before the window count no more',
    tasks: [failed('a', { desired: 'shutdown' }), failed('b', { createdS: 1, endedS: 100, origin: restartedAt(1) })],
    policy: { MaxAttempts: 1, Window: 60 * SECOND_NS },
    plan: ['b: shutdown', 'create ready (restart, at 105 s)'],
    atS: 100,
  },
  {
    it: 'the fourth failure in a row waits four seconds more than the user asked for',
    tasks: [failed('a', { createdS: 0, endedS: 8, origin: restartedAt(7, 3) })],
    atS: 8,
    plan: ['a: shutdown', 'create ready (restart, at 17 s)'],
  },
  {
    it: 'the back-off is at most five minutes, and up to a fifth more by chance',
    tasks: [failed('a', { endedS: 310, origin: restartedAt(305, 40) })],
    atS: 310,
    plan: ['a: shutdown', 'create ready (restart, at 668 s)'],
  },
  {
    it: 'a task that ran for long was healthy: its failure is a first one',
    tasks: [failed('a', { runningS: 10, endedS: 10 + 10 * minute, origin: restartedAt(7, 6) })],
    atS: 610,
    plan: ['a: shutdown', 'create ready (restart, at 615 s)'],
  },
  {
    it: 'a task that ended before its turn came is followed only when its turn would have come',
    tasks: [task('a', { state: 'rejected', desired: 'ready', origin: restartedAt(5) })],
    atS: 1,
    plan: [],
    wakeS: 5,
  },
  {
    it: 'and then its successor waits again, longer',
    tasks: [task('a', { state: 'rejected', desired: 'ready', origin: restartedAt(5) })],
    atS: 5,
    plan: ['a: shutdown (rejected)', 'create ready (restart, at 11 s)'],
  },
  {
    it: 'a prepared task waits for its time',
    tasks: [failed('a', { desired: 'shutdown' }), task('b', { state: 'ready', desired: 'ready', origin: restartedAt(5) })],
    atS: 4,
    plan: [],
    wakeS: 5,
  },
  {
    it: 'a prepared task is started when its time has come',
    tasks: [failed('a', { desired: 'shutdown' }), task('b', { state: 'ready', desired: 'ready', origin: restartedAt(5) })],
    atS: 5,
    plan: ['b: running'],
  },
  {
    it: 'a prepared task waits for the one before it to stop',
    tasks: [task('a', { desired: 'shutdown', node: 'A' }), task('b', { state: 'ready', desired: 'ready', node: 'A' })],
    plan: [],
    wakeS: 60,
  },
  {
    it: 'but not for longer than a minute',
    tasks: [task('a', { desired: 'shutdown', node: 'A' }), task('b', { state: 'ready', desired: 'ready', node: 'A' })],
    atS: 60,
    plan: ['b: running'],
  },
  {
    it: 'nor for a task on a node that is down',
    tasks: [task('a', { desired: 'shutdown', node: 'A' }), task('b', { state: 'ready', desired: 'ready', node: 'B' })],
    nodes: [down('A'), B],
    plan: ['b: running'],
  },
]);

check([
  {
    it: 'drain: the task is stopped and another prepared, without delay',
    tasks: [task('a', { node: 'A' })],
    nodes: [node('A', { availability: 'drain' }), B],
    plan: ['a: shutdown', 'create ready (move)'],
  },
  {
    it: 'drain: one that no worker has seen leaves no history and nothing to wait for',
    tasks: [task('a', { state: 'pending', node: 'A' })],
    nodes: [node('A', { availability: 'drain' }), B],
    plan: ['a: remove', 'create running (new)'],
  },
  {
    it: 'drain: what is never restarted is not moved',
    tasks: [task('a', { node: 'A' })],
    nodes: [node('A', { availability: 'drain' }), B],
    policy: { Condition: 'none' },
    plan: ['a: shutdown'],
  },
  { it: 'pause: the task stays', tasks: [task('a', { node: 'A' })], nodes: [node('A', { availability: 'pause' })], plan: [] },
  {
    it: 'a node that was not heard of yet keeps its task',
    tasks: [task('a', { node: 'A' })],
    nodes: [node('A', { Status: { State: 'unknown', Addr: '' } })],
    plan: [],
  },
  {
    it: 'down: another task is made, the old one stays wanted',
    tasks: [task('a', { node: 'A' })],
    nodes: [down('A'), B],
    plan: ['create running (move)'],
    wakeS: 24 * 60 * minute,
  },
  {
    it: 'down: nothing more is made while the successor is on its way',
    tasks: [task('a', { node: 'A' }), task('b', { node: 'B', state: 'preparing', createdS: 1, origin: { kind: 'move' } })],
    nodes: [down('A'), B],
    plan: [],
    wakeS: 24 * 60 * minute,
  },
  {
    it: 'down: once the successor runs, the old one is given up',
    tasks: [task('a', { node: 'A' }), task('b', { node: 'B', createdS: 1, origin: { kind: 'move' } })],
    nodes: [down('A'), B],
    plan: ['a: shutdown'],
    wakeS: 24 * 60 * minute,
  },
  {
    it: 'down: a second node lost on the way costs the task that never ran, not the one that did',
    tasks: [task('a', { node: 'A' }), task('b', { node: 'B', state: 'preparing', createdS: 1, origin: { kind: 'move' } })],
    nodes: [down('A'), down('B')],
    plan: ['b: shutdown', 'create running (move)'],
    wakeS: 24 * 60 * minute,
  },
  {
    it: 'down: a pause that was not over goes on elsewhere',
    tasks: [task('a', { node: 'A', state: 'ready', desired: 'ready', origin: restartedAt(20, 5) })],
    nodes: [down('A'), B],
    plan: ['create ready (move, at 20 s)'],
    wakeS: 20,
  },
  {
    it: 'down: a renewal that never ran is still one',
    tasks: [task('a', { node: 'A', state: 'preparing', origin: { kind: 'update' } })],
    nodes: [down('A'), B],
    plan: ['create running (update)'],
    wakeS: 24 * 60 * minute,
  },
  {
    it: 'down: failures in a row go with the task that is moved',
    tasks: [
      task('a', { node: 'A', origin: restartedAt(0, 5), runningS: 1 }),
      failed('b', { node: 'B', createdS: 2, origin: { kind: 'move', failuresInRow: 5 } }),
    ],
    nodes: [down('A'), B],
    atS: 3,
    plan: ['b: shutdown', 'create ready (restart, at 26 s)'],
    wakeS: 24 * 60 * minute,
  },
  {
    it: 'down: another task waits for one of the seat that still stops where it can be heard',
    tasks: [task('a', { node: 'B', desired: 'shutdown' }), task('b', { node: 'A', state: 'ready', desired: 'ready', createdS: 1 })],
    nodes: [down('A'), B],
    plan: ['create ready (move)'],
    wakeS: 61,
  },
  {
    it: 'down: a successor that failed is followed after a pause, as any other',
    tasks: [task('a', { node: 'A' }), failed('b', { node: 'B', createdS: 1, origin: { kind: 'move' } })],
    nodes: [down('A'), B],
    plan: ['b: shutdown', 'create ready (restart, at 5 s)'],
    wakeS: 24 * 60 * minute,
  },
  {
    it: 'down: a successor that was rejected before its turn keeps its place until then',
    tasks: [task('a', { node: 'A' }), task('b', { node: 'B', state: 'rejected', desired: 'ready', createdS: 1, origin: restartedAt(9) })],
    nodes: [down('A'), B],
    plan: [],
    wakeS: 9,
  },
  {
    it: 'down: what failed at this seat before says nothing about a task that ran since',
    tasks: [failed('b', { desired: 'shutdown' }), task('a', { node: 'A', createdS: 1 })],
    nodes: [down('A'), B],
    plan: ['create running (move)'],
    wakeS: 24 * 60 * minute,
  },
  {
    it: 'returned in time: the successor is kept for two seconds, until the node has said what became of its task',
    tasks: [task('a', { node: 'A' }), task('b', { node: 'B', state: 'preparing', createdS: 1, origin: { kind: 'move' } })],
    nodes: [node('A', { UpdatedAt: timestamp(T0 + 10_000) }), B],
    atS: 11,
    plan: [],
    wakeS: 12,
  },
  {
    it: 'returned in time: then the successor is withdrawn',
    tasks: [task('a', { node: 'A' }), task('b', { node: 'B', state: 'preparing', createdS: 1, origin: { kind: 'move' } })],
    nodes: [node('A', { UpdatedAt: timestamp(T0 + 10_000) }), B],
    atS: 12,
    plan: ['b: shutdown'],
  },
  {
    it: 'returned, both run: what has run longer is kept',
    tasks: [task('a', { node: 'A' }), task('b', { node: 'B', createdS: 1, origin: { kind: 'move' } })],
    atS: 60,
    plan: ['b: shutdown'],
  },
  {
    it: 'returned, but its task had ended: the successor is the one that is kept',
    tasks: [failed('a'), task('b', { node: 'B', state: 'preparing', createdS: 1, origin: { kind: 'move' } })],
    plan: ['a: shutdown'],
  },
  {
    it: 'down for a day: the task is orphaned',
    tasks: [task('a', { node: 'A', desired: 'shutdown' }), task('b', { node: 'B' })],
    nodes: [down('A'), B],
    atS: 24 * 60 * minute,
    plan: ['a: shutdown (orphaned)'],
  },
  {
    it: 'node removed: its task is orphaned and another made',
    tasks: [task('a', { node: 'gone' })],
    plan: ['a: shutdown (orphaned)', 'create running (move)'],
  },
  {
    it: 'a task of a slot to be cleared is stopped, the history stays',
    tasks: [failed('x', { desired: 'shutdown' }), task('a', { node: 'A' })],
    purpose: 'clear',
    plan: ['a: shutdown'],
  },
  { it: 'a held seat keeps its task and gets no other', tasks: [failed('a')], purpose: 'hold', plan: ['a: shutdown'] },
  {
    it: 'start-first: the outdated task stays until the new one runs',
    tasks: [
      task('a', { template: 'old', node: 'A' }),
      task('b', { node: 'B', state: 'starting', createdS: 1, origin: { kind: 'update' } }),
    ],
    plan: [],
  },
  {
    it: 'start-first: then it goes',
    tasks: [task('a', { template: 'old', node: 'A' }), task('b', { node: 'B', createdS: 1, origin: { kind: 'update' } })],
    plan: ['a: shutdown'],
  },
  {
    it: 'start-first: when the new one fails, the outdated one stays and nothing else is made here',
    tasks: [task('a', { template: 'old', node: 'A' }), failed('b', { createdS: 1, origin: { kind: 'update' } })],
    plan: ['b: shutdown'],
  },
  {
    it: 'an outdated task that fails is followed at once by one for the new spec',
    tasks: [failed('a', { template: 'old' })],
    plan: ['a: shutdown', 'create running (update)'],
  },
  {
    it: 'a new spec starts at once whatever the back-off of the old one',
    tasks: [failed('a', { template: 'old', desired: 'shutdown', origin: restartedAt(300, 9) })],
    policy: { Condition: 'none' },
    plan: ['create running (update)'],
  },
]);

const zoned = facts(serviceSpec({ Placement: { Constraints: ['node.labels.zone == east'] } }));

test('a node that no longer fits loses its task to the constraint enforcer', () => {
  const plan = decideSeat(
    {
      facts: zoned,
      world: world([node('A', { labels: { zone: 'west' } })], zoned),
      seat: { Slot: 1 },
      purpose: 'fill',
      tasks: [task('a', { node: 'A' })],
    },
    T0,
  );
  expect(tell(plan)).toEqual(['a: shutdown (rejected)', 'create running (move)']);
  expect(plan.update[0]?.Status).toMatchObject({ Err: ENFORCER_REASON, Message: 'task rejected by constraint enforcer' });
});

test('a rejection by the enforcer counts as no attempt', () => {
  const restricted = facts(serviceSpec({ RestartPolicy: { MaxAttempts: 1 } }));
  const tasks = [
    failed('a', { desired: 'shutdown' }),
    task('b', { createdS: 1, origin: restartedAt(1), state: 'rejected', desired: 'shutdown', err: ENFORCER_REASON }),
  ];
  const plan = decideSeat({ facts: restricted, world: world([A], restricted), seat: { Slot: 1 }, purpose: 'fill', tasks }, T0 + 2000);
  expect(tell(plan)).toEqual(['create running (move)']);
});

test('a database with a long grace period is waited for longer than a minute', () => {
  const slow = facts(serviceSpec({ ContainerSpec: { Image: 'db', StopGracePeriod: 300 * SECOND_NS } }));
  const tasks = [task('a', { desired: 'shutdown', node: 'A' }), task('b', { state: 'ready', desired: 'ready', node: 'A' })];
  const view = { facts: slow, world: world([A], slow), seat: { Slot: 1 }, purpose: 'fill', tasks } as const;
  expect(decideSeat(view, T0 + 61_000)).toMatchObject({ update: [], wakeAtMs: T0 + 350_000 });
  expect(tell(decideSeat(view, T0 + 350_000))).toEqual(['b: running']);
});

test('a global seat on a node that is down gets no successor', () => {
  const view = { facts: facts(), world: world([down('A')], facts()), seat: { NodeID: A.ID }, purpose: 'hold' } as const;
  expect(tell(decideSeat({ ...view, tasks: [task('a', { node: 'A', perNode: true })] }, T0))).toEqual([]);
});

test('who takes over from a node that is down does so only while it is', () => {
  const gone = down('A');
  expect(decide({ it: '', tasks: [task('a', { node: 'A' })], nodes: [gone, B], plan: [] }).downNodes).toEqual([gone]);
  const over = [task('b', { node: 'A', state: 'shutdown', desired: 'shutdown' }), failed('c', { node: 'B' })];
  expect(decide({ it: '', tasks: over, nodes: [gone, B], plan: [] }).downNodes).toEqual([]);
});
