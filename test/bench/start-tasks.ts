import { setTimeout as delay } from 'node:timers/promises';
import { type Cluster, formCluster } from '../lab/cluster.ts';
import type { LabHost } from '../lab/host.ts';
import { Lab } from '../lab/lab.ts';

/**
 * `npm run bench`: what our control plane costs. Time to N running against the same containers started by plain
 * Engine API calls on the same engines, in one run, as a ratio; idle CPU and memory of the daemon as manager and as
 * worker, the latter over that of a bare Node.
 */
const HOSTS = 3;
const SIZES = [30, 90];
const IMAGE = 'example/echo:latest';
const NODE = '/opt/swarm/node_modules/.bin/node';
const BENCH = '/opt/swarm/test/bench';
/** One of each way in turn, so that a machine that is busy for a while is so for both. */
const ROUNDS = 3;
const AIMED_RATIO = 1.1;
const AIMED_MEMORY_MB = 60;
const MEMORY_TASKS = 50;
const IDLE_WINDOW_MS = 30_000;
const CLOCK_TICKS_PER_S = 100;

interface Span {
  readonly started: number;
  readonly ended: number;
}

const say = (line: string) => void process.stdout.write(`${line}\n`);

await using lab = await Lab.up(HOSTS, { purpose: 'bench', say });
await lab.registry.publish('echo');
await Promise.all(lab.hosts.map((host) => host.docker('pull', '-q', IMAGE)));
const cluster = await formCluster(lab);

// Both ways once unmeasured: the first containers of an engine are slower than all that follow.
await startPlain(HOSTS * 2);
await startAsService(cluster, HOSTS * 2);

for (const size of SIZES) {
  const rounds: { readonly plain: number; readonly service: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push({ plain: await startPlain(size), service: await startAsService(cluster, size) });
  const ratios = rounds.map(({ plain, service }) => service / plain).sort((a, b) => a - b);
  const ratio = ratios[Math.floor(ROUNDS / 2)] ?? Number.NaN;
  const times = (of: 'plain' | 'service') => rounds.map((round) => seconds(round[of])).join(', ');
  say(
    `${size} running: ${times('service')} as a service, ${times('plain')} by plain Engine API calls; ` +
      `median ratio ${ratio.toFixed(2)} (aim: at most ${AIMED_RATIO}${ratio <= AIMED_RATIO ? '' : ': missed'})`,
  );
}

// The first start of a fresh tree strips the types of all sources, and the parser for that stays in memory. What a host
// has from then on, and with an executable from the beginning, is what is measured.
for (const host of lab.hosts) {
  await host.stopDaemon();
  await host.startDaemon();
}
await Promise.all(lab.hosts.map((host) => cluster.nodeState(host.name, 'ready')));

await cluster.swarm('service', 'create', '-d', '--name', 'idle', '--replicas', String(MEMORY_TASKS), IMAGE);
await cluster.settled('idle', MEMORY_TASKS);
const bare = await bareNodeMemory(lab.host('host1'));
say(`bare Node: ${megabytes(bare)} resident`);
for (const [role, host] of [
  ['manager', lab.host('host1')],
  ['worker', lab.host('host2')],
] as const) {
  const pid = await daemonPid(host);
  const before = await cpuSeconds(host, pid);
  await delay(IDLE_WINDOW_MS);
  const busy = (await cpuSeconds(host, pid)) - before;
  const resident = await residentBytes(host, pid);
  const over = (resident - bare) / 2 ** 20;
  say(
    `${role} with ${MEMORY_TASKS} tasks in the cluster: idle CPU ${((busy / (IDLE_WINDOW_MS / 1000)) * 100).toFixed(1)} % of one core, ` +
      `${megabytes(resident)} resident, ${over.toFixed(0)} MB over bare Node (aim: at most ${AIMED_MEMORY_MB}${over <= AIMED_MEMORY_MB ? '' : ': missed'})`,
  );
}

/** All hosts at once, each its share. Removes them again, and gives the time in milliseconds. */
async function startPlain(count: number): Promise<number> {
  const share = String(count / HOSTS);
  const spans = await Promise.all(lab.hosts.map((host) => span(host, `${NODE} ${BENCH}/plain-containers.ts ${share} ${IMAGE}`)));
  await Promise.all(lab.hosts.map((host) => host.sh('docker rm -f $(docker ps -aq --filter label=swarm.bench=plain)')));
  return Math.max(...spans.map(({ ended }) => ended)) - Math.min(...spans.map(({ started }) => started));
}

async function startAsService(on: Cluster, count: number): Promise<number> {
  const { started, ended } = await span(on.manager, `${NODE} ${BENCH}/service-tasks.ts ${count} ${IMAGE} bench-${count}`);
  await on.clear();
  return ended - started;
}

async function span(host: LabHost, command: string): Promise<Span> {
  return JSON.parse(await host.sh(command, { timeoutMs: 400_000 }));
}

async function daemonPid(host: LabHost): Promise<number> {
  const [pid] = await host.daemonPids();
  if (pid === undefined) throw new Error(`no daemon runs on ${host.name}`);
  return pid;
}

async function bareNodeMemory(host: LabHost): Promise<number> {
  const output = await host.sh(`${NODE} -e 'setTimeout(() => console.log(process.memoryUsage.rss()), 1000)'`);
  return Number(output);
}

async function residentBytes(host: LabHost, pid: number): Promise<number> {
  return Number(await host.sh(`sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/${pid}/status`)) * 1024;
}

/** utime and stime, fields 14 and 15 of /proc/PID/stat. The name in field 2 holds no space for our daemon. */
async function cpuSeconds(host: LabHost, pid: number): Promise<number> {
  const fields = (await host.sh(`cat /proc/${pid}/stat`)).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / CLOCK_TICKS_PER_S;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MB`;
}
