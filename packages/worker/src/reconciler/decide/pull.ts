/**
 * When an image is pulled. Docker pulls for every task; here the tasks of a host share what one pull found out, so that
 * thirty replicas ask a registry once and an unreachable registry makes them wait once.
 */
export interface PullKnowledge {
  /** Monotonic ms of the end of the newest pull of this reference. */
  readonly checkedAtMs: number;
  /** Failed pulls since the last one that worked. */
  readonly failures: number;
  readonly error?: string;
}

export type PullDecision = { readonly kind: 'use-local' } | { readonly kind: 'pull'; readonly inMs: number };

/** How long a pull that worked speaks for the tasks that come after it. */
const FRESH_MS = 10_000;
const FIRST_BACK_OFF_MS = 5000;
const LONGEST_BACK_OFF_MS = 60_000;

export function decidePull(
  image: { readonly isDigest: boolean; readonly present: boolean },
  known: PullKnowledge | undefined,
  nowMs: number,
): PullDecision {
  if (image.present && image.isDigest) return { kind: 'use-local' };
  if (known === undefined) return { kind: 'pull', inMs: 0 };
  const dueInMs = known.checkedAtMs + holdsForMs(known) - nowMs;
  if (image.present && dueInMs > 0) return { kind: 'use-local' };
  // An image that a pull has brought and that is gone again is pulled at once; one that could not be had, later.
  return { kind: 'pull', inMs: known.failures === 0 ? 0 : Math.max(0, dueInMs) };
}

export function isForgettable(known: PullKnowledge, nowMs: number): boolean {
  return nowMs - known.checkedAtMs > 2 * LONGEST_BACK_OFF_MS;
}

function holdsForMs(known: PullKnowledge): number {
  return known.failures === 0 ? FRESH_MS : Math.min(LONGEST_BACK_OFF_MS, FIRST_BACK_OFF_MS * 2 ** (known.failures - 1));
}
