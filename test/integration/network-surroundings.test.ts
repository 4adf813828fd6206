import dgram from 'node:dgram';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, formCluster, type TaskView } from '../lab/cluster.ts';
import type { LabHost } from '../lab/host.ts';
import { Lab } from '../lab/lab.ts';
import { pidOf } from '../lab/load.ts';
import { answers, ask, httpUrl, times } from '../lab/probes.ts';
import { waitFor } from '../lab/wait-for.ts';

/**
 * The data plane among what other hosts have: the rules that Docker 28 and 29 make, written by hand as their sources have
 * them, bridges whose packets pass no IP rules, a service that publishes the port of names, and clients by UDP.
 */

let lab: Lab;
let cluster: Cluster;
let web: readonly TaskView[];
let clients: readonly TaskView[];

beforeAll(async () => {
  lab = await Lab.up(2, { purpose: 'surroundings' });
  await lab.registry.publish('echo');
  cluster = await formCluster(lab);
  await cluster.swarm('network', 'create', '--driver', 'overlay', 'neta');
  const flags = ['-d', '--network', 'neta'];
  await cluster.swarm('service', 'create', ...flags, '--name', 'web', '--replicas', '4', '-p', '8080:8080', 'example/echo');
  await cluster.swarm('service', 'create', ...flags, '--name', 'client', '--mode', 'global', 'example/echo');
  web = await cluster.settled('web', 4);
  clients = await cluster.settled('client', 2);
});
afterAll(() => lab?.down());

async function addressIn(task: TaskView, network: string): Promise<string> {
  const format = `{{.NetworkSettings.Networks.${network}.IPAddress}}`;
  return (await lab.host(task.host).docker('inspect', '-f', format, task.container)).trim();
}

/** In the network of a task's container, with the programs of its host. */
async function inTask(task: TaskView, script: string): Promise<string> {
  const host = lab.host(task.host);
  return host.sh(`nsenter -t ${await pidOf(host, task.container)} -n -- sh -c '${script}'`);
}

/** For an answer on a slow machine. What is tried again waits for less, or it would be tried once. */
const PATIENT_S = 15;
const QUICK_S = 3;

/** Tasks reach one another, by name too; every host answers for the published port, to itself, to others and to the outside. */
async function expectWhole(seconds = PATIENT_S): Promise<void> {
  const tasks = await Promise.all(web.map((task) => addressIn(task, 'neta')));
  for (const client of clients) {
    const host = lab.host(client.host);
    const vip = (await host.docker('exec', client.container, 'nslookup', 'web')).match(/Address:\s+([\d.]+)\s*$/m)?.[1] ?? 'no answer';
    const own = [...tasks, ...times(6, vip), ...lab.hosts.flatMap(({ address }) => times(4, address))].map((address) => httpUrl(address));
    expect(answers(await inTask(client, ask(own, seconds)))).not.toContain('none');
    const published = ['127.0.0.1', ...lab.hosts.map(({ address }) => address)].flatMap((address) => times(3, httpUrl(address)));
    expect(answers(await host.sh(ask(published, seconds)))).not.toContain('none');
    for (let n = 0; n < 4; n += 1) {
      expect((await fetch(httpUrl(host.address), { signal: AbortSignal.timeout(seconds * 1_000) })).ok).toBe(true);
    }
  }
}

const wholeSoon = (what: string) =>
  waitFor(what, async () => {
    await expectWhole(QUICK_S);
    return true;
  });
const everywhere = (script: (host: LabHost) => Promise<string>) => Promise.all(lab.hosts.map(async (host) => host.sh(await script(host))));
const deviceOf = async (host: LabHost, vni: number) => (await host.sh(`basename /sys/class/net/sw????b${vni}`)).trim();

/** The addresses of this host's containers in a network of the engine. */
async function containersOf(host: LabHost, network: string): Promise<readonly string[]> {
  const format = '{{range .Containers}}{{.IPv4Address}} {{end}}';
  return (await host.docker('network', 'inspect', '-f', format, network)).split(/\s+/).flatMap((cidr) => cidr.split('/')[0] || []);
}

