import { expect, test } from 'vitest';
import { EXPECTED } from './expected.ts';
import { renderFailure, runSeeds } from './run-seeds.ts';

/** In two files, for two cores. */
const FIRST = 251;
const SEEDS = 250;

test(`every promise holds in the runs of seeds ${FIRST} to ${FIRST + SEEDS - 1}, and they leave nothing untried`, async () => {
  const { coverage, failures } = await runSeeds(FIRST, SEEDS);
  expect(failures.map(renderFailure).join('\n')).toBe('');
  expect(coverage.missing(EXPECTED)).toEqual([]);
});
