import { expect, test } from 'vitest';
import { runMutant } from './guards/run-mutant.ts';
import { runSeed } from './run-seed.ts';

test.each([7, 42, 4711])('seed %i does the same at the same times, whenever it is run', async (seed) => {
  const once = await runSeed({ seed });
  const again = await runSeed({ seed });
  expect({ hash: again.hash, turns: again.turns, story: again.story }).toEqual({ hash: once.hash, turns: once.turns, story: once.story });
});

test('to tell all that the cluster does changes nothing of it', async () => {
  const once = await runSeed({ seed: 7 });
  const told = await runSeed({ seed: 7, tellsAll: true });
  expect([told.hash, told.turns]).toEqual([once.hash, once.turns]);
  expect(told.story.length).toBeGreaterThan(once.story.length);
});

test('two seeds do not do the same', async () => {
  const [a, b] = [await runSeed({ seed: 1 }), await runSeed({ seed: 2 })];
  expect(a.hash).not.toBe(b.hash);
});

test('a seed that breaks a promise tells its story, and breaks it the same way in another process', async () => {
  const [once, again] = await Promise.all([runMutant(0), runMutant(0)]);
  expect(again).toEqual(once);
  expect(once.told).toContain(`BROKEN: ${once.violation}`);
  expect(once.told).toMatch(/operator: create a service/);
  expect(once.told).toContain(`npm run simulate -- ${once.seed}`);
});
