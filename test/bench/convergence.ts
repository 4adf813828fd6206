/**
 * How long it takes from a task's running to the last host that leads to it: on a lab of three hosts, by what their
 * kernels say of every change of rules, against what each task says of itself (one clock: the hosts share a kernel); then
 * for 200 simulated workers (`network-state.ts`, whose options can be given too).
 *
 *   node test/bench/convergence.ts [--only lab|simulated] [--rounds 20] [--workers 200]
 *
 * The lab's times are those of containers that have just started on the same cores: figures of a busy machine mean nothing.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Task } from '@swarm/shared/domain/objects';
import { epochMs } from '@swarm/shared/runtime/clock';
import { type Cluster, formCluster } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { waitFor } from '../lab/wait-for.ts';

const { values } = parseArgs({
  options: { only: { type: 'string' }, rounds: { type: 'string', default: '20' }, workers: { type: 'string', default: '200' } },
});
const HOSTS = 3;
const STEP = 3;
const OVER = '/tmp/watch-over';
const NODE = '/opt/swarm/node_modules/.bin/node';
const say = (line: string) => void process.stdout.write(`${line}\n`);
const percentile = (sorted: readonly number[], part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

/** When each task began to run, by the address it has in the network. */
async function startedAt(cluster: Cluster, known: Map<string, number>): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ service: ['web'] }));
  for (const { Status, NetworksAttachments = [] } of await cluster.get<readonly ShownTask[]>(`/tasks?filters=${filters}`)) {
    const address = NetworksAttachments[0]?.Addresses?.[0]?.split('/')[0];
    if (address !== undefined && Status.State === 'running' && !known.has(address)) known.set(address, epochMs(Status.Timestamp));
  }
}

type ShownTask = Pick<Task, 'Status'> & { readonly NetworksAttachments?: readonly { readonly Addresses?: readonly string[] }[] };

async function measureLab(rounds: number): Promise<readonly number[]> {
  await using lab = await Lab.up(HOSTS, { purpose: 'convergence' });
  await lab.registry.publish('echo');
  const cluster = await formCluster(lab);
  await cluster.swarm('network', 'create', '--driver', 'overlay', 'bench');
  // On every host, so that all of them follow the network.
  await cluster.swarm('service', 'create', '-d', '--name', 'here', '--mode', 'global', '--network', 'bench', 'example/echo');
  await cluster.settled('here', HOSTS);
  await cluster.swarm('service', 'create', '-d', '--name', 'web', '--replicas', '1', '--network', 'bench', 'example/echo');
  await cluster.settled('web', 1);
  const first = new Map<string, number>();
  await startedAt(cluster, first);
  const watching = lab.hosts.map((host) => host.exec([NODE, '/opt/swarm/test/lab/watch-rules.ts', OVER], { timeoutMs: 900_000 }));
  await Promise.all(lab.hosts.map((host) => waitFor('the watch', async () => (await host.exec(['pgrep', '-x', 'nft'])).exitCode === 0)));
  const started = new Map<string, number>();
  for (let round = 0; round < rounds; round += 1) {
    for (const replicas of [1 + STEP, 1]) {
      await cluster.swarm('service', 'scale', '-d', `web=${replicas}`);
      await cluster.settled('web', replicas);
      if (replicas > 1) await startedAt(cluster, started);
    }
  }
  for (const host of lab.hosts) await host.sh(`touch ${OVER}`);
  const seen = (await Promise.all(watching)).map(({ stdout }) => JSON.parse(stdout) as Readonly<Record<string, number>>);
  return [...started].flatMap(([address, at]) => {
    const times = seen.map((host) => host[address]);
    // What ran before anybody watched, and an address that came again, say nothing.
    if (first.has(address) || times.some((time) => time === undefined || time < at)) return [];
    return [Math.max(...(times as number[])) - at];
  });
}

if (values.only !== 'simulated') {
  const times = [...(await measureLab(Number(values.rounds)))].sort((a, b) => a - b);
  if (times.length === 0) throw new Error('no task was seen to come into use');
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  say(`${`running → used by the last of ${HOSTS} hosts of the lab, ${times.length} tasks`.padEnd(64)} p50 ${p50} ms   p99 ${p99} ms`);
}
if (values.only !== 'lab') {
  const script = join(import.meta.dirname, 'network-state.ts');
  process.stdout.write(execFileSync(process.execPath, [script, '--workers', values.workers], { encoding: 'utf8' }));
}
