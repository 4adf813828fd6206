import { expect, it } from 'vitest';
import { parseWords } from './run-net.ts';

it('takes both sockets, and says what it needs otherwise', () => {
  expect(parseWords(['--listen', '/a', '--api=/b'])).toEqual({ listen: '/a', api: '/b' });
  for (const words of [[], ['--listen', '/a'], ['--nope'], ['word'], ['--api']]) {
    expect(() => parseWords(words)).toThrow(/needs --listen PATH and --api PATH/);
  }
});
