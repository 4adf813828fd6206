import type { Service } from '@swarm/shared/domain/objects';
import { delay, systemClock } from '@swarm/shared/runtime/clock';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { awaitNoOrphans, type Cluster, formCluster, givingNobodyUp, perHost, taskContainers } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { waitFor, waitUntil } from '../lab/wait-for.ts';

const MANAGER_KILLS = 20;
/** More than the heartbeat period of 5 s. */
const STALL_MS = 9_000;

describe('loss', () => {
  let lab: Lab;
  let cluster: Cluster;
  beforeAll(async () => {
    lab = await Lab.up(3, { purpose: 'loss' });
    await lab.registry.publish('echo');
    cluster = await formCluster(lab);
  });
  afterAll(() => lab?.down());
  afterEach(() => cluster.clear());

  async function deploy(name: string, replicas: number, ...flags: readonly string[]) {
    await cluster.swarm(
      'service',
      'create',
      '-d',
      '--name',
      name,
      '--replicas',
      String(replicas),
      '--restart-delay',
      '1s',
      ...flags,
      'example/echo',
    );
    return cluster.settled(name, replicas);
  }

  /** In seconds since the epoch, as the Engine API takes it. */
  const timeOfManager = async () => (await cluster.manager.sh('date +%s.%N')).trim();

  async function hasLostNode(since: string): Promise<boolean> {
    const filters = encodeURIComponent(JSON.stringify({ type: ['node'] }));
    const query = `since=${since}&until=${await timeOfManager()}&filters=${filters}`;
    const events = await cluster.manager.sh(`curl -sS --unix-socket /run/swarm/docker.sock 'http://swarm/v1.41/events?${query}'`);
    return events.includes('"state.new":"down"');
  }

  it('a killed container is replaced by a new task in its slot', async () => {
    const [first] = await deploy('web', 1, '--constraint', 'node.hostname == host2');
    await lab.host('host2').docker('kill', first!.container);
    const [second] = await waitUntil(
      'another task to run in its place',
      () => cluster.running('web'),
      ([task]) => task !== undefined && task.id !== first!.id,
    );
    expect(second!.slot).toBe(first!.slot);
    const ended = (await cluster.tasks('web')).find((task) => task.id === first!.id);
    expect(ended).toMatchObject({ state: 'failed', desired: 'shutdown' });
    expect(ended!.why).toMatch(/137/);
  });

  it('kill -9 of the daemon on a worker: its containers run on, and it takes them up again', async () => {
    const before = await deploy('web', 3);
    const worker = lab.host('host3');
    const containers = await taskContainers(worker);
    await worker.killDaemon();
    await cluster.nodeState('host3', 'down');
    expect((await taskContainers(worker)).filter(({ state }) => state === 'running')).toHaveLength(containers.length);
    await worker.startDaemon();
    await cluster.nodeState('host3', 'ready');
    const after = await cluster.settled('web', 3);
    await awaitNoOrphans(cluster, ['web']);
    expect(after.filter((task) => task.host !== 'host3').map(({ id }) => id)).toEqual(
      expect.arrayContaining(before.filter((task) => task.host !== 'host3').map(({ id }) => id)),
    );
  });

  it('a daemon that is back within the grace period loses nothing', async () => {
    await deploy('web', 3);
    const ids = async () => (await cluster.settled('web', 3)).map(({ id }) => id);
    const { before, after } = await waitFor('a daemon to be back within the grace period, on a machine that is slow now', async () => {
      const seen = await ids();
      const since = await timeOfManager();
      await lab.host('host3').killDaemon();
      await lab.host('host3').startDaemon();
      await cluster.nodeState('host3', 'ready');
      const now = await ids();
      const isTooLate = now.join() !== seen.join() && (await hasLostNode(since));
      return isTooLate ? undefined : { before: seen, after: now };
    });
    expect(after).toEqual(before);
    await awaitNoOrphans(cluster, ['web']);
  });

  it(`kill -9 of the manager ${MANAGER_KILLS} times in the middle of deploys: nothing acknowledged is lost, no duplicate, no orphan`, async () => {
    const before = await deploy('steady', 2, '--constraint', 'node.role == worker');
    const acknowledged: string[] = [];
    await givingNobodyUp(cluster, async () => {
      for (let round = 1; round <= MANAGER_KILLS; round++) {
        const name = `round-${round}`;
        const create = cluster.manager.exec(['swarm', 'service', 'create', '-d', '--name', name, '--replicas', '2', 'example/echo']);
        // Sometimes before the answer, sometimes while tasks are placed or started.
        if (round % 2 === 0) await create;
        await cluster.manager.killDaemon();
        if ((await create).exitCode === 0) acknowledged.push(name);
        await cluster.manager.startDaemon();
      }
      const services = await cluster.get<readonly Service[]>('/services');
      const names = services.map((service) => service.Spec.Name);
      expect(acknowledged.length).toBeGreaterThanOrEqual(MANAGER_KILLS / 2);
      expect(acknowledged.filter((name) => !names.includes(name))).toEqual([]);
      expect(new Set(names).size).toBe(names.length);
      for (const name of names) await cluster.settled(name, 2);
      await awaitNoOrphans(cluster, names);
      expect((await cluster.settled('steady', 2)).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    });
  });

  it('workers run on without a manager, and start a container again that crashed meanwhile', async () => {
    const [task] = await deploy('web', 1, '--constraint', 'node.hostname == host2');
    await cluster.manager.killDaemon();
    await lab.host('host2').docker('kill', task!.container);
    await waitFor('a container to run on host2 again', async () =>
      (await taskContainers(lab.host('host2'))).some(({ state }) => state === 'running'),
    );
    await cluster.manager.startDaemon();
    await cluster.settled('web', 1);
    await awaitNoOrphans(cluster, ['web']);
  });

  it('a killed engine comes back, and so do its tasks', async () => {
    await deploy('web', 3);
    const worker = lab.host('host2');
    await worker.killEngine();
    await worker.startEngine();
    await cluster.settled('web', 3);
    await awaitNoOrphans(cluster, ['web']);
  });

  it('a host that is cut off is replaced elsewhere; healed, its surplus goes and nothing else is touched', async () => {
    const before = await deploy('web', 6, '--constraint', 'node.role == worker');
    const cut = lab.host('host3');
    await cut.cutOff();
    await cluster.nodeState('host3', 'down');
    await waitUntil(
      'six tasks on the host that is left',
      () => cluster.running('web'),
      (tasks) => tasks.filter((task) => task.host === 'host2').length === 6,
    );
    expect((await taskContainers(cut)).filter(({ state }) => state === 'running')).toHaveLength(3);
    await cut.heal();
    await cluster.nodeState('host3', 'ready');
    const after = await cluster.settled('web', 6);
    await awaitNoOrphans(cluster, ['web']);
    const untouched = before.filter((task) => task.host === 'host2').map(({ id }) => id);
    expect(after.map(({ id }) => id)).toEqual(expect.arrayContaining(untouched));
  });

  it('a host that reboots comes back as the node it was', async () => {
    await deploy('web', 3);
    const id = await cluster.nodeID('host2');
    await lab.host('host2').stop();
    await cluster.nodeState('host2', 'down');
    await cluster.settled('web', 3);
    await lab.host('host2').start();
    await cluster.nodeState('host2', 'ready');
    expect(await cluster.nodeID('host2')).toBe(id);
    await cluster.settled('web', 3);
    await awaitNoOrphans(cluster, ['web']);
  });

  it('the manager loses its power and comes back with all it had acknowledged', async () => {
    const before = await deploy('web', 2, '--constraint', 'node.role == worker');
    await givingNobodyUp(cluster, async () => {
      await cluster.manager.powerOff();
      await cluster.manager.start();
      await cluster.nodeState('host2', 'ready');
      await cluster.nodeState('host3', 'ready');
      expect((await cluster.settled('web', 2)).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    });
    await awaitNoOrphans(cluster, ['web']);
  });

  it('a manager that stands still for longer than the heartbeat period blames nobody for it', async () => {
    const before = await deploy('web', 4, '--constraint', 'node.role == worker');
    // It looks on the manager itself, so that it sees what is true from the first moment after the stall on.
    await cluster.manager.sh(`cat > /tmp/watch; : > /tmp/looks; setsid sh /tmp/watch > /dev/null 2>&1 &`, {
      input: `echo $$ > /tmp/watch.pid; while :; do curl -sS --unix-socket /run/swarm/docker.sock http://swarm/v1.41/nodes | grep -o '"State":"[a-z]*"' >> /tmp/looks; echo >> /tmp/looks; sleep 0.1; done`,
    });
    await cluster.manager.pause();
    // Here time that passes is the fault itself.
    await delay(systemClock, STALL_MS);
    await cluster.manager.unpause();
    const looks = () => cluster.manager.sh('cat /tmp/looks');
    const seenBefore = (await looks()).length;
    await waitFor('a hundred more looks at the nodes', async () => (await looks()).slice(seenBefore).split('\n\n').length > 100);
    await cluster.manager.sh('kill $(cat /tmp/watch.pid)');
    expect(await looks()).toMatch(/ready/);
    expect(await looks()).not.toMatch(/down|disconnected|unknown/);
    expect((await cluster.settled('web', 4)).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  });

  it('drain moves tasks away and keeps them away; active lets new ones in; pause keeps those there', async () => {
    await deploy('web', 6);
    await cluster.swarm('node', 'update', '--availability', 'drain', 'host2');
    await waitUntil(
      'host2 to be empty',
      () => cluster.settled('web', 6),
      (tasks) => !('host2' in perHost(tasks)),
    );
    await waitFor('no container to run on host2', async () =>
      (await taskContainers(lab.host('host2'))).every(({ state }) => state !== 'running'),
    );
    await cluster.swarm('node', 'update', '--availability', 'active', 'host2');
    expect(perHost(await cluster.settled('web', 6))).not.toHaveProperty('host2');
    await cluster.swarm('service', 'scale', '-d', 'web=9');
    expect(perHost(await cluster.settled('web', 9))).toEqual({ host1: 3, host2: 3, host3: 3 });
    await cluster.swarm('node', 'update', '--availability', 'pause', 'host2');
    await cluster.swarm('service', 'scale', '-d', 'web=12');
    expect(perHost(await cluster.settled('web', 12))).toMatchObject({ host2: 3 });
    await cluster.swarm('node', 'update', '--availability', 'active', 'host2');
  });
});
