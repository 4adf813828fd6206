import { expect, test } from 'vitest';
import { logOutput, MOST_KEPT_BYTES } from './log-output.ts';

/** A file with room for so many bytes. */
function disk(room: number) {
  const state = { room, text: '' };
  const write = (bytes: Uint8Array) => {
    if (state.room === 0) throw new Error('ENOSPC: no space left on device, write');
    const taken = bytes.subarray(0, state.room);
    state.room -= taken.length;
    state.text += Buffer.from(taken).toString('utf8');
    return taken.length;
  };
  return { state, output: logOutput(write, () => 'noon') };
}

test('lines are written as they come', () => {
  const { state, output } = disk(100);
  output.write('one\n');
  expect(state.text).toBe('one\n');
  output.write('two\n');
  expect(state.text).toBe('one\ntwo\n');
});

test('what a full disk did not take comes before the next line, none cut in two', () => {
  const { state, output } = disk(6);
  for (const line of ['one\n', 'two\n', 'three\n']) output.write(line);
  expect(state.text).toBe('one\ntw');
  state.room = 100;
  output.write('four\n');
  expect(state.text).toBe('one\ntwo\nthree\nfour\n');
});

test('of a disk that stays full so many lines are kept, and the others are counted', () => {
  const { state, output } = disk(0);
  const line = `${'x'.repeat(1023)}\n`;
  const kept = MOST_KEPT_BYTES / line.length;
  for (let at = 0; at < kept + 7; at += 1) output.write(line);
  state.room = 1e6;
  output.write('last\n');
  const lines = state.text.trimEnd().split('\n');
  expect(lines.slice(0, kept).every((text) => text === line.trimEnd())).toBe(true);
  expect(lines.slice(kept)).toEqual([
    '{"level":"warn","time":"noon","lines":7,"msg":"lines of this log are lost: it could not be written"}',
    'last',
  ]);
});
