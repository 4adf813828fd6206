import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { GUARDS } from './guards/guards.ts';

/** Each in a process of its own: the product is loaded anew, without the guard. */
const MUTANT = fileURLToPath(new URL('guards/mutant.ts', import.meta.url));
const run = promisify(execFile);

test.concurrent.each(GUARDS.map((guard, index) => ({ index, name: guard.name, promise: guard.promise })))(
  'without the guard "$name" a promise is broken',
  async ({ index, promise }) => {
    const { stdout } = await run(process.execPath, [MUTANT, String(index)]);
    expect(JSON.parse(stdout)).toEqual({ index, seed: expect.any(Number), violation: expect.stringContaining(promise) });
  },
);
