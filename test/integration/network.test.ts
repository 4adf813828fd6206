import dgram from 'node:dgram';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, formCluster, givingNobodyUp, type TaskView } from '../lab/cluster.ts';
import type { LabHost } from '../lab/host.ts';
import { Lab } from '../lab/lab.ts';
import { pidOf, startLoad } from '../lab/load.ts';
import { answers, ask, httpUrl, times } from '../lab/probes.ts';
import { waitFor, waitUntil } from '../lab/wait-for.ts';

/**
 * The data plane on real hosts: who reaches whom, who must not, and that it comes back after every force. This process is
 * the client from outside: it has an address in the lab's network and is no host of the cluster.
 */
const PORT = 8080;
const VXLAN_PORT = 4789;

let lab: Lab;
let cluster: Cluster;
let web: readonly TaskView[];
let client: readonly TaskView[];
let stranger: readonly TaskView[];
let vip: string;
let addresses: readonly string[];

beforeAll(async () => {
  lab = await Lab.up(3, { purpose: 'network' });
  await lab.registry.publish('echo');
  cluster = await formCluster(lab);
  for (const network of ['neta', 'netb']) await createNetwork('--driver', 'overlay', network);
  const publish = ['-p', `${PORT}:8080`, '-p', '9090:8080/udp'];
  await cluster.swarm('service', 'create', '-d', '--name', 'web', '--replicas', '6', '--network', 'neta', ...publish, 'example/echo');
  await cluster.swarm('service', 'create', '-d', '--name', 'client', '--mode', 'global', '--network', 'neta', 'example/echo');
  await cluster.swarm('service', 'create', '-d', '--name', 'stranger', '--mode', 'global', '--network', 'netb', 'example/echo');
  web = await cluster.settled('web', 6);
  client = await cluster.settled('client', 3);
  stranger = await cluster.settled('stranger', 3);
  const tables = await waitUntil(
    'the table of every host to have six tasks',
    () => Promise.all(lab.hosts.map(netTable)),
    (all) => all.every(({ names }) => names['tasks.web']?.length === 6),
  );
  vip = tables[0]?.names.web?.[0] ?? '';
  addresses = tables[0]?.names['tasks.web'] ?? [];
});
afterAll(() => lab?.down());

interface Table {
  readonly name: string;
  readonly gateway: string;
  readonly names: Readonly<Record<string, readonly string[]>>;
}

async function netTable(host: LabHost): Promise<Table> {
  const { networks } = JSON.parse(await host.sh('cat /run/swarm/net/tables.json')) as { networks: readonly Table[] };
  const own = networks.find(({ name }) => name === 'neta');
  if (own === undefined) throw new Error(`${host.name} has no table of neta yet`);
  return own;
}

/** Runs a script in the network of a task's container, with the programs of its host. */
async function inTask(task: TaskView | undefined, script: string): Promise<string> {
  if (task === undefined) throw new Error('no such task');
  const host = lab.host(task.host);
  return host.sh(`nsenter -t ${await pidOf(host, task.container)} -n -- sh -c '${script}'`);
}

const http = (address: string, port = PORT) => httpUrl(address, port);

async function expectReached(text: Promise<string>, count: number): Promise<void> {
  const got = answers(await text);
  expect(got).toHaveLength(count);
  expect(got).not.toContain('none');
}

