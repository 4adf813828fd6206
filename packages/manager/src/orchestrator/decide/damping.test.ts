import { timestamp } from '@swarm/shared/runtime/clock';
import { expect, test } from 'vitest';
import { down, node, T0 } from '../testing/build.ts';
import { decideDamping, endDamping, mayDampOneMore } from './damping.ts';

const minutes = (...at: number[]) => at.map((minute) => timestamp(T0 + minute * 60_000));

test.each([
  { it: 'going down once is no flapping', before: [], until: undefined },
  { it: 'nor is twice', before: minutes(-3), until: undefined },
  { it: 'three times in ten minutes is: a minute without new tasks', before: minutes(-6, -3), until: 1 },
  { it: 'each further time doubles that', before: minutes(-8, -6, -4, -3), until: 4 },
  { it: 'up to ten minutes', before: minutes(-9, -8, -7, -6, -5, -4, -3, -2, -1), until: 10 },
  { it: 'what is long ago does not count', before: minutes(-30, -20, -3), until: undefined },
])('$it', ({ before, until }) => {
  const damped = decideDamping({ downs: before }, T0, true).damped;
  expect(damped?.until).toBe(until === undefined ? undefined : minutes(until)[0]);
});

test('when too many nodes are damped no other one is', () => {
  expect(decideDamping({ downs: minutes(-2, -1) }, T0, false).damped).toBeUndefined();
  const damped = node('A', { damped: { until: '' } });
  expect(mayDampOneMore([damped, node('B')])).toBe(false);
  expect(mayDampOneMore([damped, node('B'), node('C')])).toBe(true);
  expect(mayDampOneMore([down('A')])).toBe(false);
});

test('damping ends when its time is over, not before', () => {
  const damped = { downs: minutes(-12, -4), damped: { until: minutes(1)[0] as string } };
  expect(endDamping(damped, T0)).toBeUndefined();
  expect(endDamping(damped, T0 + 60_000)).toEqual({ downs: minutes(-4) });
  expect(endDamping({}, T0)).toBeUndefined();
});
