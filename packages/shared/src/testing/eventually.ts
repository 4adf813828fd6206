import { vi } from 'vitest';

/** Only ends what hangs, before the time limit of the test does: a slow machine fails no test. */
const LIMIT_MS = 100_000;

/** Waits until `check` no longer throws, and gives what it gave. Fails with what it threw last. */
export function eventually<T>(check: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(check, { timeout: LIMIT_MS });
}
