/** Time as an argument: everything that waits or reads the time takes a `Clock`, so that a simulation can replace it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. May jump; use it for timestamps only. */
  now(): number;
  /** Milliseconds on a clock that never goes back. Use it to measure durations. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`. The returned function cancels it; cancelling twice is harmless. */
  setTimer(delayMs: number, callback: () => void): () => void;
}

/** The longest delay a Node timer takes; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/**
 * Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted.
 */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** RFC 3339 in UTC with nine fractional digits, as the Engine API writes timestamps. */
export function timestamp(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000000Z');
}

/** The moment that `text` names (RFC 3339 and what else `Date` reads), in UTC with milliseconds; undefined when it names none. */
export function utcTimestamp(text: string): string | undefined {
  const parsed = new Date(text);
  return Number.isNaN(parsed.getTime()) ? undefined : parsed.toISOString();
}

/** Milliseconds since the epoch of an RFC 3339 time. @throws on other text: times come from the store or from `timestamp`. */
export function epochMs(time: string): number {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) throw new Error(`not a time: "${time}"`);
  return ms;
}

/** What the Engine API prints for a time that was never set. */
export const ZERO_TIME = '0001-01-01T00:00:00Z';
