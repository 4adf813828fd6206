import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MUTANT = fileURLToPath(new URL('mutant.ts', import.meta.url));
const run = promisify(execFile);

/** What came of a product without one guard. */
export interface MutantResult {
  readonly index: number;
  /** The first seed that broke a promise; absent when none did. */
  readonly seed?: number;
  readonly violation?: string;
  readonly hash?: string;
  /** The story of the seed, as the tests tell it. */
  readonly told?: string;
}

/** In a process of its own, since the product is loaded anew without the guard. */
export async function runMutant(index: number): Promise<MutantResult> {
  const { stdout } = await run(process.execPath, [MUTANT, String(index)], { maxBuffer: 16 * 2 ** 20 });
  return JSON.parse(stdout) as MutantResult;
}