describe('tasks of one network', () => {
  it('reach each other by address on every host, and by the virtual IP, which answers pings too', async () => {
    for (const task of client) {
      await expectReached(inTask(task, ask(addresses.map((address) => http(address)))), 6);
      await expectReached(inTask(task, ask(times(10, http(vip)))), 10);
    }
    const [task] = client;
    await lab.host(task!.host).docker('exec', task!.container, 'ping', '-c', '1', '-W', '5', vip);
  });

  it('reach themselves by the virtual IP', async () => {
    await expectReached(inTask(web[0], ask(times(20, http(vip)))), 20);
  });

  it('pass packets of full size and larger ones', async () => {
    const task = client.find(({ host }) => host === 'host1')!;
    const remote = web.find(({ host }) => host === 'host2')!;
    const format = '{{(index .NetworkSettings.Networks "neta").IPAddress}}';
    const address = (await lab.host('host2').docker('inspect', '-f', format, remote.container)).trim();
    for (const size of ['1422', '4000']) {
      await lab.host('host1').docker('exec', task.container, 'ping', '-c', '2', '-W', '5', '-s', size, address);
    }
  });

  it('are spread over evenly by the virtual IP', { timeout: 600_000 }, async () => {
    const counts = new Map<string, number>();
    // In parts: what runs on a host of the lab may last two minutes.
    for (let part = 0; part < 6; part += 1) {
      const at = { host: lab.host(client[0]!.host), container: client[0]!.container, url: http(vip) };
      const { failures, reasons, servedBy } = await (await startLoad({ ...at, count: 10_000, concurrency: 32 })).done;
      expect(failures, JSON.stringify(reasons)).toBe(0);
      for (const [server, count] of Object.entries(servedBy)) counts.set(server, (counts.get(server) ?? 0) + count);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 10_000) / 10_000).toBeLessThan(0.05);
  });
});

describe('tasks of another network', () => {
  it('reach neither tasks nor virtual IP, on the same host and across', async () => {
    for (const task of stranger) {
      const got = answers(
        await inTask(
          task,
          ask(
            [...addresses, vip].map((address) => http(address)),
            1,
          ),
        ),
      );
      expect(got).toEqual(times(7, 'none'));
    }
  });
});

