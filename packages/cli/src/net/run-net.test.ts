import { expect, it } from 'vitest';
import { parseWords } from './run-net.ts';

it('takes a folder and both sockets or none, and says what it needs otherwise', () => {
  expect(parseWords(['--folder', '/f', '--listen', '/a', '--api=/b'])).toEqual({ folder: '/f', listen: '/a', api: '/b' });
  expect(parseWords(['--folder', '/f'])).toEqual({ folder: '/f' });
  for (const words of [[], ['--listen', '/a', '--api', '/b'], ['--folder', '/f', '--api', '/b'], ['--nope'], ['word'], ['--folder']]) {
    expect(() => parseWords(words)).toThrow(/needs --folder PATH/);
  }
});
