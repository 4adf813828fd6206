/**
 * `npm run bench:against-swarm`: our cluster and Docker Swarm, the engines' own swarm mode, one after the other on the
 * same three engines in one run; and the floor, the same containers by plain Engine API calls, below which no cluster gets.
 *
 * Services have no network and publish no port on either side: what is compared is the control plane and the engine's
 * work on containers, not two data planes. Both sides are driven and watched through the same calls of the Engine API.
 */
import { loadavg } from 'node:os';
import { CONTROL_PORT, formCluster } from '../lab/cluster.ts';
import type { LabHost } from '../lab/host.ts';
import { Lab } from '../lab/lab.ts';
import { waitFor } from '../lab/wait-for.ts';

const HOSTS = 3;
const IMAGE = 'example/echo:latest';
const NODE = '/opt/swarm/node_modules/.bin/node';
const BENCH = '/opt/swarm/test/bench';
const ENGINE_SOCKET = '/var/run/docker.sock';
const OUR_SOCKET = '/run/swarm/docker.sock';

const FEW = 30;
const MANY = 90;
const ROLLED = 12;
const ROLLED_AT_ONCE = 4;
/** The update is done when the last new task has run for this long: `service-work.ts` asks for it. */
const MONITOR_MS = 1_000;
const LOST_HOST = 'host3';

const AIMS = { create: 1, scale: 0.9, roll: 0.5, lose: 0.35 } as const;
type Work = keyof typeof AIMS;
type Times = Readonly<Record<Work, number>>;
const TITLES: Readonly<Record<Work, string>> = {
  create: `create ${FEW}`,
  scale: `scale ${FEW} to ${MANY}`,
  roll: `roll ${ROLLED} by 4`,
  lose: 'replace the tasks of a lost host',
};

interface Span {
  readonly started: number;
  readonly ended: number;
}

const say = (line: string) => void process.stdout.write(`${line}\n`);

sayLoad();
await using lab = await Lab.up(HOSTS, { purpose: 'against-swarm', say });
await lab.registry.publish('echo');
await Promise.all(lab.hosts.map((host) => host.docker('pull', '-q', IMAGE)));
const manager = lab.host('host1');

// Once unmeasured: the first containers of an engine are slower than all that follow.
await startPlain(2, 0);
await removePlain();
const created = await startPlain(FEW / HOSTS, 0);
const scaled = await startPlain((MANY - FEW) / HOSTS, FEW / HOSTS);
await removePlain();
const rolled = (await rollPlain()) + MONITOR_MS;
await removePlain();
const floor: Partial<Times> = { create: created, scale: scaled, roll: rolled };

await formDockerSwarm();
const peer = await measure('Docker Swarm', ENGINE_SOCKET, await dockerNodeID(LOST_HOST));
await leaveDockerSwarm();

sayLoad();
const cluster = await formCluster(lab);
const ours = await measure('swarm', OUR_SOCKET, await cluster.nodeID(LOST_HOST));

for (const work of Object.keys(AIMS) as Work[]) {
  const ratio = ours[work] / peer[work];
  const plain = floor[work] === undefined ? '' : `, ${seconds(floor[work])} by plain Engine API calls`;
  say(
    `${TITLES[work]}: ${seconds(ours[work])}, Docker Swarm ${seconds(peer[work])}${plain}; ` +
      `ratio ${ratio.toFixed(2)} (aim: at most ${AIMS[work]}${ratio <= AIMS[work] ? '' : ': missed'})`,
  );
}

/** The two sides are measured one after the other: what the machine has to do besides must be the same for both. */
function sayLoad(): void {
  say(`load of this machine in the last minute: ${loadavg()[0]?.toFixed(1)}`);
}

async function measure(title: string, socket: string, lostNode: string): Promise<Times> {
  const work = (...words: readonly (string | number)[]) => timed(manager, `against-swarm/service-work.ts ${socket} ${words.join(' ')}`);
  const remove = async (name: string) => {
    await work('remove', name);
    await Promise.all(lab.hosts.map((host) => containersGone(host)));
  };
  await work('create', 'warm', IMAGE, HOSTS * 2);
  await remove('warm');
  const create = await work('create', 'many', IMAGE, FEW);
  const scale = await work('scale', 'many', MANY);
  await remove('many');
  await work('create', 'rolled', IMAGE, ROLLED);
  const roll = await work('roll', 'rolled');
  await remove('rolled');
  await work('create', 'lost', IMAGE, ROLLED);
  const cutAt = Date.now();
  await lab.host(LOST_HOST).cutOff();
  const replaced = await span(manager, `against-swarm/service-work.ts ${socket} await-lost lost ${ROLLED} ${lostNode}`);
  await lab.host(LOST_HOST).heal();
  await remove('lost');
  const times = { create, scale, roll, lose: replaced.ended - cutAt };
  say(`${title}: ${(Object.keys(AIMS) as Work[]).map((each) => `${TITLES[each]} ${seconds(times[each])}`).join(', ')}`);
  return times;
}

async function formDockerSwarm(): Promise<void> {
  await manager.docker('swarm', 'init', '--advertise-addr', manager.address);
  const token = (await manager.docker('swarm', 'join-token', '-q', 'worker')).trim();
  for (const host of lab.hosts) {
    if (host !== manager) await host.docker('swarm', 'join', '--token', token, `${manager.address}:${CONTROL_PORT}`);
  }
}

async function leaveDockerSwarm(): Promise<void> {
  for (const host of [...lab.hosts].reverse()) await host.docker('swarm', 'leave', '--force');
}

async function dockerNodeID(hostname: string): Promise<string> {
  return (await manager.docker('node', 'inspect', '--format', '{{.ID}}', hostname)).trim();
}

/** All hosts at once, each `count` more, the first of them with number `from`. Gives the time in milliseconds. */
function startPlain(count: number, from: number): Promise<number> {
  return plain(() => `start ${count} ${IMAGE} ${from}`);
}

/** As many at once over all hosts as the update may have, and as many rounds: the first hosts have one more of each. */
async function rollPlain(): Promise<number> {
  const lanes = (index: number) => Math.floor((ROLLED_AT_ONCE - 1 - index) / HOSTS) + 1;
  await plain((index) => `start ${(lanes(index) * ROLLED) / ROLLED_AT_ONCE} ${IMAGE} 0`);
  return plain((index) => `roll ${lanes(index)} ${IMAGE}`);
}

async function plain(words: (index: number) => string): Promise<number> {
  const spans = await Promise.all(lab.hosts.map((host, index) => span(host, `plain-containers.ts ${words(index)}`)));
  return Math.max(...spans.map(({ ended }) => ended)) - Math.min(...spans.map(({ started }) => started));
}

async function removePlain(): Promise<void> {
  await Promise.all(lab.hosts.map((host) => host.sh('docker rm -f $(docker ps -aq --filter label=swarm.bench=plain)')));
}

/** A host that was cut off and came back has its own to stop first. */
async function containersGone(host: LabHost): Promise<void> {
  await waitFor(`no container on ${host.name}`, async () => (await host.docker('ps', '-aq')).trim() === '', { timeoutMs: 180_000 });
}

async function timed(host: LabHost, script: string): Promise<number> {
  const { started, ended } = await span(host, script);
  return ended - started;
}

async function span(host: LabHost, script: string): Promise<Span> {
  return JSON.parse(await host.sh(`${NODE} ${BENCH}/${script}`, { timeoutMs: 400_000 }));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
