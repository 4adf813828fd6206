import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { sweepAbandoned } from './lab/clean-up.ts';
import { outerEngine } from './lab/engine.ts';
import { createImageMaker } from './lab/images.ts';
import { WORKSPACE_ROOT } from './lab/labels.ts';
import { LAB_IMAGES } from './lab/registry.ts';
import { aptInstall, ensureEngine, exists, obstacleToInstalling } from './lab/setup/ensure-engine.ts';
import { addTotals, type FailedTest, failedTests, NO_TOTALS, parseVitestReport, renderTotals, type Totals } from './totals.ts';

/** `npm test`: every check of the project in order of its cost, and one line of totals at the end. */
const STAGES = ['checks', 'unit', 'simulation', 'integration', 'differential', 'load'] as const;
type Stage = (typeof STAGES)[number];
/** Run only when named: hundreds of calls compared with dockerd, and tens of thousands of requests, take minutes. */
const ON_DEMAND: readonly Stage[] = ['differential', 'load'];
/** These need an engine, and may leave labs behind when they are cut short. */
const ON_ENGINES: readonly Stage[] = ['integration', 'differential', 'load'];

const USAGE = `Usage: npm test [-- OPTIONS FILTER…]

  --only STAGE[,STAGE…]   of ${STAGES.join(', ')}; all but ${ON_DEMAND.join(', ')} without it
  FILTER                  part of the path of test files to run

${ON_ENGINES.join(', ')} need a Docker Engine; it is installed and started where that is possible.
`;

