/** A bucket that fills at a steady rate up to `capacity`; each attempt takes from it what it costs. */
export interface RateLimit {
  readonly capacity: number;
  readonly perSecond: number;
}

export interface Bucket {
  readonly level: number;
  /** Monotonic. */
  readonly atMs: number;
}

export function fullBucket(limit: RateLimit, nowMs: number): Bucket {
  return { level: limit.capacity, atMs: nowMs };
}

/** The bucket after the attempt. An attempt that finds less than one in it is refused, and costs nothing. */
export function decideRate(
  limit: RateLimit,
  bucket: Bucket,
  nowMs: number,
): { readonly allowed: boolean; readonly bucket: Bucket; readonly retryAfterMs: number } {
  const filled = refill(limit, bucket, nowMs);
  if (filled.level >= 1) return { allowed: true, bucket: { ...filled, level: filled.level - 1 }, retryAfterMs: 0 };
  return { allowed: false, bucket: filled, retryAfterMs: Math.ceil(((1 - filled.level) / limit.perSecond) * 1000) };
}

/** What an attempt that turned out to be bad costs besides. */
export function charge(limit: RateLimit, bucket: Bucket, cost: number, nowMs: number): Bucket {
  const filled = refill(limit, bucket, nowMs);
  return { ...filled, level: Math.max(0, filled.level - cost) };
}

function refill(limit: RateLimit, bucket: Bucket, nowMs: number): Bucket {
  const gained = (Math.max(0, nowMs - bucket.atMs) / 1000) * limit.perSecond;
  return { level: Math.min(limit.capacity, bucket.level + gained), atMs: nowMs };
}
