/**
 * The data plane against what it stands on, in a lab of two hosts that it brings up and takes down: connections/s and
 * throughput to a task directly, by the virtual IP, by a published port, and by `docker run -p` on the same host; then how
 * long the rules of 1,000 services with 10 tasks each take, in a network namespace of its own.
 *
 *   node test/bench/network.ts [--only rules|traffic] [--rounds 5] [--requests 1000] [--megabytes 256]
 *
 * Hosts and load share this machine's cores: the ratios compare, the figures alone say little. Each round takes every path
 * once, and of each path the median counts, so that what else the machine does meets them all.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { deviceNames } from '@swarm/worker/network/decide/device-names';
import type { HostNetwork, HostService } from '@swarm/worker/network/decide/host-network';
import { buildNftDocument } from '@swarm/worker/network/decide/nft-document';
import { renderNft, renderNftChange } from '@swarm/worker/network/decide/nft-text';
import { type Cluster, formCluster, type TaskView } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { awaitService, pidOf, startLoad } from '../lab/load.ts';

const SERVICES = 1_000;
const TASKS = 10;
const CONCURRENCY = 16;
/** Of the direct way, between hosts. */
const VIP_AIM = 0.9;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string', default: '1000' },
    megabytes: { type: 'string', default: '256' },
  },
});
const rounds = Number(values.rounds);
const requests = Number(values.requests);
const megabytes = Number(values.megabytes);
const say = (line: string) => void process.stdout.write(`${line}\n`);

interface Path {
  readonly name: string;
  readonly from: TaskView | undefined;
  readonly url: string;
}

async function benchTraffic(lab: Lab, cluster: Cluster): Promise<void> {
  await lab.registry.publish('echo');
  const [, remote] = lab.hosts;
  if (remote === undefined) throw new Error('the bench needs two hosts');
  await cluster.manager.docker('-H', 'unix:///run/swarm/docker.sock', 'network', 'create', '-d', 'overlay', 'bench');
  const onHost2 = ['--network', 'bench', '--constraint', 'node.hostname == host2'];
  await cluster.swarm('service', 'create', '-d', '--name', 'web', ...onHost2, '-p', '8080:8080', 'example/echo');
  await cluster.swarm('service', 'create', '-d', '--name', 'client', '--mode', 'global', '--network', 'bench', 'example/echo');
  const [web] = await cluster.settled('web', 1);
  const clients = await cluster.settled('client', 2);
  if (web === undefined) throw new Error('the service does not run');
  await remote.docker('run', '-d', '--name', 'plain', '-p', '8090:8080', 'example/echo');
  for (const container of [web.container, 'plain']) {
    await remote.docker('exec', container, 'dd', 'if=/dev/zero', 'of=/www/big', 'bs=1M', `count=${megabytes}`);
  }
  const format = '{{(index .NetworkSettings.Networks "bench").IPAddress}}';
  const address = (await remote.docker('inspect', '-f', format, web.container)).trim();
  const here = clients.find(({ host }) => host === 'host1');
  const beside = clients.find(({ host }) => host === 'host2');
  const vip = (await lookUp(cluster, here)) ?? address;
  const paths: readonly Path[] = [
    { name: 'direct, other host', from: here, url: `http://${address}:8080/` },
    { name: 'direct, same host', from: beside, url: `http://${address}:8080/` },
    { name: 'virtual IP, other host', from: here, url: `http://${vip}:8080/` },
    { name: 'virtual IP, same host', from: beside, url: `http://${vip}:8080/` },
    { name: 'docker run -p', from: undefined, url: `http://${remote.address}:8090/` },
    { name: 'published, host of the task', from: undefined, url: `http://${remote.address}:8080/` },
    { name: 'published, another host', from: undefined, url: `http://${lab.host('host1').address}:8080/` },
  ];
  const rates = new Map(paths.map(({ name }) => [name, [] as Rate[]]));
  for (const path of paths) await awaitService(sourceOf(lab, path));
  for (let round = 0; round < rounds; round += 1) for (const path of paths) rates.get(path.name)?.push(await measure(lab, path));
  const medians = new Map([...rates].map(([name, of]) => [name, medianOf(of)]));
  for (const [name, { perSecond, p99Ms, failures, megabytesPerSecond }] of medians) {
    say(`${name.padEnd(28)} ${perSecond} conn/s, p99 ${p99Ms} ms, ${failures} failed, ${megabytesPerSecond} MB/s`);
  }
  const ratio = (of: string, to: string, aim?: number) => {
    const [a, b] = [medians.get(of), medians.get(to)];
    if (a === undefined || b === undefined) throw new Error(`no rate of ${of} or ${to}`);
    const [connections, bytes] = [a.perSecond / b.perSecond, a.megabytesPerSecond / b.megabytesPerSecond];
    const verdict = aim === undefined ? '' : `   aim ${aim}: ${Math.min(connections, bytes) >= aim ? 'reached' : 'missed'}`;
    say(`${of} : ${to} = ${connections.toFixed(2)} connections, ${bytes.toFixed(2)} throughput${verdict}`);
  };
  ratio('virtual IP, other host', 'direct, other host', VIP_AIM);
  ratio('virtual IP, same host', 'direct, same host');
  ratio('published, host of the task', 'docker run -p');
  ratio('published, another host', 'docker run -p');
}

