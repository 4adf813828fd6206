import { PassThrough, type Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { readAll, readLine } from './read-stdin.ts';

const never = new AbortController().signal;

describe('standard input that goes on, as at a terminal', () => {
  it('is read up to Enter where one line is asked for', async () => {
    const stdin = new PassThrough();
    const line = readLine(stdin, never);
    stdin.write('the ');
    stdin.write('key\nand more');
    expect(await line).toBe('the key');
  });

  it('without an end of its line is what there is', async () => {
    const stdin = new PassThrough();
    stdin.end('the key');
    expect(await readLine(stdin, never)).toBe('the key');
    expect(await readLine(new PassThrough().end(), never)).toBe('');
  });

  it('is read to its end where all is asked for', async () => {
    const stdin = new PassThrough();
    const all = readAll(stdin, never);
    stdin.write('a\n');
    stdin.end('b\n');
    expect((await all).toString()).toBe('a\nb\n');
  });

  it.each([
    ['one line', readLine],
    ['all', readAll],
  ] as const)('is given up at Ctrl-C: %s', async (_what, read: (stdin: Readable, signal: AbortSignal) => Promise<unknown>) => {
    const interrupt = new AbortController();
    const stdin = new PassThrough();
    const reading = read(stdin, interrupt.signal);
    stdin.write('half');
    setImmediate(() => interrupt.abort('interrupted'));
    await expect(reading).rejects.toBe('interrupted');
    expect(stdin.destroyed).toBe(true);
  });
});
