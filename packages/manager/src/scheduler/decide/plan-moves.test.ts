import type { Service, Task } from '@swarm/shared/domain/objects';
import { asID } from '@swarm/shared/runtime/ids';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { buildNode, buildTask, buildTemplate } from '../test-kit.ts';
import { previewPlacement } from './preview.ts';

const service = { ID: asID<Service['ID']>('web') } as Service;

function plan(
  counts: Readonly<Record<string, number>>,
  options: { parts?: Record<string, object>; spec?: object; others?: Record<string, number>; limit?: number } = {},
) {
  const picture = previewPlacement(() => undefined);
  const template = buildTemplate('web', options.spec);
  const tasks: Task[] = [];
  for (const [name, count] of Object.entries(counts)) {
    picture.addNode(buildNode(name, options.parts?.[name]));
    for (let at = 0; at < count; at += 1) tasks.push(buildTask(`${name}${at}`, 'web', { nodeID: name, slot: tasks.length + 1 }));
    for (let at = 0; at < (options.others?.[name] ?? 0); at += 1) {
      picture.addTask(buildTask(`o${name}${at}`, 'other', { nodeID: name }), buildTemplate('other'));
    }
  }
  for (const task of tasks) picture.addTask(task, template);
  return picture.planMoves(service, template, tasks, options.limit ?? 100);
}
const told = (moves: ReturnType<typeof plan>) => moves.map(({ from, to }) => `${from} to ${to}`);

test.each([
  { it: 'an empty node gets its share', counts: { a: 3, b: 3, c: 0 }, moves: ['b to c', 'a to c'] },
  { it: 'what is as even as can be stays', counts: { a: 2, b: 1, c: 1 }, moves: [] },
  { it: 'a node that takes no tasks gets none', counts: { a: 4, b: 0 }, parts: { b: { availability: 'pause' } }, moves: [] },
  {
    it: 'services of one task each are spread by all that runs',
    counts: { a: 1, b: 0 },
    others: { a: 2 },
    moves: ['a to b'],
  },
  { it: 'but not where the other node would then have more', counts: { a: 1, b: 0 }, others: { a: 1, b: 1 }, moves: [] },
  {
    it: 'spread preferences come before nodes',
    counts: { a: 2, b: 0, c: 2 },
    parts: { a: { labels: { zone: 'x' } }, b: { labels: { zone: 'x' } }, c: { labels: { zone: 'y' } } },
    spec: { Placement: { Preferences: [{ Spread: { SpreadDescriptor: 'node.labels.zone' } }] } },
    moves: ['a to b'],
  },
])('$it', ({ counts, moves, ...options }) => {
  expect(told(plan(counts as unknown as Record<string, number>, options as object))).toEqual(moves);
});

test('moves come to an end, none leads back, and afterwards no two nodes differ by more than one', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(6), { minLength: 1, maxLength: 5 }), (piles) => {
      const counts = Object.fromEntries(piles.map((count, at) => [`n${at}`, count]));
      const moves = plan(counts);
      expect(new Set(moves.map(({ taskID }) => taskID)).size).toBe(moves.length);
      for (const { from, to } of moves) {
        counts[from] = (counts[from] ?? 0) - 1;
        counts[to] = (counts[to] ?? 0) + 1;
      }
      const values = Object.values(counts);
      expect(Math.max(...values) - Math.min(...values)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 100 },
  );
});
