import fc from 'fast-check';
import { expect, test } from 'vitest';
import { down, node, task, world } from '../testing/build.ts';
import { lowestFreeSlots, occupiedSlots, slotsToRemove } from './replicated.ts';

/** Of the nodes that rows name, D is down. */
const CLUSTER = world([node('A'), node('B'), node('C'), down('D')]);

interface Row {
  readonly it: string;
  /** Slot: node, or what its task is. */
  readonly slots: Readonly<Record<number, string>>;
  readonly surplus: number;
  readonly removed: readonly number[];
}

function tasksOf(slots: Row['slots']) {
  return Object.entries(slots).map(([slot, what]) => {
    const [node = '', state = 'running'] = what.split(' ');
    const place = node === '-' ? {} : { node };
    if (state === 'dead') return task(`t${slot}`, { slot: Number(slot), ...place, state: 'failed', desired: 'shutdown' });
    return task(`t${slot}`, { slot: Number(slot), ...place, state: state as 'running' });
  });
}

const rows: readonly Row[] = [
  { it: 'nothing surplus, nothing removed', slots: { 1: 'A', 2: 'B' }, surplus: 0, removed: [] },
  { it: 'fewer than wanted, nothing removed', slots: { 1: 'A' }, surplus: -3, removed: [] },
  { it: 'the node with most gives first, its highest slot', slots: { 1: 'A', 2: 'A', 3: 'B' }, surplus: 1, removed: [2] },
  { it: 'nodes with equally many give the highest slot', slots: { 1: 'A', 2: 'B', 3: 'C' }, surplus: 1, removed: [3] },
  { it: 'a dead slot goes before all that is alive', slots: { 1: '- dead', 2: 'A', 3: 'A' }, surplus: 1, removed: [1] },
  { it: 'a task without a node goes before those that have one', slots: { 1: '- pending', 2: 'A', 3: 'A' }, surplus: 1, removed: [1] },
  { it: 'on the fullest node what does not run goes first', slots: { 1: 'A preparing', 2: 'A', 3: 'B' }, surplus: 1, removed: [1] },
  {
    it: 'a fuller node gives before one with something not running',
    slots: { 1: 'A', 2: 'A', 3: 'B preparing' },
    surplus: 1,
    removed: [2],
  },
  { it: 'what ran on a node that is down goes before what runs', slots: { 1: 'A', 2: 'D', 3: 'B' }, surplus: 1, removed: [2] },
  { it: 'also where others share a node', slots: { 1: 'A', 2: 'D', 3: 'A' }, surplus: 1, removed: [2] },
  { it: 'but after what has nothing alive', slots: { 1: '- dead', 2: 'D', 3: 'A' }, surplus: 1, removed: [1] },
  { it: 'levels the nodes', slots: { 1: 'A', 2: 'A', 3: 'A', 4: 'B', 5: 'B', 6: 'C' }, surplus: 3, removed: [3, 5, 2] },
];

test.each(rows)('$it', ({ slots, surplus, removed }) => {
  expect(slotsToRemove(occupiedSlots(tasksOf(slots)), surplus, CLUSTER)).toEqual(removed);
});

test('a slot that another node has taken over is judged by what runs there', () => {
  const away = task('away', { slot: 1, node: 'D' });
  const successor = task('successor', { slot: 1, node: 'A', createdS: 1 });
  const slots = occupiedSlots([away, successor, task('b', { slot: 2, node: 'A' }), task('c', { slot: 3, node: 'B' })]);
  expect(slotsToRemove(slots, 1, CLUSTER)).toEqual([2]);
});

test('the lowest free numbers are filled', () => {
  expect(lowestFreeSlots(new Set([1, 3, 4]), 3)).toEqual([2, 5, 6]);
  expect(lowestFreeSlots(new Set(), 2, 0)).toEqual([0, 1]);
});

const UP = world(['A', 'B', 'C', 'D'].map((name) => node(name)));
test('after any scale-down the nodes are as level as they can be, and exactly the surplus is gone', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('A', 'B', 'C', 'D'), { minLength: 1, maxLength: 30 }), fc.nat(30), (nodes, keep) => {
      const slots = occupiedSlots(tasksOf(Object.fromEntries(nodes.map((node, index) => [index + 1, node]))));
      const surplus = Math.max(0, nodes.length - keep);
      const removed = slotsToRemove(slots, surplus, UP);
      expect(new Set(removed).size).toBe(surplus);
      const count = (list: readonly string[]) => ['A', 'B', 'C', 'D'].map((node) => list.filter((name) => name === node).length);
      const [before, after] = [count(nodes), count(nodes.filter((_, index) => !removed.includes(index + 1)))];
      const highest = Math.max(...after);
      // Whoever gave one up stands at the top, or one below it.
      after.forEach((left, at) => {
        if (left < (before[at] ?? 0)) expect(left).toBeGreaterThanOrEqual(highest - 1);
      });
    }),
  );
});
