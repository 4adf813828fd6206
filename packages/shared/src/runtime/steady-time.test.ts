import fc from 'fast-check';
import { expect, test } from 'vitest';
import { steadyTime } from './steady-time.ts';
import { VirtualClock } from './virtual-clock.ts';

test('while nobody sets the clock, it is the clock', () => {
  const clock = new VirtualClock(1_000);
  const now = steadyTime(clock);
  clock.stall(500);
  expect(now()).toBe(1_500);
});

test('a clock that is set forward is followed', () => {
  const clock = new VirtualClock(1_000);
  const now = steadyTime(clock);
  clock.jump(60_000);
  expect(now()).toBe(61_000);
});

test('after a clock was set back, it goes on at half the pace until the clock has caught up', () => {
  const clock = new VirtualClock(100_000);
  const now = steadyTime(clock);
  clock.jump(-10_000);
  expect(now()).toBe(100_000);
  clock.stall(8_000);
  expect(now()).toBe(104_000);
  clock.stall(12_000);
  expect(now()).toBe(110_000);
  clock.stall(1_000);
  expect(now()).toBe(111_000);
});

test('it goes on from a time that was reached before', () => {
  const clock = new VirtualClock(1_000);
  const now = steadyTime(clock, 5_000);
  expect(now()).toBe(5_000);
});

test('a time that was wrong by more than a day is forgotten once the clock is right', () => {
  const clock = new VirtualClock(1_000);
  const now = steadyTime(clock);
  clock.jump(25 * 3_600_000);
  expect(now()).toBe(1_000 + 25 * 3_600_000);
  clock.jump(-25 * 3_600_000);
  expect(now()).toBe(1_000);
});

test('however the clock is set within an hour, it never goes back and never stands still', () => {
  const step = fc.record({ jumpMs: fc.integer({ min: -100_000, max: 100_000 }), passMs: fc.integer({ min: 2, max: 100_000 }) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const clock = new VirtualClock();
      const now = steadyTime(clock);
      let last = now();
      for (const { jumpMs, passMs } of steps) {
        clock.jump(jumpMs);
        clock.stall(passMs);
        const next = now();
        expect(next).toBeGreaterThan(last);
        last = next;
      }
    }),
  );
});
