import { expect, it } from 'vitest';
import { facts, serviceSpec } from '../testing/build.ts';
import { rulesOf } from './update-rules.ts';

const CONFIGS = { UpdateConfig: { Order: 'stop-first' }, RollbackConfig: { Order: 'start-first' } } as const;

it.each([
  ['no update', undefined, false],
  ['an update', 'updating', false],
  ['an update that is paused', 'paused', false],
  ['an update that is done', 'completed', false],
  ['a rollback', 'rollback_started', true],
  ['a rollback that is paused: what it has begun to hand over is handed over by its rules', 'rollback_paused', true],
  ['a rollback that is done', 'rollback_completed', false],
] as const)('the rules of %s', (_name, State, startFirst) => {
  const UpdateStatus = State === undefined ? {} : { UpdateStatus: { State, StartedAt: '', Message: '' } };
  expect(rulesOf(facts(serviceSpec({}, CONFIGS), UpdateStatus).service).startFirst).toBe(startFirst);
});
