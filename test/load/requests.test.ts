import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, formCluster, type TaskView } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { awaitService, startLoad } from '../lab/load.ts';

const REQUESTS = 20_000;
/** What two cores give three hosts and the clients, with room for the changes themselves. */
const RATE = 150;

/**
 * No request is lost: while a service is scaled, updated and moved, and daemons restart, clients look its name up for each
 * request, or come from outside to a published port.
 */
describe('requests', () => {
  let lab: Lab;
  let cluster: Cluster;
  let client: TaskView;
  beforeAll(async () => {
    lab = await Lab.up(3, { purpose: 'requests' });
    await lab.registry.publish('echo');
    await lab.registry.publish('echo', 'example/echo:2');
    cluster = await formCluster(lab);
    await cluster.swarm('network', 'create', '--driver', 'overlay', 'front');
    const echo = ['--network', 'front', 'example/echo'];
    await cluster.swarm('service', 'create', '-d', '--name', 'client', '--constraint', 'node.hostname == host1', ...echo);
    await cluster.swarm(
      'service',
      'create',
      '-d',
      '--name',
      'web',
      '--replicas',
      '4',
      '-p',
      '8080:8080',
      '--stop-grace-period',
      '10s',
      ...echo,
    );
    client = (await cluster.settled('client', 1))[0]!;
    await cluster.settled('web', 4);
  });
  afterAll(() => lab?.down());

  const web = () => ({ host: lab.host('host1'), container: client.container, url: 'http://web:8080/' });

  const changes: readonly (readonly [string, () => Promise<unknown>])[] = [
    [
      'scaling up and down',
      async () => {
        for (const replicas of [8, 2, 4]) {
          await cluster.swarm('service', 'scale', '-d', `web=${replicas}`);
          await cluster.settled('web', replicas);
        }
      },
    ],
    [
      'a rolling update',
      async () => {
        await cluster.swarm(
          'service',
          'update',
          '-d',
          '--image',
          'example/echo:2',
          '--update-parallelism',
          '2',
          '--update-order',
          'start-first',
          'web',
        );
        await cluster.settled('web', 4);
      },
    ],
    [
      'draining a host',
      async () => {
        await cluster.swarm('node', 'update', '--availability', 'drain', 'host3');
        await cluster.settled('web', 4);
        await cluster.swarm('node', 'update', '--availability', 'active', 'host3');
      },
    ],
    [
      'a restart of every daemon',
      async () => {
        for (const host of lab.hosts) {
          await host.killDaemon();
          await host.startDaemon();
        }
        await cluster.settled('web', 4);
      },
    ],
  ];

  it(`are all answered, ${REQUESTS} through each of the ways in, whatever is changed meanwhile`, { timeout: 600_000 }, async () => {
    const outside = { host: lab.host('host2'), url: `http://${lab.host('host3').address}:8080/` };
    await awaitService(web());
    await awaitService(outside);
    const byName = await startLoad({ ...web(), count: REQUESTS, rate: RATE });
    const byPort = await startLoad({ ...outside, count: REQUESTS, rate: RATE });
    for (const [, change] of changes) await change();
    expect(await byName.done).toMatchObject({ requests: REQUESTS, failures: 0, reasons: {} });
    expect(await byPort.done).toMatchObject({ requests: REQUESTS, failures: 0, reasons: {} });
  });

  it('fail only until it is known that a host is cut off', async () => {
    const load = await startLoad({ ...web(), count: 3_000, rate: 50 });
    await lab.host('host3').cutOff();
    await cluster.nodeState('host3', 'down');
    await cluster.settled('web', 4);
    const { requests, failures, failedUntilMs } = await load.done;
    await lab.host('host3').heal();
    expect(requests).toBe(3_000);
    expect(failures).toBeLessThan(requests / 2);
    expect(failedUntilMs ?? 0).toBeLessThan(45_000);
  });
});
