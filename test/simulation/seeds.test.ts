import { expect, test } from 'vitest';
import { EXPECTED } from './expected.ts';
import { renderFailure, runSeeds } from './run-seeds.ts';

const SEEDS = 1000;
/** On two cores that do nothing else it takes a minute and a half, on busy ones six. Only ends what hangs. */
const TIMEOUT_MS = 3_600_000;

test(
  `every promise holds in the runs of seeds 1 to ${SEEDS}, and they leave nothing untried`,
  async () => {
    const { coverage, failures } = await runSeeds({ first: 1, count: SEEDS });
    expect(failures.map(renderFailure).join('\n')).toBe('');
    expect(coverage.missing(EXPECTED)).toEqual([]);
  },
  TIMEOUT_MS,
);
