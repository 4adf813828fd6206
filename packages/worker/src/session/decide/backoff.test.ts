import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decideBackoffMs } from './backoff.ts';

test.each([
  { rounds: 0, period: 60_000, atLeast: 50, below: 100 },
  { rounds: 1, period: 60_000, atLeast: 100, below: 200 },
  { rounds: 6, period: 60_000, atLeast: 3_200, below: 6_400 },
  { rounds: 1_000_000, period: 60_000, atLeast: 4_000, below: 8_000 },
  { rounds: 1_000_000, period: 5_000, atLeast: 1_250, below: 2_500 },
])('after $rounds rounds, with a heartbeat period of $period ms, between $atLeast and $below ms', ({ rounds, period, atLeast, below }) => {
  expect(decideBackoffMs(rounds, period, 0)).toBe(atLeast);
  expect(decideBackoffMs(rounds, period, 0.999_999)).toBeLessThan(below);
});

test('whatever the chance, a node dials at least twice within a heartbeat period', () => {
  fc.assert(
    fc.property(
      fc.nat(100),
      fc.integer({ min: 500, max: 600_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (rounds, period, fraction) => {
        expect(decideBackoffMs(rounds, period, fraction)).toBeLessThanOrEqual(period / 2);
      },
    ),
  );
});
