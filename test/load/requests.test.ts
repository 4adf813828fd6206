import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, formCluster, perHost, type TaskView } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { awaitService, startLoad } from '../lab/load.ts';

const REQUESTS = 20_000;
/** What two cores give three hosts and the clients, with room for the changes themselves. */
const RATE = 150;
/** While a host is cut off; with as many requests under way as wait for it. */
const CUT_RATE = 25;
const CUT_SECONDS = 60;
/** From the manager's word to the last host's rules, on a busy machine. */
const SPREAD_MS = 3_000;
/** Only who asks a host that does not answer tries again, the first time after a second. */
const WAITED_MS = 1_000;

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
    const spans: { readonly name: string; readonly from: number; readonly until: number }[] = [];
    await awaitService(web());
    await awaitService(outside);
    const byName = await startLoad({ ...web(), count: REQUESTS, rate: RATE });
    const byPort = await startLoad({ ...outside, count: REQUESTS, rate: RATE });
    for (const [name, change] of changes) {
      const from = Date.now();
      await change();
      spans.push({ name, from, until: Date.now() });
    }
    for (const [name, { done }] of [
      ['by name', byName],
      ['by port', byPort],
    ] as const) {
      const { requests, failures, reasons, p50Ms, p99Ms, startedAtMs, failedFromMs = 0 } = await done;
      const span = spans.find(({ from, until }) => startedAtMs + failedFromMs >= from && startedAtMs + failedFromMs <= until);
      const when =
        failures === 0 ? '' : `, first ${startedAtMs + failedFromMs - (span?.from ?? startedAtMs)} ms into ${span?.name ?? 'the load'}`;
      console.log(
        `${name}: ${failures} of ${requests} requests failed (${JSON.stringify(reasons)}${when}); p50 ${p50Ms} ms, p99 ${p99Ms} ms`,
      );
      expect({ requests, failures, reasons }).toEqual({ requests: REQUESTS, failures: 0, reasons: {} });
    }
  });

  it('fail only until it is known that a host is cut off, no more than what was led there until then', async () => {
    const tasks = await cluster.settled('web', 4);
    const victim = tasks.find(({ host }) => host !== 'host1')?.host;
    if (victim === undefined) throw new Error(`no task is on another host than the client: ${JSON.stringify(perHost(tasks))}`);
    const share = (perHost(tasks)[victim] ?? 0) / tasks.length;
    const other = lab.host(victim === 'host3' ? 'host2' : 'host3');
    const waysIn = [
      ['by name', web()],
      ['by port', { host: lab.host('host1'), url: `http://${other.address}:8080/` }],
    ] as const;
    await Promise.all(waysIn.map(([, at]) => awaitService(at)));
    const count = CUT_RATE * CUT_SECONDS;
    const loads = await Promise.all(waysIn.map(([, at]) => startLoad({ ...at, count, rate: CUT_RATE, concurrency: CUT_RATE * 10 })));
    await lab.host(victim).cutOff();
    const cutAtMs = Date.now();
    await cluster.nodeState(victim, 'down');
    const downAtMs = Date.now();
    await cluster.settled('web', 4);
    const results = await Promise.all(loads.map(({ done }) => done));
    await lab.host(victim).heal();
    const known = downAtMs - cutAtMs;
    const sentThere = (CUT_RATE * share * (known + SPREAD_MS)) / 1000;
    for (const [at, { requests, failures, reasons, startedAtMs, failedUntilMs, p99Ms }] of results.entries()) {
      const last = failedUntilMs === undefined ? 0 : startedAtMs + failedUntilMs - cutAtMs;
      console.log(
        `a host with ${share * 100} % of the tasks is cut off, ${waysIn[at]?.[0]}: ${failures} of ${requests} requests failed (${JSON.stringify(reasons)}), ` +
          `the last of them ${last} ms after the cut, and one in a hundred waited ${p99Ms} ms; known to be down after ${known} ms`,
      );
      expect(requests).toBe(count);
      // Else nothing was led there, and nothing is shown: what waited for the host finds another task once it is known.
      expect(p99Ms).toBeGreaterThan(WAITED_MS);
      // The choice of a task is by chance.
      expect(failures).toBeLessThan(sentThere * 1.5);
      expect(last).toBeLessThan(known + SPREAD_MS);
    }
  });
});
