import type { Node, Task } from '@swarm/shared/domain/objects';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { down, facts, node, serviceSpec, task, world } from '../testing/build.ts';
import { decideSeat } from './seat.ts';
import { decideVolumeNodes } from './volume-nodes.ts';

const Mounts = [{ Type: 'volume' as const, Source: 'data', Target: '/data' }];
const spec = serviceSpec({ ContainerSpec: { Image: 'db:1', Mounts } });
const id = (name: string) => asID<Node['ID']>(name);

interface Row {
  readonly it: string;
  readonly tasks: readonly Task[];
  readonly known?: Record<string, Node['ID']>;
  readonly nodes?: readonly Node[];
  readonly expected: Record<string, string>;
}

const rows: readonly Row[] = [
  { it: 'is where the task runs', tasks: [task('a', { node: 'A' })], expected: { 1: 'A' } },
  { it: 'is not where a task is only prepared', tasks: [task('a', { node: 'A', state: 'preparing' })], expected: {} },
  {
    it: 'stays where it was while nothing runs',
    tasks: [task('a', { node: 'B', state: 'preparing' })],
    known: { 1: id('A') },
    expected: { 1: 'A' },
  },
  { it: 'moves with a task that runs elsewhere', tasks: [task('a', { node: 'B' })], known: { 1: id('A') }, expected: { 1: 'B' } },
  {
    it: 'stays while two run, one of them there',
    tasks: [task('a', { node: 'A' }), task('b', { node: 'B', createdS: 1 })],
    known: { 1: id('B') },
    expected: { 1: 'B' },
  },
  {
    it: 'is not where only a node that is down is said to run it',
    tasks: [task('a', { node: 'A' }), task('b', { node: 'B', createdS: 1 })],
    known: { 1: id('A') },
    nodes: [down('A'), node('B')],
    expected: { 1: 'B' },
  },
  {
    it: 'is where the newest task had run, when nothing is known',
    tasks: [
      task('a', { node: 'A', state: 'failed', runningS: 1 }),
      task('b', { node: 'B', state: 'failed', createdS: 2, runningS: 3 }),
      task('c', { node: 'C', state: 'rejected', createdS: 4 }),
    ],
    expected: { 1: 'B' },
  },
  { it: 'outlives the tasks of a slot', tasks: [], known: { 4: id('A') }, expected: { 4: 'A' } },
];

test.each(rows)('the data of a slot $it', ({ tasks, known, nodes = [node('A'), node('B'), node('C')], expected }) => {
  const { service } = facts(spec, { ...(known && { volumeNodes: known }) });
  expect(decideVolumeNodes(service, tasks, world(nodes))).toEqual(expected);
});

test('a service without local volumes has none', () => {
  expect(decideVolumeNodes(facts().service, [task('a', { node: 'A' })], world([node('A')]))).toBeUndefined();
});

test('a replacement is made for the node that has the data', () => {
  const now = facts(spec, { volumeNodes: { 1: id('A') } });
  const tasks = [task('a', { node: 'A', state: 'failed' })];
  const plan = decideSeat({ facts: now, world: world([node('A')], now), seat: { Slot: 1 }, purpose: 'fill', tasks }, 0);
  expect(plan.create[0]?.origin?.node).toEqual({ id: 'A', why: 'volume' });
});
