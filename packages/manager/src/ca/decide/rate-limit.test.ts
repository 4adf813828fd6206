import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Bucket, charge, decideRate, fullBucket, type RateLimit } from './rate-limit.ts';

const limit: RateLimit = { capacity: 3, perSecond: 2 };

test('a full bucket allows its capacity at once, then says when to come again', () => {
  let bucket = fullBucket(limit, 0);
  for (let n = 0; n < 3; n += 1) {
    const decision = decideRate(limit, bucket, 0);
    expect(decision.allowed).toBe(true);
    bucket = decision.bucket;
  }
  const refused = decideRate(limit, bucket, 0);
  expect(refused).toMatchObject({ allowed: false, retryAfterMs: 500 });
  expect(decideRate(limit, refused.bucket, 499).allowed).toBe(false);
  expect(decideRate(limit, refused.bucket, 500).allowed).toBe(true);
});

test('a charge empties the bucket, never below nothing', () => {
  const bucket = charge(limit, fullBucket(limit, 0), 100, 0);
  expect(decideRate(limit, bucket, 0)).toMatchObject({ allowed: false, retryAfterMs: 500 });
});

test('in any time no more is allowed than the capacity and what that time fills', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(2_000), { minLength: 1, maxLength: 60 }), (pauses) => {
      let bucket: Bucket = fullBucket(limit, 0);
      let now = 0;
      let allowed = 0;
      for (const pause of pauses) {
        now += pause;
        const decision = decideRate(limit, bucket, now);
        if (decision.allowed) allowed += 1;
        else expect(decideRate(limit, decision.bucket, now + decision.retryAfterMs).allowed).toBe(true);
        bucket = decision.bucket;
      }
      expect(allowed).toBeLessThanOrEqual(limit.capacity + (now / 1000) * limit.perSecond);
    }),
  );
});
