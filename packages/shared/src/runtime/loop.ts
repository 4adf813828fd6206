import type { Clock } from './clock.ts';

/**
 * All loops look alike: one full pass at start, then a pass on every wake or tick, debounced, one at a time. A pass
 * is safe to repeat: events only wake it, what it reads is the truth. An error thrown by a pass is not caught: it
 * goes to `onFailure`, which ends the daemon loudly.
 */
export interface Loop {
  /** Asks for a pass soon. Cheap; calling it often costs nothing. */
  wake(): void;
  /** Resolves when no pass runs and none is due, for tests and for a clean stop. */
  idle(): Promise<void>;
  /** Stops the loop. A pass that runs sees its signal aborted; resolves when it has ended. */
  stop(): Promise<void>;
}

export interface LoopOptions {
  readonly clock: Clock;
  /** Runs once per wake or tick. `signal` is aborted when the loop is stopped. */
  readonly pass: (signal: AbortSignal) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
  /** Quiet time after a wake before the pass starts. */
  readonly debounceMs?: number;
  /** The longest that further wakes can put a pass off. */
  readonly maxDebounceMs?: number;
  /** A pass runs at least this often, woken or not. Absent: only when woken. */
  readonly tickMs?: number;
}

export function startLoop(options: LoopOptions): Loop {
  const { clock, pass, onFailure, debounceMs = 0, maxDebounceMs = debounceMs * 20, tickMs } = options;
  const abort = new AbortController();
  let running: Promise<void> | undefined;
  let wokenAt: number | undefined;
  let cancelTimer: (() => void) | undefined;
  let cancelTick: (() => void) | undefined;
  let idleWaiters: (() => void)[] = [];

  function schedule(): void {
    if (running !== undefined || wokenAt === undefined || abort.signal.aborted) return;
    const waited = clock.monotonicMs() - wokenAt;
    const wait = Math.max(0, Math.min(debounceMs, maxDebounceMs - waited));
    cancelTimer?.();
    cancelTimer = clock.setTimer(wait, run);
  }

  function run(): void {
    cancelTimer = undefined;
    cancelTick?.();
    wokenAt = undefined;
    running = pass(abort.signal)
      .catch((error: unknown) => {
        if (!abort.signal.aborted) onFailure(error);
      })
      .then(() => {
        running = undefined;
        if (tickMs !== undefined && !abort.signal.aborted) cancelTick = clock.setTimer(tickMs, tick);
        schedule();
        if (wokenAt === undefined || abort.signal.aborted) {
          for (const resolve of idleWaiters) resolve();
          idleWaiters = [];
        }
      });
  }

  /** Nothing to wait for: a tick follows a quiet time. After a wake the pass that is due comes in its own time. */
  function tick(): void {
    if (wokenAt === undefined) run();
  }

  function wake(): void {
    if (abort.signal.aborted) return;
    wokenAt ??= clock.monotonicMs();
    schedule();
  }

  wake();
  return {
    wake,
    idle: () => {
      if (running === undefined && wokenAt === undefined) return Promise.resolve();
      return new Promise((resolve) => idleWaiters.push(resolve));
    },
    async stop() {
      abort.abort(new Error('loop stopped'));
      cancelTimer?.();
      cancelTick?.();
      wokenAt = undefined;
      await running;
      for (const resolve of idleWaiters) resolve();
      idleWaiters = [];
    },
  };
}
