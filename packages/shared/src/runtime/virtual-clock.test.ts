import { expect, test } from 'vitest';
import { delay } from './clock.ts';
import { VirtualClock } from './virtual-clock.ts';

test('timers run in the order in which they are due, ties in which they were set', async () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  clock.setTimer(20, () => ran.push(`late at ${clock.monotonicMs()}`));
  clock.setTimer(10, () => ran.push(`first at ${clock.monotonicMs()}`));
  clock.setTimer(10, () => ran.push(`second at ${clock.monotonicMs()}`));
  const cancel = clock.setTimer(15, () => ran.push('cancelled'));
  cancel();
  await clock.advance(19);
  expect(ran).toEqual(['first at 10', 'second at 10']);
  await clock.advance(1);
  expect(ran.at(-1)).toBe('late at 20');
});

test('a chain of timers and promises runs to its end within one advance', async () => {
  const clock = new VirtualClock();
  const ran: number[] = [];
  const chain = (async () => {
    for (let step = 0; step < 3; step += 1) {
      await delay(clock, 10);
      ran.push(clock.monotonicMs());
    }
  })();
  await clock.advance(30);
  await chain;
  expect(ran).toEqual([10, 20, 30]);
});

test('after a stall what was due runs late, once', async () => {
  const clock = new VirtualClock();
  const ran: number[] = [];
  clock.setTimer(10, () => ran.push(clock.monotonicMs()));
  clock.stall(1000);
  expect(ran).toEqual([]);
  await clock.advance(0);
  expect(ran).toEqual([1000]);
});

test('a jump of the wall clock does not touch durations', () => {
  const clock = new VirtualClock(0);
  clock.jump(5000);
  expect([clock.now(), clock.monotonicMs()]).toEqual([5000, 0]);
});

test('advanceUntil says what did not come about', async () => {
  const clock = new VirtualClock();
  await expect(clock.advanceUntil(() => false, 100, 'a miracle')).rejects.toThrow('a miracle did not come about within 100 ms');
});
