import { Coverage } from './coverage.ts';
import { type RunResult, runSeed } from './run-seed.ts';
import type { Share, ShareResult } from './run-seeds.ts';

/** A process that runs the seeds it is sent, and answers what came of them, until nobody asks any more. */
async function runShare({ first, count }: Share): Promise<ShareResult> {
  const coverage = new Coverage();
  const failures: RunResult[] = [];
  for (let seed = first; seed < first + count; seed += 1) {
    const result = await runSeed({ seed });
    coverage.add(result.coverage);
    if (result.violations.length > 0) failures.push(result);
  }
  return {
    count,
    counts: [...coverage.counts],
    failures: failures.map(({ seed, story, violations }) => ({ seed, story, violations })),
  };
}

process.on('message', async (share: Share) => {
  const result = await runShare(share);
  process.send?.(result);
});
