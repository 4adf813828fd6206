import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, formCluster, givingNobodyUp, type TaskView } from '../lab/cluster.ts';
import type { LabHost } from '../lab/host.ts';
import { Lab } from '../lab/lab.ts';
import { lookUpIn } from '../lab/load.ts';
import { waitFor, waitUntil } from '../lab/wait-for.ts';

/** Its pid; empty where none runs. */
const netProcess = async (host: LabHost) => (await host.exec(['pgrep', '-f', 'main.ts [n]et'])).stdout.trim();

describe('names', () => {
  let lab: Lab;
  let cluster: Cluster;
  beforeAll(async () => {
    lab = await Lab.up(3, { purpose: 'names' });
    await lab.registry.publish('echo');
    cluster = await formCluster(lab);
    for (const network of ['front', 'back']) await cluster.swarm('network', 'create', '--driver', 'overlay', network);
  });
  afterAll(() => lab?.down());
  afterEach(() => cluster.clear());

  async function deploy(name: string, replicas: number, ...flags: readonly string[]): Promise<readonly TaskView[]> {
    await cluster.swarm('service', 'create', '-d', '--name', name, '--replicas', `${replicas}`, ...flags, 'example/echo');
    return cluster.settled(name, replicas);
  }

  const found = async (task: TaskView, ...names: readonly string[]) =>
    (await lookUpIn(lab.host(task.host), task.container, ...names)).map(({ found, code }) => (code === undefined ? found : code));

  /** What they shall find is there on every host a moment after the tasks run. */
  async function eventually(tasks: readonly TaskView[], names: readonly string[], expected: unknown): Promise<void> {
    for (const task of tasks) {
      await waitUntil(
        `${names.join(', ')} as ${task.host} finds them`,
        () => found(task, ...names),
        (answers) => {
          expect(answers).toEqual(expected);
          return true;
        },
      );
    }
  }

  it('lead to the service, its tasks and each task, on every host; and back', async () => {
    const tasks = await deploy('web', 3, '--network', 'front');
    expect(new Set(tasks.map(({ host }) => host)).size).toBe(3);
    const address = expect.stringMatching(/^10\./);
    await eventually(tasks, ['web', 'tasks.web'], [[address], [address, address, address]]);
    const [[vip], addresses] = (await found(tasks[0]!, 'web', 'tasks.web')) as [string[], string[]];
    expect(addresses).not.toContain(vip);
    const names = tasks.map(({ slot, id }) => `web.${slot}.${id}`);
    const own = await found(tasks[1]!, ...names);
    expect(own.flat().sort()).toEqual(addresses);
    const back = await found(tasks[2]!, ...addresses, vip!);
    expect(back.flat().sort()).toEqual([...names, 'web'].map((name) => `${name}.front`).sort());
    expect(await found(tasks[0]!, 'wbe', 'tasks.wbe')).toEqual(['ENOTFOUND', 'ENOTFOUND']);
  });

  it('are told to the members of their network only', async () => {
    const [inFront] = await deploy('web', 1, '--network', 'front');
    const [inBack] = await deploy('db', 1, '--network', 'back');
    const [inBoth] = await deploy('app', 1, '--network', 'front', '--network', 'back');
    const address = expect.stringMatching(/^10\./);
    await eventually([inBoth!], ['web', 'db', 'app'], [[address], [address], [address]]);
    await eventually([inFront!], ['web', 'app', 'db'], [[address], [address], 'ENOTFOUND']);
    await eventually([inBack!], ['db', 'app', 'web'], [[address], [address], 'ENOTFOUND']);
  });

  it('of the outside are asked for at the resolvers of the host', async () => {
    const [task] = await deploy('web', 1, '--network', 'front', '--constraint', 'node.hostname == host2');
    const outside = `${lab.name}-host3.${lab.name}`;
    await eventually([task!], [outside, 'nobody.example.invalid'], [[lab.host('host3').address], 'ENOTFOUND']);
  });

  it('follow the tasks as they come and go', async () => {
    const [client] = await deploy('client', 1, '--network', 'front');
    await deploy('web', 2, '--network', 'front');
    for (const replicas of [5, 1, 3]) {
      await cluster.swarm('service', 'scale', '-d', `web=${replicas}`);
      await waitUntil(
        `tasks.web to have ${replicas} addresses`,
        () => found(client!, 'tasks.web'),
        ([one]) => one?.length === replicas,
      );
    }
  });

  it('are answered while the daemon is away, and by the same process once it is back', async () => {
    const [task] = await deploy('web', 1, '--network', 'front', '--constraint', 'node.hostname == host2');
    const host = lab.host('host2');
    const address = expect.stringMatching(/^10\./);
    await eventually([task!], ['web'], [[address]]);
    const pid = await netProcess(host);
    await givingNobodyUp(cluster, async () => {
      await host.killDaemon();
      expect(await found(task!, 'web')).toEqual([[address]]);
      await host.startDaemon();
      expect(await found(task!, 'web')).toEqual([[address]]);
      expect(await netProcess(host)).toBe(pid);
    });
  });

  it('are answered again soon after their process was killed', async () => {
    const [task] = await deploy('web', 1, '--network', 'front', '--constraint', 'node.hostname == host2');
    await lab.host('host2').exec(['kill', '-KILL', await netProcess(lab.host('host2'))]);
    await eventually([task!], ['web'], [[expect.stringMatching(/^10\./)]]);
  });

  it('leave when the node leaves: no process stays', async () => {
    const host = await lab.addHost();
    await host.startDaemon();
    const token = (await cluster.swarm('join-token', '-q', 'worker')).trim();
    await host.swarm('join', '--token', token, `${cluster.manager.address}:2377`);
    await deploy('web', 1, '--network', 'front', '--constraint', `node.hostname == ${host.name}`);
    await waitFor('the process for names', async () => (await netProcess(host)) !== '');
    await cluster.clear();
    await host.swarm('leave');
    await waitFor('it to be gone', async () => (await netProcess(host)) === '');
  });

  it('a host whose port 4789 is closed is named, with the cause', async () => {
    await deploy('web', 3, '--network', 'front');
    const host = lab.host('host3');
    const rules = 'table inet lab_4789 { chain in { type filter hook prerouting priority -400; udp dport 4789 iifname "eth0" drop; }; }';
    await host.exec(['nft', '-f', '-'], { input: rules });
    try {
      await waitUntil(
        'the problem of host3',
        () => cluster.swarm('node', 'inspect', 'host3'),
        (text) => text.includes('4789/udp is closed'),
      );
    } finally {
      await host.sh('nft delete table inet lab_4789');
    }
    await waitUntil(
      'it to be well again',
      () => cluster.swarm('node', 'inspect', 'host3'),
      (text) => !text.includes('4789/udp is closed'),
    );
  });
});
