import type { Task } from '@swarm/shared/domain/objects';
import { expect, test } from 'vitest';
import { facts, serviceSpec, task } from '../testing/build.ts';
import { decideReap } from './reap.ts';

const { service } = facts();
const job = facts(serviceSpec({}, { Mode: { ReplicatedJob: {} } }), {
  JobStatus: { JobIteration: { Index: 2 }, LastExecution: '' },
}).service;
const renewed = facts(serviceSpec(), { specVersion: 2, UpdateStatus: { State: 'completed', Message: '' } }).service;
const dead = (name: string, createdS: number, more: object = {}) => task(name, { state: 'failed', desired: 'shutdown', createdS, ...more });
const deadOnes = (count: number) => Array.from({ length: count }, (_, index) => dead(`d${index}`, index));
const restart = { origin: { kind: 'restart' } } as const;

interface Row {
  readonly it: string;
  readonly tasks: readonly Task[];
  readonly service?: typeof service | undefined;
  readonly limit?: number;
  readonly maxAttempts?: number;
  readonly isNodeGone?: boolean;
  readonly reaped: readonly string[];
}

const rows: readonly Row[] = [
  { it: 'five per seat are kept, the live one counts', tasks: [...deadOnes(6), task('live', { createdS: 9 })], reaped: ['d0', 'd1'] },
  { it: 'a negative limit keeps all', tasks: [...deadOnes(20), task('live')], limit: -1, reaped: [] },
  {
    it: 'a limit of zero keeps no history of a living seat',
    tasks: [dead('d', 0), task('live', { createdS: 1 })],
    limit: 0,
    reaped: ['d'],
  },
  { it: 'a limit of zero keeps why a seat is empty', tasks: deadOnes(3), limit: 0, reaped: ['d0', 'd1'] },
  { it: 'a limited number of attempts keeps that many and one', tasks: deadOnes(9), maxAttempts: 7, limit: 2, reaped: ['d0'] },
  {
    it: 'restarts that are counted are kept before other history',
    tasks: [dead('a', 0), dead('b', 1, restart), dead('c', 2, restart), dead('d', 3), task('live', { createdS: 4 })],
    maxAttempts: 2,
    reaped: ['a', 'd'],
  },
  {
    it: 'while an update goes on its newest renewal of the seat is kept, from which failures are counted',
    tasks: [dead('r', 0, { origin: { kind: 'update' } }), dead('a', 1, restart), dead('b', 2, restart), task('live', { createdS: 3 })],
    service: facts(serviceSpec(), { UpdateStatus: { State: 'updating', Message: '' } }).service,
    limit: 1,
    reaped: ['a', 'b'],
  },
  {
    it: 'when the update is over, the renewal that failed beside the old task is kept: it would be tried again without',
    tasks: [task('old', { template: 'old' }), dead('r', 1, { specVersion: 2, origin: { kind: 'update' } })],
    service: renewed,
    limit: 0,
    reaped: [],
  },
  {
    it: 'but not beside a task that was made after it',
    tasks: [dead('r', 1, { specVersion: 2, origin: { kind: 'update' } }), task('live', { specVersion: 2, createdS: 2 })],
    service: renewed,
    limit: 0,
    reaped: ['r'],
  },
  { it: 'what still stops stays', tasks: [task('a', { desired: 'remove' }), task('b', { desired: 'shutdown' })], limit: 0, reaped: [] },
  {
    it: 'what was to be removed goes once it has ended',
    tasks: [task('a', { desired: 'remove', state: 'shutdown' }), task('live')],
    reaped: ['a'],
  },
  {
    it: 'what was to be removed before a worker saw it goes at once',
    tasks: [task('a', { desired: 'remove', state: 'pending' })],
    reaped: ['a'],
  },
  { it: 'a removed service leaves nothing', tasks: [task('a', { desired: 'remove', state: 'failed' })], service: undefined, reaped: ['a'] },
  {
    it: 'what a job has completed in its present iteration stays',
    tasks: [task('a', { state: 'complete', desired: 'complete', iteration: 2, createdS: 1 })],
    service: job,
    limit: 0,
    reaped: [],
  },
  {
    it: 'what a job has completed again, since what it depends on was renewed, is history but for the newest',
    tasks: [
      task('a', { state: 'complete', desired: 'complete', iteration: 2, createdS: 1 }),
      task('b', { state: 'complete', desired: 'complete', iteration: 2, createdS: 2 }),
      task('c', { state: 'complete', desired: 'complete', iteration: 2, createdS: 3 }),
      task('again', { state: 'pending', desired: 'complete', iteration: 2, createdS: 4 }),
    ],
    service: job,
    limit: 0,
    reaped: ['a', 'b'],
  },
  {
    it: 'a node that was removed leaves no history',
    tasks: [dead('a', 0), dead('b', 1), task('stops', { state: 'running', desired: 'shutdown', createdS: 2 })],
    isNodeGone: true,
    reaped: ['a', 'b'],
  },
  {
    it: 'what it completed in an older one is history',
    tasks: [
      task('a', { state: 'complete', desired: 'complete', iteration: 1 }),
      task('b', { desired: 'complete', iteration: 2, createdS: 1 }),
    ],
    service: job,
    limit: 1,
    reaped: ['a'],
  },
];

test.each(rows)('$it', (row) => {
  const reaped = decideReap({
    tasks: row.tasks,
    service: 'service' in row ? row.service : service,
    historyLimit: row.limit ?? 5,
    ...(row.maxAttempts !== undefined && { maxAttempts: row.maxAttempts }),
    ...(row.isNodeGone !== undefined && { isNodeGone: row.isNodeGone }),
  });
  expect(reaped.map(({ ID }) => ID).sort()).toEqual(row.reaped);
});
