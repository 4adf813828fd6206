import type { Clock } from '@swarm/shared/runtime/clock';
import { type Bucket, charge, decideRate, fullBucket, type RateLimit } from './decide/rate-limit.ts';

/** Rate limits per key. Keeps a bounded number of keys: the one used longest ago is forgotten, which fills its bucket. */
export class RateLimiter {
  readonly #clock: Clock;
  readonly #limit: RateLimit;
  readonly #maxKeys: number;
  /** Ordered by last use. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, limit: RateLimit, maxKeys: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#maxKeys = maxKeys;
  }

  /** Undefined when the attempt may go ahead, else after how long to try again. */
  attempt(key: string): { readonly retryAfterMs: number } | undefined {
    const now = this.#clock.monotonicMs();
    const { allowed, bucket, retryAfterMs } = decideRate(this.#limit, this.#bucket(key, now), now);
    this.#keep(key, bucket);
    return allowed ? undefined : { retryAfterMs };
  }

  charge(key: string, cost: number): void {
    const now = this.#clock.monotonicMs();
    this.#keep(key, charge(this.#limit, this.#bucket(key, now), cost, now));
  }

  #bucket(key: string, nowMs: number): Bucket {
    return this.#buckets.get(key) ?? fullBucket(this.#limit, nowMs);
  }

  #keep(key: string, bucket: Bucket): void {
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size <= this.#maxKeys) return;
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}

/** One IPv6 host has a whole /64 to choose addresses from. */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail = ''] = address.split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === '' ? [] : tail.split(':');
  const groups = address.includes('::')
    ? [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
    : left;
  return groups.slice(0, 4).join(':');
}
