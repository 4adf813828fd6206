import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { awaitNoOrphans, type Cluster, formCluster, perHost, taskContainers } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-for.ts';

describe('placement on three hosts', () => {
  let lab: Lab;
  let cluster: Cluster;
  beforeAll(async () => {
    const zones = ['ssd', 'ssd', 'hdd'];
    lab = await Lab.up(3, { purpose: 'placement', host: (index) => ({ engineLabels: { disk: zones[index] ?? '' } }) });
    await lab.registry.publish('echo');
    cluster = await formCluster(lab);
    await cluster.swarm('node', 'update', '--label-add', 'zone=a', 'host1');
    await cluster.swarm('node', 'update', '--label-add', 'zone=a', 'host2');
    await cluster.swarm('node', 'update', '--label-add', 'zone=b', 'host3');
  });
  afterAll(() => lab?.down());
  afterEach(() => cluster.clear());

  const create = (name: string, ...flags: readonly string[]) =>
    cluster.swarm('service', 'create', '-d', '--name', name, ...flags, 'example/echo');

  it.each([
    { rule: 'workers only', flags: ['--constraint', 'node.role != manager'], replicas: 4, expected: { host2: 2, host3: 2 } },
    { rule: 'the manager only', flags: ['--constraint', 'node.role == manager'], replicas: 2, expected: { host1: 2 } },
    { rule: 'one host by its name', flags: ['--constraint', 'node.hostname == host3'], replicas: 2, expected: { host3: 2 } },
    { rule: 'a label of the node', flags: ['--constraint', 'node.labels.zone == b'], replicas: 2, expected: { host3: 2 } },
    {
      rule: 'all but a label of the node',
      flags: ['--constraint', 'node.labels.zone != b'],
      replicas: 2,
      expected: { host1: 1, host2: 1 },
    },
    { rule: 'a label of the engine', flags: ['--constraint', 'engine.labels.disk == hdd'], replicas: 2, expected: { host3: 2 } },
    {
      rule: 'half in each zone',
      flags: ['--placement-pref', 'spread=node.labels.zone'],
      replicas: 4,
      expected: { host1: 1, host2: 1, host3: 2 },
    },
    { rule: 'the same number everywhere', flags: [], replicas: 3, expected: { host1: 1, host2: 1, host3: 1 } },
  ])('$replicas replicas with "$rule" go to $expected', async ({ flags, replicas, expected }) => {
    await create('web', '--replicas', String(replicas), ...flags);
    expect(perHost(await cluster.settled('web', replicas))).toEqual(expected);
  });

  it.each([
    { cause: 'a constraint nobody meets', flags: ['--constraint', 'node.labels.zone == c'], says: /constraint/i },
    { cause: 'more memory than any host has', flags: ['--reserve-memory', '100t'], says: /memory|resource/i },
  ])('a task that fits nowhere because of $cause says so in "service ps"', async ({ flags, says }) => {
    await create('web', ...flags);
    await waitUntil(
      'the reason',
      () => cluster.swarm('service', 'ps', '--no-trunc', 'web'),
      (table) => says.test(table) && /3/.test(table),
    );
    expect(await cluster.running('web')).toEqual([]);
  });

  it('no more than the maximum go to one node; the rest wait and say why', async () => {
    await create('web', '--replicas', '5', '--replicas-max-per-node', '1');
    const tasks = await waitUntil(
      'three to run and two to wait with a reason',
      () => cluster.tasks('web'),
      (all) => all.filter((task) => task.state === 'running').length === 3 && all.filter((task) => /max/.test(task.why)).length === 2,
    );
    expect(perHost(tasks.filter((task) => task.state === 'running'))).toEqual({ host1: 1, host2: 1, host3: 1 });
  });

  it('a task that waits is placed as soon as a node fits', async () => {
    await create('web', '--constraint', 'node.labels.later == yes');
    await waitUntil(
      'the reason',
      () => cluster.tasks('web'),
      ([task]) => /constraint/i.test(task?.why ?? ''),
    );
    await cluster.swarm('node', 'update', '--label-add', 'later=yes', 'host2');
    expect(perHost(await cluster.settled('web', 1))).toEqual({ host2: 1 });
    await cluster.swarm('node', 'update', '--label-rm', 'later', 'host2');
    await waitUntil(
      'the task to be gone from there, and its successor to wait',
      () => cluster.tasks('web'),
      (tasks) => {
        const moved = tasks.find((task) => task.host === 'host2');
        const waits = tasks.find((task) => task.state === 'pending');
        return moved?.desired === 'shutdown' && /constraint/i.test(waits?.why ?? '');
      },
    );
    await awaitNoOrphans(cluster, ['web']);
  });

  it('a global service has one task on every node that fits, and one more when another fits', async () => {
    await create('agent', '--mode', 'global', '--constraint', 'node.labels.zone == a');
    expect(perHost(await cluster.settled('agent', 2))).toEqual({ host1: 1, host2: 1 });
    await cluster.swarm('node', 'update', '--label-add', 'zone=a', 'host3');
    await cluster.settled('agent', 3);
    await cluster.swarm('node', 'update', '--label-add', 'zone=b', 'host3');
    expect(perHost(await cluster.settled('agent', 2))).toEqual({ host1: 1, host2: 1 });
  });

  it('scales 3 → 30 → 2: slots are numbered from 1 without gaps, and the lowest stay', async () => {
    await create('web', '--replicas', '3');
    await cluster.settled('web', 3);
    await cluster.swarm('service', 'scale', '-d', 'web=30');
    const thirty = await cluster.settled('web', 30);
    expect(thirty.map((task) => task.slot)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect(perHost(thirty)).toEqual({ host1: 10, host2: 10, host3: 10 });
    const names = (await Promise.all(lab.hosts.map(taskContainers))).flat().map((container) => container.name);
    expect(names.toSorted()).toEqual(thirty.map((task) => `web.${task.slot}.${task.id}`).toSorted());

    await cluster.swarm('service', 'scale', '-d', 'web=2');
    const two = await cluster.settled('web', 2);
    expect(two.map((task) => task.id).every((id) => thirty.some((task) => task.id === id))).toBe(true);
    await awaitNoOrphans(cluster, ['web']);
  });
});
