import { Coverage } from './coverage.ts';
import { runSeed } from './run-seed.ts';

/** `node test/simulation/endless.ts [seed] [--story]`: seeds one after the other until one fails; with a seed first that one. */
const USAGE = 'Usage: node test/simulation/endless.ts [FIRST SEED] [COUNT] [--story]\n';

const words = process.argv.slice(2);
const numbers = words.filter((word) => /^\d+$/.test(word)).map(Number);
if (words.some((word) => word !== '--story' && !/^\d+$/.test(word))) {
  process.stderr.write(USAGE);
  process.exit(2);
}
const first = numbers[0] ?? Math.floor(Math.random() * 1e9);
const count = numbers[1] ?? Number.POSITIVE_INFINITY;
const tellsAll = words.includes('--story');
const coverage = new Coverage();
let failed = 0;
const startedMs = performance.now();
for (let seed = first; seed < first + count; seed += 1) {
  const result = await runSeed({ seed, tellsAll });
  coverage.add(result.coverage);
  if (tellsAll || result.violations.length > 0) process.stdout.write(`${result.story.join('\n')}\n`);
  for (const violation of result.violations) process.stdout.write(`seed ${seed}: ${violation}\n`);
  if (result.violations.length > 0) failed += 1;
  const done = seed - first + 1;
  if (done % 50 === 0) {
    process.stdout.write(`${done} seeds, ${failed} failed, ${((performance.now() - startedMs) / done).toFixed(0)} ms each\n`);
  }
  if (result.violations.length > 0 && count === Number.POSITIVE_INFINITY) break;
}
process.stdout.write(`${coverage.render()}\n`);
process.exitCode = failed === 0 ? 0 : 1;
