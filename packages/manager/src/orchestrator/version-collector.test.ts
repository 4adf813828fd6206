import { asID } from '@swarm/shared/runtime/ids';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TestCluster } from '../testing/test-cluster.ts';
import { serviceSpec } from './testing/build.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start();
});
afterEach(async () => {
  await cluster.stop();
  expect(cluster.forbidden).toEqual([]);
});

const config = async (id: string, versionOf: string | undefined, stack = 'st') => {
  await cluster.store.update((tx) =>
    tx.configs.create({
      ID: asID(id),
      Spec: { Name: id, Labels: { 'com.docker.stack.namespace': stack, ...(versionOf !== undefined && { 'swarm.rotates': versionOf }) } },
    }),
  );
  await cluster.clock.advance(10);
};
const uses = (...ids: readonly string[]) =>
  serviceSpec({ ContainerSpec: { Image: 'web:1', Configs: ids.map((id) => ({ ConfigID: id, ConfigName: id, File: { Name: id } })) } });
const configs = () => cluster.store.view((tx) => tx.configs.all().map(({ ID }) => String(ID)));
const runs = () => cluster.until(() => cluster.serving().length === 1 && cluster.live().length === 1, 'it runs');

test('a version goes when it is neither used, nor what a rollback brings back, nor in a task that still runs', async () => {
  await config('c-1', 'c');
  await config('other', undefined);
  await cluster.deploy(uses('c-1'));
  await runs();
  await config('c-2', 'c');
  await cluster.deploy(uses('c-2'));
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'completed', 'the update');
  await cluster.clock.advance(30_000);
  expect(configs()).toEqual(['c-1', 'c-2', 'other']);
  await config('c-3', 'c');
  await cluster.deploy(uses('c-3'));
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'completed', 'the next update');
  await cluster.until(() => !configs().includes('c-1'), 'the oldest is collected');
  expect(configs()).toEqual(['c-2', 'c-3', 'other']);
});

test('the newest stays although nothing uses it, and those of other stacks are not its versions', async () => {
  await config('c-1', 'c');
  await config('c-2', 'c');
  await config('d-1', 'c', 'elsewhere');
  await cluster.until(() => !configs().includes('c-1'), 'the older one is collected');
  await cluster.clock.advance(30_000);
  expect(configs()).toEqual(['c-2', 'd-1']);
});