describe('a published port', () => {
  it('answers the host itself, by loopback, by its own address and by those of others', async () => {
    for (const host of lab.hosts) {
      const urls = ['127.0.0.1', ...lab.hosts.map(({ address }) => address)].flatMap((address) => times(4, http(address)));
      await expectReached(host.sh(ask(urls)), urls.length);
    }
  });

  it('answers containers of the cluster, those that publish it, and those of nobody', async () => {
    const { gateway } = await netTable(lab.host(client[0]!.host));
    for (const task of [client[0], stranger[0], web[0]]) {
      const own = lab.host(task!.host).address;
      const other = lab.hosts.find(({ address }) => address !== own)!.address;
      const urls = [own, other, ...(task === stranger[0] ? [] : [gateway])].flatMap((address) => times(6, http(address)));
      await expectReached(inTask(task, ask(urls)), urls.length);
    }
  });

  it('answers on every host from outside, and shows the client’s address where a task is at hand', async () => {
    const clients = new Set<string>();
    for (const host of lab.hosts) {
      for (let n = 0; n < 5; n += 1) {
        const text = await (await fetch(`http://${host.address}:${PORT}/cgi-bin/echo`)).text();
        clients.add(/^client: \[?(?:::ffff:)?([\d.]+)/m.exec(text)?.[1] ?? 'unread');
      }
    }
    expect([...clients]).toEqual([await outsideAddress()]);
  });

  it('with swarm.ingress=local answers where a task is, and is refused elsewhere', async () => {
    const flags = ['--label', 'swarm.ingress=local', '--constraint', 'node.hostname == host2', '-p', '8081:8080'];
    await cluster.swarm('service', 'create', '-d', '--name', 'near', ...flags, 'example/echo');
    await cluster.settled('near', 1);
    const outcome = async (host: LabHost) => {
      try {
        return (await fetch(`http://${host.address}:8081/`)).status;
      } catch (error) {
        return ((error as Error).cause as NodeJS.ErrnoException).code;
      }
    };
    await waitUntil(
      'host2 alone to answer',
      () => Promise.all(lab.hosts.map(outcome)),
      (seen) => JSON.stringify(seen) === JSON.stringify(['ECONNREFUSED', 200, 'ECONNREFUSED']),
    );
    await cluster.swarm('service', 'rm', 'near');
  });

  it('does not let tasks reach each other over ingress', async () => {
    const other = web.find(({ host }) => host !== web[0]!.host)!;
    const neighbour = web.find((task) => task.host === web[0]!.host && task !== web[0])!;
    for (const task of [other, neighbour]) {
      const format = '{{.NetworkSettings.Networks.ingress.IPAddress}}';
      const address = (await lab.host(task.host).docker('inspect', '-f', format, task.container)).trim();
      expect(answers(await inTask(web[0], ask([http(address)], 1)))).toEqual(['none']);
    }
  });
});

describe('frames from strangers', () => {
  const FRAMES = 50;
  const vni = 4097;

  /** As many as the VXLAN port of neta on host2 took while `send` sent. */
  async function taken(send: () => Promise<unknown>): Promise<number> {
    const host = lab.host('host2');
    const count = async () => Number(await host.sh(`cat /sys/class/net/sw????x${vni}/statistics/rx_packets`));
    const before = await count();
    await send();
    return (await count()) - before;
  }
  /** An unused kind of Ethernet frame to all, from a sender with a made-up address. */
  const frame = Buffer.concat([
    Buffer.from([8, 0, 0, 0, 0, vni >> 8, vni & 255, 0]),
    Buffer.from('ffffffffffff0253000000998888', 'hex'),
    Buffer.alloc(46),
  ]);
  const escaped = [...frame].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('');
  const script = (address: string) => `for i in $(seq ${FRAMES}); do printf "${escaped}" > /dev/udp/${address}/${VXLAN_PORT}; done`;

  it('are taken from the hosts of the cluster, and from nobody outside', async () => {
    const target = lab.host('host2').address;
    // Else the next would show nothing.
    expect(await taken(() => lab.host('host1').exec(['bash', '-c', script(target)]))).toBeGreaterThan(FRAMES / 2);
    const socket = dgram.createSocket('udp4');
    const sendAll = async () => {
      for (let n = 0; n < FRAMES; n += 1) {
        await new Promise<void>((resolve, reject) =>
          socket.send(frame, VXLAN_PORT, target, (error) => (error ? reject(error) : resolve())),
        );
      }
    };
    expect(await taken(sendAll)).toBeLessThan(FRAMES / 2);
    socket.close();
  });

  it('are taken from no container, of whatever network', async () => {
    const target = lab.host('host2').address;
    for (const host of ['host1', 'host2']) {
      const task = stranger.find((each) => each.host === host)!;
      const pid = await pidOf(lab.host(host), task.container);
      const command = ['nsenter', '-t', pid, '-n', '--', 'bash', '-c', script(target)];
      expect(await taken(() => lab.host(host).exec(command))).toBeLessThan(FRAMES / 2);
    }
  });
});

describe('an internal network', () => {
  it('leads to its own tasks and nowhere else', async () => {
    await createNetwork('--driver', 'overlay', '--internal', 'inside');
    const mode = ['--mode', 'global', '--network', 'inside'];
    await cluster.swarm('service', 'create', '-d', '--name', 'hidden', ...mode, 'example/echo');
    const tasks = await cluster.settled('hidden', 3);
    const outside = createServer((_, response) => response.end('outside\n')).listen(0);
    const url = `http://${await outsideAddress()}:${(outside.address() as AddressInfo).port}/`;
    try {
      expect(answers(await inTask(client[0], ask([url])))).toEqual(['outside']);
      expect(answers(await inTask(tasks[0], ask([url], 2)))).toEqual(['none']);
    } finally {
      outside.close();
    }
    const other = tasks.find(({ host }) => host !== tasks[0]!.host)!;
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
    const address = (await lab.host(other.host).docker('inspect', '-f', format, other.container)).trim();
    await waitFor('its own tasks to be reached', async () => {
      await expectReached(inTask(tasks[0], ask([http(address)])), 1);
      return true;
    });
    await cluster.swarm('service', 'rm', 'hidden');
  });
});

describe('what is removed by force', () => {
  const whole = async () => {
    await expectReached(
      inTask(
        client.find(({ host }) => host === 'host1'),
        ask([http(vip), ...addresses.map((each) => http(each))], 2),
      ),
      7,
    );
    await expectReached(lab.host('host1').sh(ask([http('127.0.0.1')], 2)), 1);
    const response = await fetch(http(lab.host('host1').address), { signal: AbortSignal.timeout(2_000) });
    expect(response.status).toBe(200);
    return true;
  };
  const rows: readonly (readonly [string, string])[] = [
    ['the VXLAN port', 'ip link del $(basename /sys/class/net/sw????x4097)'],
    ['the bridge', 'ip link del $(basename /sys/class/net/sw????b4097)'],
    ['the bridge of ingress', 'ip link del $(basename /sys/class/net/sw????b4096)'],
    [
      'where frames go',
      'for x in /sys/class/net/sw????x*; do bridge fdb show dev $(basename $x) | grep ^00:00 | while read m d ip rest; do bridge fdb del $m dev $(basename $x) dst $ip; done; done',
    ],
    [
      'the route of virtual IPs',
      'd=$(basename /sys/class/net/sw????b4097); ip route show table local dev $d | grep / | grep ^local | while read l r rest; do ip route del local $r dev $d table local; done',
    ],
    ['the rules', 'for t in $(nft list tables | grep swarm_ | sed "s/table //;s/ /:/"); do nft delete table $(echo $t | tr : " "); done'],
    ['the rule among Docker’s', 'iptables -w -F DOCKER-USER'],
    [
      'the connection of a container',
      'docker network disconnect -f neta $(docker ps -q --filter label=com.docker.swarm.service.name=client)',
    ],
    ['the process that answers names', 'kill -9 $(lab-pids net)'],
  ];
  it.each(rows)('%s: it is repaired', async (_, script) => {
    await waitFor('all to be well before', whole);
    await lab.host('host1').sh(script);
    await waitFor('all to be well again', whole);
  });

  it('a daemon that is killed interrupts nothing, and the host is whole again after a reboot', async () => {
    const host = lab.host('host3');
    const { done } = await startLoad({
      host: lab.host(client[0]!.host),
      container: client[0]!.container,
      url: http(vip),
      count: 2_000,
      rate: 200,
    });
    await givingNobodyUp(cluster, async () => {
      await host.killDaemon();
      await host.startDaemon();
      expect((await done).failures).toBe(0);
    });
    await host.stop();
    await host.start();
    await cluster.nodeState('host3', 'ready');
    web = await cluster.settled('web', 6);
    await waitFor('host3 to lead to tasks again', async () => (await fetch(http(host.address), { signal: AbortSignal.timeout(2_000) })).ok);
  });
});

describe('a host that leaves', () => {
  it('keeps nothing of ours', async () => {
    const host = lab.host('host3');
    await host.swarm('leave');
    expect(await host.sh('ip -br link | grep "^sw" || true')).toBe('');
    expect(await host.sh('nft list tables | grep swarm_ || true')).toBe('');
    expect(await host.sh('docker network ls -q --filter label=swarm.network.id')).toBe('');
    expect(await host.sh('iptables -S DOCKER-USER | grep connmark || true')).toBe('');
  });
});

/** By the unmodified docker CLI. */
async function createNetwork(...flags: readonly string[]): Promise<void> {
  await cluster.manager.docker('-H', 'unix:///run/swarm/docker.sock', 'network', 'create', ...flags);
}

/** This process's own address in the lab's network. */
async function outsideAddress(): Promise<string> {
  const socket = dgram.createSocket('udp4');
  await new Promise<void>((resolve) => socket.connect(9, lab.host('host1').address, resolve));
  const { address } = socket.address();
  socket.close();
  return address;
}
