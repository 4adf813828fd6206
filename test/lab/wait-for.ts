import { delay, systemClock } from '@swarm/shared/runtime/clock';

const POLL_MS = 200;
/** Only ends what hangs: a slow machine fails no test. */
const LIMIT_MS = 300_000;

export interface WaitOptions {
  readonly timeoutMs?: number;
}

/**
 * Asks `probe` until it gives something truthy, and gives that back. After the timeout it fails with `what`, and
 * with the last thing the probe returned or threw, so that the failure says what was seen instead.
 */
export async function waitFor<T>(what: string, probe: () => Promise<T> | T, options: WaitOptions = {}): Promise<NonNullable<T>> {
  const timeoutMs = options.timeoutMs ?? LIMIT_MS;
  const deadline = systemClock.monotonicMs() + timeoutMs;
  let last = 'nothing';
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
      last = `it gave ${JSON.stringify(value)}`;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (systemClock.monotonicMs() >= deadline) throw new Error(`waited ${timeoutMs / 1000} s in vain for: ${what}\nlast seen: ${last}`);
    await delay(systemClock, POLL_MS);
  }
}

/**
 * Waits until `observe` gives a value that passes `expected`; for whole pictures (a list of tasks) where the failure
 * should print what the picture was.
 */
export async function waitUntil<T>(
  what: string,
  observe: () => Promise<T>,
  expected: (value: T) => boolean,
  options: WaitOptions = {},
): Promise<T> {
  const found = await waitFor(
    what,
    async () => {
      const value = await observe();
      if (!expected(value)) throw new Error(typeof value === 'string' ? value : JSON.stringify(value, undefined, 1));
      return { value };
    },
    options,
  );
  return found.value;
}
