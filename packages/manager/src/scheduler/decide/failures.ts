/**
 * Failures of one service version on one node. A node where tasks of this version keep failing is avoided, as long as
 * there is a better one. Source: Docker Engine API, swarm routes, "Scheduler" (ranking).
 */
export interface FailureRecord {
  /** Milliseconds since the epoch, oldest first; only as many as ranking can tell apart. */
  readonly timesMs: readonly number[];
}

/** A failure counts this long. */
export const FAILURE_WINDOW_MS = 5 * 60 * 1000;
/** From this many on, failures decide before anything else. */
export const AVOIDED_FROM = 5;
/** More are not remembered. */
const MOST_REMEMBERED = 100;

export function recordFailure(record: FailureRecord | undefined, atMs: number, nowMs: number): FailureRecord {
  const timesMs = [...(record?.timesMs ?? []), atMs].filter((timeMs) => timeMs > nowMs - FAILURE_WINDOW_MS).sort((a, b) => a - b);
  return { timesMs: timesMs.slice(-MOST_REMEMBERED) };
}

/** What ranking compares: 0 below the threshold. */
export function countFailures(record: FailureRecord | undefined, nowMs: number): number {
  const recent = (record?.timesMs ?? []).filter((timeMs) => timeMs > nowMs - FAILURE_WINDOW_MS).length;
  return recent >= AVOIDED_FROM ? recent : 0;
}
