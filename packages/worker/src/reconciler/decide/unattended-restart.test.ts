import type { RestartPolicy } from '@swarm/shared/engine-api/service-spec';
import { describe, expect, test } from 'vitest';
import { decideUnattendedRestart, type EndedContainer, rememberRestart } from './unattended-restart.ts';

const NOW = 10_000_000;
const SECOND = 1e9;

interface Row {
  readonly policy?: RestartPolicy;
  readonly ended?: Partial<EndedContainer>;
  /** ms until the start, or undefined to give up. */
  readonly inMs: number | undefined;
}

const rows: { readonly [sentence: string]: Row } = {
  'without a policy it restarts five seconds after it ended': { inMs: 5000 },
  'the delay counts from the end': { ended: { endedAtMs: NOW - 2000 }, inMs: 3000 },
  'a delay that is over means now': { ended: { endedAtMs: NOW - 60_000 }, inMs: 0 },
  'a clock that was set back makes no longer wait': { ended: { endedAtMs: NOW + 3_600_000 }, inMs: 5000 },
  'condition none gives up': { policy: { Condition: 'none' }, inMs: undefined },
  'condition on-failure gives up after success': { policy: { Condition: 'on-failure' }, ended: { succeeded: true }, inMs: undefined },
  'condition on-failure restarts after a failure': { policy: { Condition: 'on-failure', Delay: 0 }, inMs: 0 },
  'condition any restarts after success': { policy: { Condition: 'any', Delay: 0 }, ended: { succeeded: true }, inMs: 0 },
  'a job that succeeded is done': { policy: { Condition: 'any' }, ended: { succeeded: true, isJob: true }, inMs: undefined },
  'attempts run out': { policy: { MaxAttempts: 2 }, ended: { restartTimes: [NOW - 9_000_000, NOW - 8_000_000] }, inMs: undefined },
  'attempts outside the window do not count': {
    policy: { MaxAttempts: 2, Window: 60 * SECOND, Delay: 0 },
    ended: { restartTimes: [NOW - 9_000_000, NOW - 8_000_000], endedAtMs: NOW - 1000 },
    inMs: 0,
  },
  'quick restarts slow down even without a delay': {
    policy: { Delay: 0 },
    ended: { restartTimes: [NOW - 30, NOW - 20, NOW - 10] },
    inMs: 800,
  },
  'and no slower than a minute': {
    policy: { Delay: 0 },
    ended: { restartTimes: Array.from({ length: 40 }, () => NOW) },
    inMs: 60_000,
  },
};

describe('without a manager', () => {
  test.each(Object.entries(rows))('%s', (_sentence, { policy, ended, inMs }) => {
    const decision = decideUnattendedRestart(policy, { succeeded: false, endedAtMs: NOW, isJob: false, restartTimes: [], ...ended }, NOW);
    expect(decision).toEqual(inMs === undefined ? { kind: 'give-up' } : { kind: 'restart', inMs });
  });

  test('as many restarts are remembered as can count', () => {
    let times: readonly number[] = [];
    for (let time = 0; time < 100; time++) times = rememberRestart(times, { MaxAttempts: 20 }, time);
    expect(times).toEqual(Array.from({ length: 20 }, (_, index) => 80 + index));
  });
});
