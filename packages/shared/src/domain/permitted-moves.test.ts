import { expect, test } from 'vitest';
import { asID } from '../runtime/ids.ts';
import type { Task } from './objects.ts';
import { assertPermittedMove, explainForbiddenMove, type TaskWriter } from './permitted-moves.ts';

const task = (State: Task['Status']['State'], DesiredState: Task['DesiredState'] = 'running', more: Partial<Task> = {}): Task => ({
  ID: asID('t'),
  Version: { Index: 1 },
  CreatedAt: '',
  UpdatedAt: '',
  ServiceID: asID('s'),
  templateID: asID('p'),
  specVersion: 1,
  Slot: 1,
  DesiredState,
  Status: { State, Timestamp: '' },
  ...more,
});
const onNode = { NodeID: asID<NonNullable<Task['NodeID']>>('n') };

const moves: readonly [what: string, writer: TaskWriter, before: Task | undefined, after: Task | undefined, reason: string | undefined][] =
  [
    ['the orchestrator creates a task as new', 'orchestrator', undefined, task('new'), undefined],
    ['the scheduler creates a task', 'scheduler', undefined, task('new'), 'only the orchestrator'],
    ['a task begins higher up', 'orchestrator', undefined, task('pending'), 'begin as new'],
    ['the allocator writes pending', 'allocator', task('new'), task('pending'), undefined],
    ['the scheduler chooses a node', 'scheduler', task('pending'), task('assigned', 'running', onNode), undefined],
    ['the allocator chooses a node', 'allocator', task('new'), task('pending', 'running', onNode), 'wrote NodeID'],
    ['the worker climbs several rungs', 'worker', task('assigned'), task('running'), undefined],
    ['the worker goes back', 'worker', task('running'), task('preparing'), 'went back from running to preparing'],
    ['the worker writes a desired state', 'worker', task('running'), task('running', 'shutdown'), 'wrote DesiredState'],
    ['the orchestrator starts a prepared task', 'orchestrator', task('ready', 'ready'), task('ready', 'running'), undefined],
    ['the orchestrator revives a stopped task', 'orchestrator', task('running', 'shutdown'), task('running'), 'from shutdown to running'],
    ['the enforcer rejects a task', 'orchestrator', task('running'), task('rejected'), undefined],
    ['the orchestrator says that a task runs', 'orchestrator', task('starting'), task('running'), 'wrote rung running'],
    ['the worker orphans a task', 'worker', task('running'), task('orphaned'), 'wrote rung orphaned'],
    ['a task gets another template', 'orchestrator', task('new'), task('new', 'running', { templateID: asID('q') }), 'nobody'],
    ['a running task is removed', 'orchestrator', task('running', 'remove'), undefined, 'was removed while running'],
    ['an ended task is removed', 'orchestrator', task('failed', 'shutdown'), undefined, undefined],
    ['a task that no worker has seen is removed', 'orchestrator', task('pending', 'remove'), undefined, undefined],
    ['a wanted task that no worker has seen is removed', 'orchestrator', task('pending'), undefined, 'was removed while pending'],
  ];

test.each(moves)('%s', (_, writer, before, after, reason) => {
  const found = explainForbiddenMove(writer, before, after);
  if (reason === undefined) expect(found).toBeUndefined();
  else expect(found).toContain(reason);
});

test('the assertion throws the reason', () => {
  expect(() => assertPermittedMove('worker', task('running'), task('ready'))).toThrow('went back');
});
