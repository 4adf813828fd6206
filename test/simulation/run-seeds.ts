import { Coverage } from './coverage.ts';
import { type RunResult, runSeed } from './run-seed.ts';

/** How many broken seeds are told of in full; more say nothing new. */
const ENOUGH_FAILURES = 3;

export interface SeedsResult {
  readonly coverage: Coverage;
  readonly failures: readonly RunResult[];
}

export async function runSeeds(first: number, count: number): Promise<SeedsResult> {
  const coverage = new Coverage();
  const failures: RunResult[] = [];
  for (let seed = first; seed < first + count && failures.length < ENOUGH_FAILURES; seed += 1) {
    const result = await runSeed({ seed });
    coverage.add(result.coverage);
    if (result.violations.length > 0) failures.push(result);
  }
  return { coverage, failures };
}

/** The story of a broken seed, as far as it was told, what broke, and how to see it again. */
export function renderFailure({ seed, story, violations }: RunResult): string {
  return [
    '',
    `Seed ${seed}:`,
    ...story.map((line) => (line.length > 240 ? `${line.slice(0, 239)}…` : line)),
    ...violations.map((violation) => `BROKEN: ${violation}`),
    `Again, with all that the cluster did: node test/simulation/endless.ts ${seed} 1 --story`,
  ].join('\n');
}
