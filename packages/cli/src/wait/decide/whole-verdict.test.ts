import { expect, test } from 'vitest';
import type { Progress, SlotView, Verdict } from './convergence.ts';
import { decideWhole, type Part } from './whole-verdict.ts';

const part = (verdict: Verdict, slots: readonly SlotView[] = []): Progress => ({
  memory: { ended: new Set() },
  verdict,
  running: slots.filter(({ state }) => state === 'running').length,
  wanted: slots.length,
  word: 'running',
  slots,
});
const runs = part({ kind: 'converged', message: 'converged' });
const verifying = part({ kind: 'verifying', leftMs: 1 });
const failed = part({ kind: 'failed', message: 'it failed', failures: [], outcome: 'stands' });
const rolledBack = part({ kind: 'failed', message: 'rolled back', failures: [], outcome: 'rolled-back' });
const starting = part({ kind: 'waiting' }, [{ name: '1', state: 'starting', error: '' }]);
const held = part({ kind: 'waiting' }, [{ name: '1', state: 'pending', error: 'waiting for service db to be healthy (0 of 1)' }]);
const unseen = part({ kind: 'waiting' }, [{ name: '1', state: 'pending', error: '' }]);

const ROWS: readonly (readonly [string, readonly Part[], string])[] = [
  ['it is deployed when everything runs', [runs, runs], 'deployed'],
  ['it is waited for while one is watched', [runs, verifying], 'going-on'],
  ['before the first look nothing is known', [undefined], 'going-on'],
  ['a task that is held back is waited for', [runs, held], 'going-on'],
  ['a failure ends it once the others have ended', [runs, failed], 'failed'],
  ['a failure waits for those on their way', [starting, failed], 'going-on'],
  ['a failure does not wait for what is held back', [held, failed], 'failed'],
  ['a failure waits for what the scheduler has not seen', [unseen, failed], 'going-on'],
  ['a service that was removed is a failure', [runs, 'gone'], 'failed'],
  ['all that failed are back to what they were', [runs, rolledBack, rolledBack], 'rolled-back'],
  ['one of those that failed is not back', [rolledBack, failed], 'failed'],
];
test.each(ROWS)('%s', (_sentence, parts, verdict) => {
  expect(decideWhole(parts)).toBe(verdict);
});