interface Rate {
  readonly perSecond: number;
  readonly p99Ms: number;
  readonly failures: number;
  readonly megabytesPerSecond: number;
}

function sourceOf(lab: Lab, { from, url }: Path) {
  return { host: lab.host(from?.host ?? 'host1'), ...(from !== undefined && { container: from.container }), url };
}

/** Connections first, then one answer of many megabytes. */
async function measure(lab: Lab, path: Path): Promise<Rate> {
  const at = sourceOf(lab, path);
  const { failures, tookMs, p99Ms } = await (await startLoad({ ...at, count: requests, concurrency: CONCURRENCY })).done;
  const inside = path.from === undefined ? '' : `nsenter -t ${await pidOf(at.host, path.from.container)} -n -- `;
  const bytes = Number(await at.host.sh(`${inside}curl -sS -o /dev/null -w '%{speed_download}' ${path.url}big`));
  return { perSecond: Math.round((requests * 1000) / tookMs), p99Ms, failures, megabytesPerSecond: Math.round(bytes / 1e6) };
}

/** Each figure by itself; failures are counted together. */
function medianOf(rates: readonly Rate[]): Rate {
  const median = (of: (rate: Rate) => number) => rates.map(of).toSorted((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0;
  return {
    perSecond: median((rate) => rate.perSecond),
    p99Ms: median((rate) => rate.p99Ms),
    megabytesPerSecond: median((rate) => rate.megabytesPerSecond),
    failures: rates.reduce((sum, { failures }) => sum + failures, 0),
  };
}

async function lookUp({ lab }: Cluster, task: TaskView | undefined): Promise<string | undefined> {
  const host = lab.host(task?.host ?? 'host1');
  const tables = JSON.parse(await host.sh('cat /run/swarm/net/tables.json')) as {
    readonly networks: readonly { readonly name: string; readonly names: { readonly [name: string]: readonly string[] } }[];
  };
  return tables.networks.find(({ name }) => name === 'bench')?.names.web?.[0];
}

function benchRules(): void {
  const names = deviceNames('bnch');
  const host = { namePorts: new Map<string, number>(), takenPorts: new Map<string, 'everywhere' | 'loopback'>(), bridgesFilter: true };
  const address = (n: number) => `10.200.${n >> 8}.${n & 255}`;
  const service = (n: number, tasks: number): HostService => ({
    id: `s${n}`,
    vip: address(0xc000 + n),
    ports: [],
    ingressMode: 'mesh',
    backends: Array.from({ length: tasks }, (_, task) => ({ address: address(1024 + n * TASKS + task), isLocal: false })),
  });
  const document = (services: readonly HostService[]) => {
    const network: HostNetwork = {
      id: 'bench',
      name: 'bench',
      vni: 4097,
      subnet: '10.200.0.0/16',
      vipRange: '10.200.192.0/18',
      internal: false,
      ingress: false,
      encrypted: false,
      keys: [],
      mtu: undefined,
      dataPathPort: 4789,
      gateway: '10.200.0.1',
      underlay: '192.0.2.1',
      peers: [],
      services,
    };
    return buildNftDocument([network], names, host);
  };
  const all = Array.from({ length: SERVICES }, (_, n) => service(n, TASKS));
  const before = document(all);
  const after = document([service(0, TASKS - 1), ...all.slice(1)]);
  const change = renderNftChange(before, after);
  const back = renderNftChange(after, before);
  if (change === undefined || back === undefined) throw new Error('a change of one task must not replace the whole');
  const whole = renderNft(before);
  const folder = mkdtempSync(join(tmpdir(), 'swarm-bench-network-'));
  try {
    const files = [whole, whole, change, back, change].map((text, index) => {
      const path = join(folder, String(index));
      writeFileSync(path, text);
      return path;
    });
    // One shell in one namespace, so that a change finds the rules that it changes.
    const script = 'for file; do s=$(date +%s%N); nft -f "$file"; echo $(( ($(date +%s%N) - s) / 1000 )); done';
    const output = execFileSync('unshare', ['-n', 'sh', '-euc', script, 'sh', ...files], { encoding: 'utf8' });
    const [first, again, ...changes] = output
      .trim()
      .split('\n')
      .map((text) => (Number(text) / 1000).toFixed(1));
    say(
      `rules of ${SERVICES} services with ${TASKS} tasks: ${first} ms at first, ${again} ms replaced whole, one task of one: ${changes.join(', ')} ms`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (values.only !== 'traffic') benchRules();
if (values.only !== 'rules') {
  const lab = await Lab.up(2, { purpose: 'bench-network' });
  try {
    await benchTraffic(lab, await formCluster(lab));
  } finally {
    await lab.down();
  }
}