describe('everybody reaches what they shall', () => {
  it('on hosts as they are', () => wholeSoon('all to be well'));

  it('where bridged packets pass no IP rules', async () => {
    await everywhere(async () => 'echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables');
    await wholeSoon('all to be well without');
    // Ingress keeps tasks apart by other means then.
    const [one, other] = [web[0]!, web.find(({ host }) => host !== web[0]!.host)!];
    await waitFor('tasks not to reach one another over ingress', async () =>
      answers(await inTask(one, ask([httpUrl(await addressIn(other, 'ingress'))], 1))).includes('none'),
    );
    await everywhere(async () => 'echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables');
    await wholeSoon('all to be well with them again');
  });

  it('among the rules of Docker 28, which drop what comes to a container by another way than its bridge', async () => {
    await everywhere(async (host) => {
      const lines = ['iptables-save > /tmp/before-28'];
      for (const [network, vni] of [
        ['neta', 4097],
        ['ingress', 4096],
      ] as const) {
        const bridge = await deviceOf(host, vni);
        lines.push(`iptables -w -A DOCKER ! -i ${bridge} -o ${bridge} -j DROP`);
        for (const address of await containersOf(host, network))
          lines.push(`iptables -w -t raw -A PREROUTING -d ${address} ! -i ${bridge} -j DROP`);
      }
      return lines.join('\n');
    });
    await expectWhole();
    await everywhere(async () => 'iptables-restore -w < /tmp/before-28; iptables -w -t raw -F PREROUTING');
    await expectWhole();
  });

  it('among those of Docker 29 with nftables, which has no DOCKER-USER and leaves ingress unprotected', async () => {
    await everywhere(async (host) => {
      const bridge = await deviceOf(host, 4097);
      const drops = (await containersOf(host, 'neta')).map((address) => `ip daddr ${address} iifname != "${bridge}" drop`);
      return [
        'iptables-save > /tmp/before-29',
        // In one step, or the rule that is missed among Docker's is back before the chain can go.
        'iptables-restore -w -n <<"END"',
        '*filter\n:FORWARD ACCEPT\n-F FORWARD\n-F DOCKER-USER\n-X DOCKER-USER\nCOMMIT',
        'END',
        'nft -f - <<"END"',
        'table ip docker-bridges {',
        `chain raw-PREROUTING {\n type filter hook prerouting priority raw; policy accept;\n ${drops.join('\n ')}\n }`,
        'chain filter-FORWARD {\n type filter hook forward priority filter; policy accept;',
        ` oifname "${bridge}" ct state established,related accept`,
        ` oifname "${bridge}" iifname != "${bridge}" drop\n }`,
        '}',
        'END',
      ].join('\n');
    });
    await expectWhole();
    await everywhere(async () => 'nft delete table ip docker-bridges; iptables-restore -w < /tmp/before-29');
    await wholeSoon('all to be well again');
  });
});

describe('clients by UDP', () => {
  /** Sends from one port, again and again, until so many answers have come, and says whose they are. */
  async function listen(address: string, port: number, answered: number): Promise<ReadonlySet<string>> {
    const heard: string[] = [];
    socket.removeAllListeners('message');
    socket.on('message', (text) => heard.push(text.toString().trim()));
    await waitFor(`${answered} answers`, async () => {
      socket.send('ping', port, address);
      return heard.length >= answered;
    });
    return new Set(heard);
  }
  const socket = dgram.createSocket('udp4');
  afterAll(() => void socket.close());

  /** The image has no server of UDP: a program of the host serves in the network of the task. It goes with the lab. */
  async function serveIn(task: TaskView): Promise<void> {
    const host = lab.host(task.host);
    const script = `const s=require("dgram").createSocket("udp4");s.on("message",(_,from)=>s.send("${task.host}",from.port,from.address));s.bind(9000)`;
    const command = ['nsenter', '-t', await pidOf(host, task.container), '-n', '--', '/opt/swarm/node_modules/.bin/node', '-e', script];
    host.exec(command).catch(() => undefined);
  }

  it('are led to another task when theirs has left', async () => {
    const publish = ['-p', '9090:9000/udp', '--network', 'neta', '--mode', 'global', '--stop-grace-period', '1s'];
    await cluster.swarm('service', 'create', '-d', '--name', 'names', ...publish, 'example/echo');
    for (const task of await cluster.settled('names', 2)) await serveIn(task);
    const { address } = lab.host('host1');
    const [first = ''] = await listen(address, 9090, 1);
    // All that this socket sends goes one way, as long as there is one.
    expect([...(await listen(address, 9090, 10))]).toEqual([first]);
    await cluster.swarm('node', 'update', '--availability', 'drain', first);
    await waitFor('another task to answer', async () => [...(await listen(address, 9090, 1))].some((name) => name !== first));
    await cluster.swarm('node', 'update', '--availability', 'active', first);
    await cluster.swarm('service', 'rm', 'names');
    web = await cluster.settled('web', 4);
    clients = await cluster.settled('client', 2);
  });
});

describe('a service that publishes port 53', () => {
  it('has it, and containers find names as before, of the cluster and outside of it', async () => {
    const publish = ['-p', '53:9000/udp', '-p', '53:8080/tcp', '--network', 'neta'];
    await cluster.swarm('service', 'create', '-d', '--name', 'dns', ...publish, 'example/echo');
    await cluster.settled('dns', 1);
    const published = httpUrl(lab.host('host1').address, 53);
    await waitFor('port 53 to answer', async () => !answers(await lab.host('host2').sh(ask([published]))).includes('none'));
    await expectWhole();
    for (const client of clients) {
      // Nobody has it, and that is said at once: whoever asked the service would wait in vain.
      const { stdout, stderr } = await lab.host(client.host).exec(['docker', 'exec', client.container, 'nslookup', 'nowhere.example']);
      expect(stdout + stderr).not.toMatch(/timed out|no servers could be reached/);
    }
    await cluster.swarm('service', 'rm', 'dns');
  });
});
