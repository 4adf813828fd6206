/**
 * How long it takes from a task's running to the last host that leads to it: on a lab of three hosts, by what their
 * kernels say of every change of rules, against what each task says of itself (one clock: the hosts share a kernel); then,
 * after one of them was cut off while tasks came and went, from its healing to equal tables on all; then the same for 200
 * simulated workers (`network-state.ts`).
 *
 *   node test/bench/convergence.ts [--only lab|simulated] [--rounds 20] [--workers 200]
 *
 * The lab's times are those of containers that have just started on the same cores: figures of a busy machine mean nothing.
 */
import { execFileSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Task } from '@swarm/shared/domain/objects';
import { epochMs } from '@swarm/shared/runtime/clock';
import { type Cluster, formCluster } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { waitFor, waitUntil } from '../lab/wait-for.ts';

const { values } = parseArgs({
  options: { only: { type: 'string' }, rounds: { type: 'string', default: '20' }, workers: { type: 'string', default: '200' } },
});
const HOSTS = 3;
const STEP = 5;
const OVER = '/tmp/watch-over';
const NODE = '/opt/swarm/node_modules/.bin/node';
const say = (line: string) => void process.stdout.write(`${line}\n`);
const percentile = (sorted: readonly number[], part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

/** A task with the address it has in the network, and when it began to run. */
interface Started {
  readonly address: string;
  readonly atMs: number;
}

type ShownTask = Pick<Task, 'ID' | 'Status'> & { readonly NetworksAttachments?: readonly { readonly Addresses?: readonly string[] }[] };

/** Adds those that run, by task. */
async function noteStarted(cluster: Cluster, known: Map<string, Started>): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ service: ['web'] }));
  for (const { ID, Status, NetworksAttachments = [] } of await cluster.get<readonly ShownTask[]>(`/tasks?filters=${filters}`)) {
    const address = NetworksAttachments[0]?.Addresses?.[0]?.split('/')[0];
    if (address !== undefined && Status.State === 'running' && !known.has(ID)) known.set(ID, { address, atMs: epochMs(Status.Timestamp) });
  }
}

async function formBench(lab: Lab): Promise<Cluster> {
  await lab.registry.publish('echo');
  const cluster = await formCluster(lab);
  await cluster.swarm('network', 'create', '--driver', 'overlay', 'bench');
  // On every host, so that all of them follow the network.
  await cluster.swarm('service', 'create', '-d', '--name', 'here', '--mode', 'global', '--network', 'bench', 'example/echo');
  await cluster.settled('here', HOSTS);
  await cluster.swarm('service', 'create', '-d', '--name', 'web', '--replicas', '1', '--network', 'bench', 'example/echo');
  await cluster.settled('web', 1);
  return cluster;
}

/** Milliseconds from each task's running to its use by the last host. */
async function measureStarts(lab: Lab, cluster: Cluster, rounds: number): Promise<readonly number[]> {
  const first = new Map<string, Started>();
  await noteStarted(cluster, first);
  const watching = lab.hosts.map((host) => host.exec([NODE, '/opt/swarm/test/lab/watch-rules.ts', OVER], { timeoutMs: 900_000 }));
  await Promise.all(lab.hosts.map((host) => waitFor('the watch', async () => (await host.exec(['pgrep', '-x', 'nft'])).exitCode === 0)));
  const started = new Map(first);
  for (let round = 0; round < rounds; round += 1) {
    for (const replicas of [1 + STEP, 1]) {
      await cluster.swarm('service', 'scale', '-d', `web=${replicas}`);
      await cluster.settled('web', replicas);
      if (replicas > 1) await noteStarted(cluster, started);
    }
  }
  for (const host of lab.hosts) await host.sh(`touch ${OVER}`);
  const seen = (await Promise.all(watching)).map(({ stdout }) => JSON.parse(stdout) as Readonly<Record<string, readonly number[]>>);
  return [...started].flatMap(([id, { address, atMs }]) => {
    // What ran before anybody watched says nothing.
    if (first.has(id)) return [];
    const times = seen.map((host) => host[address]?.find((time) => time >= atMs));
    if (times.some((time) => time === undefined)) throw new Error(`task ${id} at ${address} was led to by only ${times.length} hosts`);
    return [Math.max(...(times as number[])) - atMs];
  });
}

/** Of what each host makes of the network's table: the names that its containers find, and where its kernel leads virtual IPs. */
async function checksums(lab: Lab): Promise<readonly string[]> {
  return Promise.all(
    lab.hosts.map(async (host) => {
      const [tables, rules] = await Promise.all([host.sh('cat /run/swarm/net/tables.json'), host.sh('nft list ruleset ip')]);
      const { networks } = JSON.parse(tables) as { readonly networks: readonly { readonly name: string; readonly names: object }[] };
      const names = Object.entries(networks.find(({ name }) => name === 'bench')?.names ?? {}).map(
        ([name, found]) => `${name} ${[...(found as readonly string[])].sort().join()}`,
      );
      const led = [...rules.matchAll(/dnat to [^\n]*/g)].flatMap(([line]) => line.match(/\d+\.\d+\.\d+\.\d+/g) ?? []);
      return hash('sha256', [...names.sort(), ...led.sort()].join('\n')).slice(0, 32);
    }),
  );
}

/** Milliseconds from the healing of a host that missed changes to equal tables everywhere. */
async function measureHealing(lab: Lab, cluster: Cluster): Promise<{ readonly tookMs: number; readonly checksum: string }> {
  const cut = lab.host('host3');
  await cut.cutOff();
  await cluster.nodeState('host3', 'down');
  await cluster.swarm('service', 'scale', '-d', `web=${1 + STEP}`);
  await cluster.settled('web', 1 + STEP);
  if (new Set(await checksums(lab)).size === 1) throw new Error('the host that is cut off knows what happened meanwhile');
  const healed = performance.now();
  await cut.heal();
  const same = await waitUntil(
    'equal tables on all hosts',
    () => checksums(lab),
    (all) => new Set(all).size === 1,
  );
  return { tookMs: Math.round(performance.now() - healed), checksum: same[0] ?? '' };
}

if (values.only !== 'simulated') {
  await using lab = await Lab.up(HOSTS, { purpose: 'convergence' });
  const cluster = await formBench(lab);
  const times = (await measureStarts(lab, cluster, Number(values.rounds))).toSorted((a, b) => a - b);
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  say(`${`running → used by the last of ${HOSTS} hosts of the lab, ${times.length} tasks`.padEnd(64)} p50 ${p50} ms   p99 ${p99} ms`);
  const { tookMs, checksum } = await measureHealing(lab, cluster);
  say(`${'a host back that was cut off while tasks came → equal tables'.padEnd(64)} ${tookMs} ms   ${checksum}`);
}
if (values.only !== 'lab') {
  const script = join(import.meta.dirname, 'network-state.ts');
  process.stdout.write(execFileSync(process.execPath, [script, '--workers', values.workers], { encoding: 'utf8' }));
}
