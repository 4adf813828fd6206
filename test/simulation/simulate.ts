import { parseArgs } from 'node:util';
import { type RunResult, runSeed } from './run-seed.ts';
import { renderFailure, runSeeds, type SeedsResult } from './run-seeds.ts';

const USAGE = `Usage: npm run simulate -- [SEED | --from SEED] [--count N]

  SEED          that one, with all that the cluster did
  --from SEED   the first of many; without it one that nobody has tried
  --count N     how many; without it until three are broken
`;
const SAY_EVERY = 100;

async function main(argv: readonly string[]): Promise<number> {
  const wanted = parseCommandLine(argv);
  if (typeof wanted === 'string') {
    process.stderr.write(`${wanted}\n${USAGE}`);
    return 2;
  }
  if (wanted.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (wanted.seed !== undefined) return tellSeed(await runSeed({ seed: wanted.seed, tellsAll: true }));
  return tellSeeds(wanted.from ?? Math.floor(Math.random() * 1e9), wanted.count ?? Number.POSITIVE_INFINITY);
}

function parseCommandLine(argv: readonly string[]) {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: { from: { type: 'string' }, count: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false } },
      allowPositionals: true,
    });
    if (positionals.length > 1) return `one seed at a time; "${positionals.join(' ')}" are ${positionals.length}`;
    const [seed] = positionals;
    if (seed !== undefined && (values.from ?? values.count) !== undefined) return 'a seed by itself goes without --from and --count';
    return { seed: number('SEED', seed), from: number('--from', values.from), count: number('--count', values.count), help: values.help };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new Error(`${name} is a whole number, and "${text}" is none`);
  return Number(text);
}

function tellSeed({ seed, story, violations, hash, virtualMs }: RunResult): number {
  process.stdout.write(`${story.join('\n')}\n`);
  for (const violation of violations) process.stdout.write(`BROKEN: ${violation}\n`);
  const verdict = violations.length === 0 ? 'every promise held' : 'a promise is broken';
  process.stdout.write(`seed ${seed}: ${verdict}, after ${(virtualMs / 60_000).toFixed(1)} minutes of its time; the run is ${hash}\n`);
  return violations.length === 0 ? 0 : 1;
}

async function tellSeeds(first: number, count: number): Promise<number> {
  const startedMs = performance.now();
  let told = 0;
  let saidAt = 0;
  process.stdout.write(`seeds from ${first} on\n`);
  const onProgress = ({ failures, done }: SeedsResult) => {
    for (const failure of failures.slice(told)) process.stdout.write(`${renderFailure(failure)}\n`);
    told = failures.length;
    if (done - saidAt < SAY_EVERY) return;
    saidAt = done;
    const ms = (performance.now() - startedMs) / done;
    process.stdout.write(`${done} seeds, ${failures.length} broken, ${ms.toFixed(0)} ms each\n`);
  };
  const { coverage, failures, done } = await runSeeds({ first, count, onProgress });
  process.stdout.write(`${coverage.render()}\n${done} seeds, ${failures.length} broken\n`);
  return failures.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
