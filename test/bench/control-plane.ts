/**
 * The control plane under load: a manager with journal, certificates and control port in one process, thousands of
 * workers with real sessions over mutual TLS in others. Prints a curve, and draws it with `--plot`.
 *
 *   npm run bench:control-plane -- [nodes×tasks …] [--fleets 2] [--per-service 1000] [--plot FILE.svg]
 *                                  [--profile DIR] [--heap-profile DIR]
 *
 * `--profile` writes CPU profiles of all processes, `--heap-profile` what is alive in the manager at the end, by where it
 * was made.
 *
 * A task counts when the manager has made its `running` durable. The rate is that of all tasks over the time from the
 * first service to the last task. All processes share the machine's cores.
 */
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { FromFleet, FromManager, Sample, ToFleet, ToManager } from './control-plane/messages.ts';
import { drawCurve, type Measured } from './control-plane/plot.ts';
import {
  count,
  endProcesses,
  FLEET_FLAGS,
  MANAGER_ENVIRONMENT,
  MANAGER_FLAGS,
  megabytes,
  startProcess,
} from './control-plane/processes.ts';

const AIMED_RATE = 1_500;
const AIMED_BYTES = 4 * 2 ** 30;
const DEFAULT_SIZES = ['100x20000', '1000x100000', '5000x1000000'];
/** Bytes between two samples of what is allocated. */
const HEAP_INTERVAL = 32_768;
/** No task became running for so long: something is wrong. */
const STALL_MS = 60_000;
const PRINT_EVERY = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fleets: { type: 'string', default: '2' },
    'per-service': { type: 'string', default: '1000' },
    profile: { type: 'string' },
    'heap-profile': { type: 'string' },
    plot: { type: 'string' },
  },
});

const say = (line: string) => void process.stdout.write(`${line}\n`);

const results: Measured[] = [];
for (const size of positionals.length > 0 ? positionals : DEFAULT_SIZES) {
  const [nodes = 0, tasks = 0] = size.split(/[x×]/).map(Number);
  if (!(nodes > 0 && tasks > 0)) throw new Error(`"${size}" is no size: give nodes×tasks, for example 100x20000`);
  results.push(await measure(nodes, tasks));
}
if (values.plot !== undefined) {
  await writeFile(values.plot, drawCurve(results));
  say(`drawn to ${values.plot}`);
}

async function measure(nodes: number, tasks: number): Promise<Measured> {
  say(`${count(nodes)} nodes, ${count(tasks)} tasks; ${cpus().length} cores for all processes`);
  const profile = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
  const heapFolder = values['heap-profile'];
  const heap = heapFolder === undefined ? [] : ['--heap-prof', `--heap-prof-interval=${HEAP_INTERVAL}`, `--heap-prof-dir=${heapFolder}`];
  const manager = startProcess('manager-process.ts', [...MANAGER_FLAGS, ...profile, ...heap], MANAGER_ENVIRONMENT);
  const fleets = Array.from({ length: Number(values.fleets) }, () => startProcess('fleet-process.ts', [...FLEET_FLAGS, ...profile]));
  const samples: Sample[] = [];
  const run = Promise.withResolvers<Measured>();
  const tell = (message: ToManager) => manager.send(message);
  let address = '';
  let nextFleet = 0;
  let startedAtMs: number | undefined;
  let movedAtMs = performance.now();
  for (const fleet of fleets) fleet.on('message', ({ reason }: FromFleet) => run.reject(new Error(`a worker failed: ${reason}`)));
  for (const child of [manager, ...fleets]) child.once('exit', (code) => run.reject(new Error(`a process ended with ${code}`)));

  manager.on('message', (message: FromManager) => {
    if (message.type === 'listening') {
      address = message.address;
      tell({ type: 'makeNodes', count: nodes });
    } else if (message.type === 'nodes') {
      const connect: ToFleet = { type: 'connect', address, identities: message.identities };
      fleets[nextFleet++ % fleets.length]?.send(connect);
    } else if (message.type === 'sample') look(message.sample);
  });

  function look(sample: Sample): void {
    const before = samples.at(-1);
    samples.push(sample);
    if (before === undefined || sample.running > before.running || sample.connected > before.connected) movedAtMs = performance.now();
    if (performance.now() - movedAtMs > STALL_MS) run.reject(new Error(`nothing moved for ${STALL_MS / 1000} s: ${describe(sample)}`));
    if (startedAtMs === undefined && sample.connected > nodes) {
      say(`  all connected: ${describe(sample)}`);
      startedAtMs = sample.atMs;
      tell({ type: 'createServices', tasks, perService: Number(values['per-service']) });
    } else if (samples.length % PRINT_EVERY === 0 && sample.running < tasks) say(`  ${describe(sample)}`);
    if (startedAtMs === undefined || sample.running < tasks) return;
    const loaded = samples.filter(({ atMs }) => atMs >= (startedAtMs ?? 0));
    const tookMs = sample.atMs - startedAtMs;
    run.resolve({ nodes, tasks, rate: (tasks / tookMs) * 1000, samples: loaded });
  }

  const measured = await run.promise.finally(() => endProcesses([manager, ...fleets]));
  const peakBytes = Math.max(...measured.samples.map(({ residentBytes }) => residentBytes));
  const down = measured.samples.at(-1)?.down ?? 0;
  const worstMs = Math.max(...measured.samples.map(({ loopDelayMaxMs }) => loopDelayMaxMs));
  say(
    `  ${count(measured.rate)} tasks/s (aim: at least ${count(AIMED_RATE)}${measured.rate < AIMED_RATE ? ': missed' : ''}), ` +
      `${megabytes(peakBytes)} at most (aim: under ${megabytes(AIMED_BYTES)}${peakBytes >= AIMED_BYTES ? ': missed' : ''}), ` +
      `${down} nodes marked down (aim: none${down > 0 ? ': missed' : ''}), event loop late by ${worstMs.toFixed(0)} ms at most`,
  );
  return measured;
}

function describe(sample: Sample): string {
  return (
    `${count(sample.connected)} nodes ready, ${count(sample.created)} tasks made, ${count(sample.running)} running, ` +
    `${megabytes(sample.residentBytes)} (heap ${megabytes(sample.heapBytes)}), loop late ${sample.loopDelayMaxMs.toFixed(0)} ms, CPU ${sample.cpuSeconds.toFixed(0)} s, ${sample.down} down`
  );
}
