import { expect, test } from 'vitest';
import { compare, judge, parseDocumented } from './compare.ts';
import { normaliseText, normaliseValue, tidy } from './normalise.ts';

const TABLE = '| step | path | reason |\n| --- | --- | --- |\n| `GET /a*` | `body.X` | because |\n| `GET /b` | `*` | no more |\n';
const documented = parseDocumented(TABLE);

test('the rows of a table are read, its head is not', () => {
  expect(documented).toEqual([
    { step: 'GET /a*', path: 'body.X', reason: 'because' },
    { step: 'GET /b', path: '*', reason: 'no more' },
  ]);
});

test('a difference without a row fails, and so does a row without a difference', () => {
  const differences = compare('GET /all', { body: { X: 1, Y: [1] } }, { body: { X: 2, Y: [2] } });
  expect(judge(differences, documented)).toEqual({
    undocumented: [{ step: 'GET /all', path: 'body.Y.0', reference: '1', subject: '2' }],
    obsolete: [{ step: 'GET /b', path: '*', reason: 'no more' }],
  });
});

test('absent, null and empty are different answers', () => {
  for (const [left, right] of [
    [undefined, null],
    [null, ''],
    [[], null],
    [{}, []],
  ]) {
    expect(compare('step', { body: left }, { body: right })).toHaveLength(1);
  }
});

test('ids, times and versions are taken out, the never-set time is not mistaken for one', () => {
  const names = { ids: new Map([['abcdefghijklmnopqrstuvwxy', 'web']]) };
  expect(normaliseText('abcdefghijklmnopqrstuvwxy at 2026-01-02T03:04:05.6Z', names)).toBe('<web> at <time>');
  expect(normaliseValue({ Version: { Index: 5 }, At: '0001-01-01T00:00:00Z' }, names)).toEqual({
    Version: { Index: '<Index>' },
    At: '<never>',
  });
});

test('lists of objects have the same order on both sides', () => {
  const names = { ids: new Map() };
  expect(normaliseValue([{ Name: 'b' }, { Name: 'a' }], names)).toEqual([{ Name: 'a' }, { Name: 'b' }]);
});

test.each([
  ['an object that one side lacks', [{ Name: 'a' }, { Name: 'b' }], [{ Name: 'b' }], ['body.a']],
  [
    'a field of one of them',
    [{ Spec: { Name: 'a' }, X: 1 }, { Spec: { Name: 'b' } }],
    [{ Spec: { Name: 'a' }, X: 2 }, { Spec: { Name: 'b' } }],
    ['body.a.X'],
  ],
  ['two of a name are told apart by their place', [{ Name: 'a' }, { Name: 'a' }], [{ Name: 'a' }, { Name: 'a', X: 1 }], ['body.1.X']],
  ['a line that one side lacks', ['one', 'two'], ['two'], ['body']],
  ['the same words in another order', ['one', 'two'], ['two', 'one'], ['body']],
])('%s is found where it is', (_, reference, subject, paths) => {
  expect(compare('step', { body: reference }, { body: subject }).map(({ path }) => path)).toEqual(paths);
});

test('of lines only those that differ are shown', () => {
  expect(compare('step', ['same', 'theirs'], ['ours', 'same'])).toEqual([
    { step: 'step', path: '', reference: '["theirs"]', subject: '["ours"]' },
  ]);
});

test('of what a command printed its progress is left out, and of an update whether it saw the end', () => {
  const printed = 'name\noverall progress: 0 out of 1 tasks\n1/1: running   [=>]\nverify: Waiting 1 seconds\nverify: Service converged\n';
  expect(tidy(printed, ['service', 'create'])).toEqual(['name', 'verify: Service converged']);
  expect(tidy(printed, ['service', 'update'])).toEqual(['name']);
});

test.each([
  ['abcdefghij12\nabcdefghij34\n', '<id>\n<id>\n'],
  ['Up 3 seconds', 'Up <ago>'],
  ['Running about a minute ago', 'Running <ago>'],
  ['differential:1', 'differential:1'],
])('%j is %j on both sides', (text, expected) => {
  expect(normaliseText(text, { ids: new Map() })).toBe(expected);
});
