import type { RestartPolicy } from '@swarm/shared/engine-api/service-spec';

/**
 * May a container that ended start again while no manager is reachable? Rule: the service's own restart policy, as the
 * orchestrator reads it, with a pace that slows down while restarts follow one another.
 * Source of the defaults: Docker Engine API, RestartPolicy (condition any, delay 5 s, no limit).
 */
export interface EndedContainer {
  /** It did what it was there for: exit code 0, and not stopped for its health. */
  readonly succeeded: boolean;
  /** ms since the epoch. */
  readonly endedAtMs: number;
  /** A job's task: success ends it whatever the condition says. */
  readonly isJob: boolean;
  readonly restartTimes: readonly number[];
}

export type UnattendedRestart = { readonly kind: 'give-up' } | { readonly kind: 'restart'; readonly inMs: number };

const DEFAULT_DELAY_MS = 5000;
const FIRST_PACE_MS = 100;
const LONGEST_PACE_MS = 60_000;
/** Restarts older than this do not slow down the next one. */
const PACE_WINDOW_MS = 10 * 60_000;
const MS_PER_NANOSECOND = 1e-6;

export function decideUnattendedRestart(policy: RestartPolicy | undefined, ended: EndedContainer, nowMs: number): UnattendedRestart {
  const condition = policy?.Condition ?? 'any';
  if (condition === 'none') return { kind: 'give-up' };
  if (ended.succeeded && (condition === 'on-failure' || ended.isJob)) return { kind: 'give-up' };
  const maxAttempts = policy?.MaxAttempts ?? 0;
  const windowMs = (policy?.Window ?? 0) * MS_PER_NANOSECOND;
  const counted = windowMs > 0 ? ended.restartTimes.filter((time) => nowMs - time < windowMs) : ended.restartTimes;
  if (maxAttempts > 0 && counted.length >= maxAttempts) return { kind: 'give-up' };
  const delayMs = policy?.Delay === undefined ? DEFAULT_DELAY_MS : policy.Delay * MS_PER_NANOSECOND;
  const waitMs = Math.max(delayMs, paceMs(ended.restartTimes, nowMs));
  const since = Math.max(ended.endedAtMs, ended.restartTimes.at(-1) ?? 0);
  // A wall clock that was set back must not turn a short wait into a long one.
  return { kind: 'restart', inMs: Math.max(0, Math.min(waitMs, since + waitMs - nowMs)) };
}

function paceMs(restartTimes: readonly number[], nowMs: number): number {
  const recent = restartTimes.filter((time) => nowMs - time < PACE_WINDOW_MS).length;
  return recent === 0 ? 0 : Math.min(LONGEST_PACE_MS, FIRST_PACE_MS * 2 ** recent);
}

/** The times that can still count: as many as the policy's limit, and enough to keep the pace. */
export function rememberRestart(restartTimes: readonly number[], policy: RestartPolicy | undefined, nowMs: number): readonly number[] {
  const enoughForPace = Math.ceil(Math.log2(LONGEST_PACE_MS / FIRST_PACE_MS));
  return [...restartTimes, nowMs].slice(-Math.max(policy?.MaxAttempts ?? 0, enoughForPace));
}
