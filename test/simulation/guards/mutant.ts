import { GUARDS } from './guards.ts';
import { switchOff } from './switch-off.ts';

/**
 * `node test/simulation/guards/mutant.ts NUMBER [SEEDS]`: switches one guard off and runs seeds until a promise is
 * broken. Prints one line of JSON: the seed, what broke and its story; of a guard that nobody misses only its number.
 */
const [index = '', limit = '400'] = process.argv.slice(2);
const guard = GUARDS[Number(index)];
if (guard === undefined) throw new Error(`there is no guard ${index}; they go from 0 to ${GUARDS.length - 1}`);
switchOff(guard);
const { runSeed } = await import('../run-seed.ts');
const { renderFailure } = await import('../run-seeds.ts');
const { USUAL } = await import('../plot/scenario.ts');

let caught: { readonly seed: number; readonly violation: string; readonly hash: string; readonly told: string } | undefined;
for (let count = 0; count < Number(limit) && caught === undefined; count += 1) {
  const seed = guard.seed + count;
  const result = await runSeed({ seed, scenario: { ...USUAL, ...guard.focus } });
  const [violation] = result.violations;
  if (violation !== undefined) caught = { seed, violation, hash: result.hash, told: renderFailure(result) };
}
process.stdout.write(`${JSON.stringify({ index: Number(index), ...caught })}\n`);
