import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { addressKey, RateLimiter } from './rate-limiter.ts';

test('each key has a bucket of its own, and only so many are remembered', () => {
  const limiter = new RateLimiter(new VirtualClock(), { capacity: 1, perSecond: 1 }, 2);
  expect(limiter.attempt('a')).toBeUndefined();
  expect(limiter.attempt('a')).toEqual({ retryAfterMs: 1000 });
  expect(limiter.attempt('b')).toBeUndefined();
  expect(limiter.attempt('a')).toBeDefined();
  // A third key pushes out "b", which was used longest ago; "a" stays limited.
  expect(limiter.attempt('c')).toBeUndefined();
  expect(limiter.attempt('a')).toBeDefined();
  expect(limiter.attempt('b')).toBeUndefined();
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::9', '2001:db8:1:2'],
  ['2001:db8::9', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
])('%s is limited as %s', (address, key) => {
  expect(addressKey(address)).toBe(key);
});