interface StageResult {
  readonly totals: Totals;
  readonly ok: boolean;
  readonly failed: readonly FailedTest[];
}

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseCommandLine(argv);
  if (typeof parsed === 'string') {
    process.stderr.write(`${parsed}\n${USAGE}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const unknown = values.only?.split(',').filter((name) => !isStage(name)) ?? [];
  if (unknown.length > 0) {
    process.stderr.write(`"${unknown.join(', ')}" is no stage of the tests; they are ${STAGES.join(', ')}\n`);
    return 2;
  }
  const chosen =
    values.only === undefined
      ? STAGES.filter((stage) => !ON_DEMAND.includes(stage))
      : STAGES.filter((stage) => values.only?.split(',').includes(stage));

  let totals = NO_TOTALS;
  let ok = true;
  const failed: FailedTest[] = [];
  const engine = chosen.some((stage) => ON_ENGINES.includes(stage)) ? await prepareEngine() : undefined;
  for (const stage of chosen) {
    const started = performance.now();
    heading(stage);
    const result = await runStage(stage, positionals, engine);
    totals = addTotals(totals, result.totals);
    ok &&= result.ok;
    failed.push(...result.failed);
    process.stdout.write(`${stage}: ${renderTotals(result.totals)} in ${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  }
  // Once more at the end: of a long output often only that is kept.
  for (const { name, reason } of failed) process.stdout.write(`\n✗ ${name}\n${reason}\n`);
  process.stdout.write(`${renderTotals(totals)}\n`);
  return ok && totals.failed === 0 ? 0 : 1;
}

function parseCommandLine(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: { only: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isStage(name: string): name is Stage {
  return (STAGES as readonly string[]).includes(name);
}

function heading(stage: Stage): void {
  process.stdout.write(`\n── ${stage} ──\n`);
}

/** A stage that cannot even begin (no engine, say) is one failure, and the others still run. */
async function runStage(stage: Stage, filters: readonly string[], engine: PreparedEngine | undefined): Promise<StageResult> {
  try {
    if (ON_ENGINES.includes(stage)) await engine?.ready;
    return stage === 'checks' ? await runChecks() : await runVitest(stage, filters);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${stage}: ${reason}\n`);
    return { totals: { ...NO_TOTALS, failed: 1 }, ok: false, failed: [{ name: stage, reason }] };
  }
}

/** Types, then lint, format and import borders. Each counts as one. */
async function runChecks(): Promise<StageResult> {
  const commands = [
    ['tsc', '-p', '.'],
    ['biome', 'check', '--error-on-warnings', '.'],
  ] as const;
  let totals = NO_TOTALS;
  const failed: FailedTest[] = [];
  for (const [program, ...args] of commands) {
    const { exitCode, output } = await runKeeping(program, args);
    const passed = exitCode === 0;
    if (!passed) failed.push({ name: `${program} ${args.join(' ')}`, reason: output });
    process.stdout.write(`${passed ? '✓' : '✗'} ${program} ${args.join(' ')}\n`);
    totals = addTotals(totals, { passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 });
  }
  return { totals, ok: totals.failed === 0, failed };
}

async function runVitest(project: Stage, filters: readonly string[]): Promise<StageResult> {
  const directory = await mkdtemp(join(tmpdir(), 'swarm-test-'));
  const report = join(directory, 'report.json');
  try {
    const exitCode = await run('vitest', [
      'run',
      '--project',
      project,
      '--passWithNoTests',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...filters,
    ]);
    // No report: vitest broke before it ran anything, which is a failure whatever it counted.
    const text = existsSync(report) ? await readFile(report, 'utf8') : undefined;
    const totals = text === undefined ? NO_TOTALS : parseVitestReport(text);
    // A test file that cannot be loaded fails the run without failing a test.
    const counted = exitCode !== 0 && totals.failed === 0 ? addTotals(totals, { passed: 0, failed: 1, skipped: 0 }) : totals;
    if (ON_ENGINES.includes(project)) await sweepAbandoned(await outerEngine());
    return { totals: counted, ok: exitCode === 0, failed: text === undefined ? [] : failedTests(text) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface PreparedEngine {
  /** Once the images of the lab are there; fails where the engine or an image could not be had. */
  readonly ready: Promise<void>;
}

/**
 * Installs and starts an engine where there is none, and then makes the images of the lab beside the stages that need
 * none: that takes minutes on a fresh machine, most of them waiting for packages.
 */
async function prepareEngine(): Promise<PreparedEngine> {
  const say = (line: string) => void process.stdout.write(`${line}\n`);
  const installed = async () => {
    await ensureEngine(say);
    // The adapters' tests on the engine build their image from it.
    if (!(await exists('busybox')) && obstacleToInstalling() === undefined) await aptInstall(['busybox-static']);
  };
  const makeImages = async () => {
    const engine = await outerEngine();
    for (const name of await sweepAbandoned(engine)) say(`Removed the lab "${name}", which an earlier run left.`);
    const images = createImageMaker({ engine, say });
    // One after the other: beside the unit tests, not in their place.
    for (const name of ['host', ...Object.keys(LAB_IMAGES)]) await images.ensure(name);
  };
  const installing = installed();
  const ready = installing.then(makeImages);
  // Whoever needs it hears of it; the stages before run all the same.
  ready.catch(() => undefined);
  await installing.catch(() => undefined);
  return { ready };
}

function run(program: string, args: readonly string[]): Promise<number> {
  return exitCodeOf(start(program, args, 'inherit'));
}

/** The last of the output that the summary repeats, in characters. */
const KEPT_OUTPUT = 4_000;

/** Runs it, passes on what it prints, and keeps the end of that. */
async function runKeeping(program: string, args: readonly string[]): Promise<{ readonly exitCode: number; readonly output: string }> {
  const child = start(program, args, 'pipe');
  let output = '';
  for (const [from, to] of [[child.stdout, process.stdout] as const, [child.stderr, process.stderr] as const]) {
    from?.setEncoding('utf8').on('data', (chunk: string) => {
      to.write(chunk);
      output = (output + chunk).slice(-KEPT_OUTPUT);
    });
  }
  return { exitCode: await exitCodeOf(child), output };
}

function start(program: string, args: readonly string[], output: 'inherit' | 'pipe'): ChildProcess {
  const bin = join(WORKSPACE_ROOT, 'node_modules/.bin');
  return spawn(join(bin, program), args, {
    cwd: WORKSPACE_ROOT,
    stdio: ['ignore', output, output],
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}` },
  });
}

function exitCodeOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

process.exitCode = await main(process.argv.slice(2));
