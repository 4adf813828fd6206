import { type Clock, delay } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import { EngineError } from '../engine/engine.ts';
import type { ImageStore } from '../images/image-store.ts';
import { decidePull, isForgettable, type PullKnowledge } from './decide/pull.ts';
import { untilAborted } from './until-aborted.ts';

/** Makes images available, one pull per reference at a time, shared by all tasks that wait for it. */
export interface ImagePulls {
  /**
   * Resolves with undefined once the image can be used, or with the sentence that says why it cannot. A failed pull is no
   * failure when the image is there. Rejects with the signal's reason, or EngineError `unavailable`.
   */
  prepare(reference: string, auth: string | undefined, signal: AbortSignal): Promise<string | undefined>;
}

interface RunningPull {
  readonly done: Promise<void>;
  readonly abort: AbortController;
  waiters: number;
}

export function createImagePulls(deps: { readonly images: ImageStore; readonly clock: Clock; readonly logger: Logger }): ImagePulls {
  const { images, clock, logger } = deps;
  const known = new Map<string, PullKnowledge>();
  const running = new Map<string, RunningPull>();

  async function pull(key: string, reference: string, auth: string | undefined, signal: AbortSignal): Promise<void> {
    const failures = known.get(key)?.failures ?? 0;
    try {
      await images.pull(reference, auth, signal);
      known.set(key, { checkedAtMs: clock.monotonicMs(), failures: 0 });
      logger.info({ image: reference }, 'image pulled');
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind === 'unavailable') throw error;
      known.set(key, { checkedAtMs: clock.monotonicMs(), failures: failures + 1, error: error.message });
      logger.warn({ image: reference, reason: error.message, failures: failures + 1 }, 'image could not be pulled');
    }
  }

  /** The pull of this reference that runs, or a new one. */
  function sharedPull(key: string, reference: string, auth: string | undefined): RunningPull {
    const present = running.get(key);
    if (present !== undefined) return present;
    const abort = new AbortController();
    const done = pull(key, reference, auth, abort.signal).finally(() => {
      if (running.get(key) === shared) running.delete(key);
    });
    done.catch(() => undefined);
    const shared: RunningPull = { abort, waiters: 0, done };
    running.set(key, shared);
    return shared;
  }

  /** The last waiter that leaves ends the pull; whoever comes then begins a new one. */
  async function join(key: string, reference: string, auth: string | undefined, signal: AbortSignal): Promise<void> {
    const shared = sharedPull(key, reference, auth);
    shared.waiters += 1;
    try {
      await untilAborted(shared.done, signal);
    } finally {
      shared.waiters -= 1;
      if (shared.waiters === 0) {
        if (running.get(key) === shared) running.delete(key);
        shared.abort.abort(new Error('no task waits for this image any more'));
      }
    }
  }

  function forgetOld(): void {
    for (const [key, knowledge] of known) if (isForgettable(knowledge, clock.monotonicMs())) known.delete(key);
  }

  return {
    async prepare(reference, auth, signal) {
      forgetOld();
      const key = `${reference} ${auth ?? ''}`;
      const isDigest = reference.includes('@');
      const present = (await images.inspect(reference)) !== undefined;
      const decision = decidePull({ isDigest, present }, known.get(key), clock.monotonicMs());
      if (decision.kind === 'use-local') return undefined;
      if (decision.inMs > 0) await delay(clock, decision.inMs, signal);
      await join(key, reference, auth, signal);
      if (present || (await images.inspect(reference)) !== undefined) return undefined;
      const reason = known.get(key)?.error;
      return `No such image: ${reference}${reason === undefined ? '' : `: ${reason}`}`;
    },
  };
}
