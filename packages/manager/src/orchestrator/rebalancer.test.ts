import { decideNetworkAllocation } from '@swarm/shared/domain/network-allocation';
import { timestamp } from '@swarm/shared/runtime/clock';
import { asID } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import type { Loop } from '@swarm/shared/runtime/loop';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { previewPlacement } from '../placement-preview.ts';
import { TestCluster } from '../testing/test-cluster.ts';
import { startRebalancer } from './rebalancer.ts';
import { clusterWithHistory, serviceSpec } from './testing/build.ts';

let cluster: TestCluster;
let rebalancer: Loop;
beforeEach(async () => {
  cluster = await TestCluster.start(['a', 'b']);
  let made = 0;
  rebalancer = startRebalancer({
    store: cluster.storeFor('orchestrator'),
    clock: cluster.clock,
    random: { id: () => `moved${String(++made).padStart(20, '0')}`, fraction: () => 0 },
    logger: silentLogger,
    onFailure: (error) => cluster.forbidden.push(String(error)),
    previewPlacement,
  });
});
afterEach(async () => {
  await rebalancer.stop();
  await cluster.stop();
  expect(cluster.forbidden).toEqual([]);
});

const web = (Labels: Record<string, string>, more: object = {}) =>
  serviceSpec({}, { Labels, Mode: { Replicated: { Replicas: 6 } }, ...more });
const OPTED = { 'swarm.rebalance': 'true' };
const counts = () => ['a', 'b', 'c'].map((name) => cluster.serving().filter((task) => task.NodeID === name).length);
const serve = () => cluster.until(() => cluster.serving().length === 6, 'six tasks');

test('a service that opted in is evened out when a node joins, never with a task less, one more at a time', async () => {
  await cluster.deploy(web(OPTED));
  await serve();
  let [least, most] = [6, 6];
  cluster.onCommit = () => {
    least = Math.min(least, cluster.serving().length);
    most = Math.max(most, cluster.live().length);
  };
  await cluster.addNode('c');
  await cluster.until(() => counts().every((count) => count === 2) && cluster.live().length === 6, 'even nodes', 120_000);
  await cluster.clock.advance(10_000);
  expect([least, most]).toEqual([6, 7]);
  expect(cluster.service().rebalanceSince).toBeUndefined();
});

test('a service that opts in later is evened out too, although its tasks were made before', async () => {
  await cluster.deploy(web({}));
  await serve();
  const before = new Set(cluster.serving().map(({ ID }) => ID));
  await cluster.deploy(web(OPTED));
  await cluster.addNode('c');
  await cluster.until(() => counts().every((count) => count === 2), 'even nodes', 120_000);
  expect(cluster.serving().filter(({ ID }) => before.has(ID))).toHaveLength(4);
});

test('another service stays as it is, until somebody asks', async () => {
  await cluster.deploy(web({}));
  await serve();
  await cluster.addNode('c');
  await cluster.clock.advance(120_000);
  expect(counts()).toEqual([3, 3, 0]);
  await cluster.store.update((tx) => tx.services.update({ ...cluster.service(), rebalanceSince: timestamp(cluster.clock.now()) }));
  await cluster.until(() => counts().every((count) => count === 2), 'even nodes', 120_000);
});

test('what fails where it was moved stays where it was, and no other one is moved', async () => {
  await cluster.deploy(web(OPTED));
  await serve();
  const before = cluster.serving().map(({ ID }) => ID);
  await cluster.addNode('c');
  const moved = () => cluster.serving().find((task) => task.origin?.replaces !== undefined);
  await cluster.until(() => moved() !== undefined, 'a move', 60_000);
  await cluster.kill(moved()!);
  await cluster.clock.advance(60_000);
  expect(cluster.tasks().filter((task) => task.origin?.replaces !== undefined)).toHaveLength(1);
  expect(cluster.serving().map(({ ID }) => ID)).toEqual(before);
});

/** Counts the moves that are made from now on, also those that leave no trace. */
function countMoves(): () => number {
  const made = new Set<string>();
  cluster.store.watch(({ changes }) => {
    for (const { table, after } of changes) if (table === 'tasks' && after?.origin?.replaces !== undefined) made.add(after.ID);
  });
  return () => made.size;
}

test('a move whose network has no address left is given up, and is not made again', async () => {
  const Spec = { Name: 'small' };
  const outcome = decideNetworkAllocation(Spec, { pools: ['10.0.0.0/8'], subnetSize: 28, networks: [], hostAddresses: [] });
  if (!outcome.ok) throw new Error(outcome.reason);
  await cluster.store.update((tx) => tx.networks.create({ ID: asID('small'), Spec, allocation: outcome.allocation }));
  const inSmall = (Name: string, Replicas: number, Labels = {}) =>
    serviceSpec(
      { ContainerSpec: { Image: 'web:1' }, Networks: [{ Target: 'small' }] },
      { Name, Labels, Mode: { Replicated: { Replicas } }, EndpointSpec: { Mode: 'dnsrr' } },
    );
  await cluster.deploy(inSmall('web', 6, OPTED));
  await serve();
  await cluster.deploy(inSmall('others', 20));
  await cluster.clock.advance(5_000);
  const before = cluster.serving().map(({ ID }) => ID);
  const moves = countMoves();
  await cluster.addNode('c');
  await cluster.until(() => moves() === 1, 'a move', 60_000);
  await cluster.clock.advance(60_000);
  expect(moves()).toBe(1);
  expect(cluster.live().map(({ ID }) => ID)).toEqual(before);
  expect(cluster.service().rebalanceSince).toBeUndefined();
});

test('a move that failed is remembered also where no history is kept', async () => {
  await cluster.store.update((tx) => tx.clusters.create(clusterWithHistory(0)));
  await cluster.deploy(web(OPTED));
  await serve();
  const moves = countMoves();
  await cluster.addNode('c');
  const moved = () => cluster.serving().find((task) => task.origin?.replaces !== undefined);
  await cluster.until(() => moved() !== undefined, 'a move', 60_000);
  await cluster.kill(moved()!);
  await cluster.clock.advance(60_000);
  expect(moves()).toBe(1);
  expect(cluster.service().rebalanceSince).toBeUndefined();
});
