import type { Clock } from './clock.ts';

/** While the wall clock is behind, this time goes at this share of its pace until it has caught up. */
const SLOWED = 0.5;

/** A clock that was further ahead than this was plainly wrong: what it said is forgotten as soon as it is set right. */
const LONGEST_AHEAD_MS = 24 * 60 * 60 * 1000;

/**
 * Milliseconds since the epoch that do not go back. A wall clock that was set forward is followed at once; after one was
 * set back this time goes on more slowly until the two agree again. For whoever orders things by their times, or waits
 * for one: with a bare wall clock, what was made before the change seems to be newer than what is made now.
 */
export function steadyTime(clock: Clock, notBeforeMs = 0): () => number {
  let steadyMs = Math.max(clock.now(), notBeforeMs);
  let readAtMs = clock.monotonicMs();
  return () => {
    const passedMs = clock.monotonicMs() - readAtMs;
    readAtMs += passedMs;
    const wallMs = clock.now();
    const slowedMs = steadyMs + SLOWED * passedMs;
    steadyMs = slowedMs - wallMs > LONGEST_AHEAD_MS ? wallMs : Math.max(wallMs, slowedMs);
    return Math.floor(steadyMs);
  };
}
