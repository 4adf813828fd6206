/**
 * Silence is measured on the manager's own running time: what passes while it stands still itself (event loop blocked,
 * machine suspended) is nobody's silence.
 */
export interface RunningTime {
  /** Milliseconds that this manager has been running. */
  readonly ms: number;
  /** On the monotonic clock. */
  readonly tickedAtMs: number;
}

/** A tick that comes at most this late counts in full: timers are never exact. */
const TICK_SLACK_MS = 50;

/** A tick was due every `tickMs`: what is missing beyond that was a stall. */
export function advanceRunningTime(
  time: RunningTime,
  nowMs: number,
  tickMs: number,
): { readonly time: RunningTime; readonly stalledMs: number } {
  const passed = nowMs - time.tickedAtMs;
  const counted = passed > tickMs + TICK_SLACK_MS ? tickMs : passed;
  return { time: { ms: time.ms + counted, tickedAtMs: nowMs }, stalledMs: passed - counted };
}

/** The nodes to give up: not heard of for longer than the period. `heardAt` is in running time. */
export function decideSilent(heardAt: ReadonlyMap<string, number>, runningMs: number, periodMs: number): string[] {
  return [...heardAt]
    .filter(([, heardMs]) => runningMs - heardMs > periodMs)
    .map(([nodeID]) => nodeID)
    .sort();
}
