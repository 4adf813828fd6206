import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { WakeUps } from './wake-ups.ts';

function setUp() {
  const clock = new VirtualClock(1_000_000);
  const rung: string[] = [];
  const start = clock.now();
  const wakeUps = new WakeUps<string>(clock, (due) => rung.push(`${clock.now() - start}: ${[...due].sort().join(' ')}`));
  const at = (key: string, ms: number | undefined) => wakeUps.set(key, key, ms === undefined ? undefined : start + ms);
  return { clock, rung, wakeUps, at };
}

test('wakes each subject at its time, once, whatever the order in which they were set', async () => {
  const { clock, rung, at } = setUp();
  at('late', 300);
  at('early', 100);
  at('also early', 100);
  at('middle', 200);
  await clock.advance(1_000);
  expect(rung).toEqual(['100: also early early', '200: middle', '300: late']);
});

test('a later time replaces an earlier one, and no time cancels', async () => {
  const { clock, rung, at } = setUp();
  at('a', 100);
  at('a', 400);
  at('b', 100);
  at('b', undefined);
  await clock.advance(1_000);
  expect(rung).toEqual(['400: a']);
});

test('what is due already comes at the next turn', async () => {
  const { clock, rung, at } = setUp();
  at('a', -50);
  await clock.advance(0);
  expect(rung).toEqual(['0: a']);
});

test('stopped, nothing wakes any more', async () => {
  const { clock, rung, at, wakeUps } = setUp();
  at('a', 100);
  wakeUps.stop();
  await clock.advance(1_000);
  expect(rung).toEqual([]);
});
