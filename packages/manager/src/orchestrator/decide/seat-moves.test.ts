import type { Node, Task } from '@swarm/shared/domain/objects';
import type { ServiceSpec } from '@swarm/shared/engine-api/service-spec';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { down, facts, node, serviceSpec, T0, task, world } from '../testing/build.ts';
import { tell } from '../testing/tell.ts';
import { decideSeat } from './seat.ts';

/** Tasks that make room for another one before they go: from drained nodes, and to even out the nodes. */
const START_FIRST: Partial<ServiceSpec> = { UpdateConfig: { Order: 'start-first' } };
const HOST_PORT = { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 80, PublishMode: 'host' as const }] } };
const drained = node('D', { availability: 'drain' });
const mover = (more: object = {}) =>
  task('n', { node: 'B', createdS: 1, origin: { kind: 'move', replaces: asID<Task['ID']>('a') }, ...more });

/** To go to a certain node or nowhere, and that one does not take it. */
const stranded = mover({
  state: 'pending',
  node: undefined,
  err: 'cannot be moved',
  origin: { kind: 'move', replaces: asID<Task['ID']>('a'), node: { id: asID<Node['ID']>('B'), why: 'balance' } },
});

interface Row {
  readonly it: string;
  readonly tasks: readonly Task[];
  readonly spec?: Partial<ServiceSpec>;
  readonly nodes?: readonly Node[];
  readonly atS?: number;
  readonly plan: readonly string[];
  readonly wakeS?: number;
}

const rows: readonly Row[] = [
  {
    it: 'drained, stop-first: the task goes at once',
    tasks: [task('a', { node: 'D' })],
    spec: {},
    plan: ['a: shutdown', 'create ready (move)'],
  },
  { it: 'drained, start-first: another one comes first', tasks: [task('a', { node: 'D' })], plan: ['create running (move)'] },
  {
    it: 'drained, start-first: what does not run goes at once',
    tasks: [task('a', { node: 'D', state: 'preparing' })],
    plan: ['a: shutdown', 'create ready (move)'],
  },
  {
    it: 'drained, start-first with host-mode ports: the task goes at once',
    tasks: [task('a', { node: 'D' })],
    spec: { ...START_FIRST, ...HOST_PORT },
    plan: ['a: shutdown', 'create ready (move)'],
  },
  {
    it: 'drained: the task stays while its successor starts',
    tasks: [task('a', { node: 'D' }), task('n', { node: 'B', state: 'starting', origin: { kind: 'move' }, createdS: 1 })],
    plan: [],
  },
  {
    it: 'drained: and while that is watched',
    tasks: [task('a', { node: 'D' }), task('n', { node: 'B', runningS: 2, origin: { kind: 'move' }, createdS: 1 })],
    atS: 6,
    plan: [],
    wakeS: 7,
  },
  {
    it: 'drained: and goes when that runs well',
    tasks: [task('a', { node: 'D' }), task('n', { node: 'B', runningS: 2, origin: { kind: 'move' }, createdS: 1 })],
    atS: 7,
    plan: ['a: shutdown'],
  },
  {
    it: 'drained: a successor that fails is followed after a pause, and the task stays',
    tasks: [task('a', { node: 'D' }), task('n', { node: 'B', state: 'failed', origin: { kind: 'move' }, createdS: 1 })],
    atS: 1,
    plan: ['n: shutdown', 'create ready (restart, at 6 s)'],
  },
  { it: 'moved: the task stays while the other one starts', tasks: [task('a', { node: 'A' }), mover({ state: 'starting' })], plan: [] },
  {
    it: 'moved: and while that is watched',
    tasks: [task('a', { node: 'A' }), mover({ runningS: 2 })],
    atS: 3,
    plan: [],
    wakeS: 7,
  },
  { it: 'moved: and goes when that runs well', tasks: [task('a', { node: 'A' }), mover({ runningS: 2 })], atS: 7, plan: ['a: shutdown'] },
  {
    it: 'moved: it stays when the other one fails',
    tasks: [task('a', { node: 'A' }), mover({ state: 'failed' })],
    atS: 7,
    plan: ['n: shutdown'],
  },
  {
    it: 'moved: one that finds no place is given up',
    tasks: [task('a', { node: 'A' }), mover({ state: 'pending', node: undefined, err: 'cannot be moved' })],
    plan: ['n: remove'],
  },
  {
    it: 'moved: and so is one whose networks have no room',
    tasks: [task('a', { node: 'A' }), mover({ state: 'new', node: undefined, err: 'no address is left' })],
    plan: ['n: remove'],
  },
  {
    it: 'moved: and one that has its node and gets no address',
    tasks: [task('a', { node: 'A' }), mover({ state: 'assigned', err: 'no address is left' })],
    plan: ['n: shutdown'],
  },
  {
    it: 'moved: when the task breaks meanwhile, the other one has taken its place',
    tasks: [task('a', { node: 'A', state: 'failed' }), mover({ state: 'starting' })],
    plan: ['a: shutdown'],
  },
  {
    it: 'moved: when its node goes down meanwhile, the other one takes its place as soon as it runs',
    tasks: [task('a', { node: 'A' }), mover({ runningS: 2 })],
    nodes: [down('A'), node('B')],
    atS: 3,
    plan: ['a: shutdown'],
    wakeS: 24 * 3600,
  },
  {
    it: 'moved: when the task breaks meanwhile, one that finds no place makes way for another that may go anywhere',
    tasks: [task('a', { node: 'A', state: 'failed' }), stranded],
    plan: ['a: shutdown', 'n: remove', 'create ready (restart, at 5 s)'],
  },
  {
    it: 'moved: and so it does when nothing else of the seat is left',
    tasks: [stranded],
    plan: ['n: remove', 'create running (new)'],
  },
  {
    it: 'moved: and when the task has lost its node',
    tasks: [task('a', { node: 'A' }), stranded],
    nodes: [down('A'), node('B')],
    plan: ['n: remove', 'create running (move)'],
    wakeS: 24 * 3600,
  },
];

test.each(rows)('$it', ({ tasks, spec = START_FIRST, nodes = [node('A'), node('B'), drained], atS = 0, plan, wakeS }) => {
  const now = facts(serviceSpec({}, spec));
  const decided = decideSeat({ facts: now, world: world(nodes, now), seat: { Slot: 1 }, purpose: 'fill', tasks }, T0 + atS * 1000);
  expect(tell(decided)).toEqual(plan);
  expect(decided.wakeAtMs === undefined ? undefined : (decided.wakeAtMs - T0) / 1000).toBe(wakeS);
});
