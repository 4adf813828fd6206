/** The part of a certificate's life after which it is renewed: somewhere in between, so that nodes do not come at once. */
const EARLIEST = 0.5;
const LATEST = 0.8;

export interface Validity {
  readonly fromMs: number;
  readonly toMs: number;
}

/** When to renew, on the wall clock. An expired certificate: now. `fraction` is in [0, 1). Source: swarmkit, 50 to 80 %. */
export function decideRenewal({ fromMs, toMs }: Validity, fraction: number, nowMs: number): number {
  if (toMs <= nowMs) return nowMs;
  return Math.max(nowMs, fromMs + (toMs - fromMs) * (EARLIEST + (LATEST - EARLIEST) * fraction));
}
