import type { Network, Secret } from '@swarm/shared/domain/objects';
import type { SwarmSpec } from '@swarm/shared/engine-api/cluster-spec';
import type { RestartPolicy, ServiceSpec, UpdateConfig } from '@swarm/shared/engine-api/service-spec';
import { epochMs } from '@swarm/shared/runtime/clock';
import { asID } from '@swarm/shared/runtime/ids';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newestFirst, TestCluster } from '../testing/test-cluster.ts';
import { clusterWithHistory, SECOND_NS, serviceSpec } from './testing/build.ts';

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start();
});
afterEach(async () => {
  await cluster.stop();
  expect(cluster.forbidden).toEqual([]);
});

interface Wish {
  readonly replicas?: number;
  readonly image?: string;
  readonly policy?: RestartPolicy;
  readonly update?: UpdateConfig;
  readonly mode?: ServiceSpec['Mode'];
  readonly constraints?: readonly string[];
  readonly labels?: Record<string, string>;
}

const web = ({ replicas = 1, image = 'web:1', policy, update, mode, constraints, labels = {} }: Wish = {}) =>
  serviceSpec(
    {
      ContainerSpec: { Image: image },
      ...(policy && { RestartPolicy: policy }),
      ...(constraints && { Placement: { Constraints: constraints } }),
    },
    { Mode: mode ?? { Replicated: { Replicas: replicas } }, Labels: labels, ...(update && { UpdateConfig: update }) },
  );
const slots = () =>
  cluster
    .serving()
    .map((task) => task.Slot ?? 0)
    .sort((a, b) => a - b);
const ids = () =>
  cluster
    .serving()
    .map((task) => task.ID)
    .sort();
const running = (count: number) =>
  cluster.until(() => cluster.serving().length === count && cluster.live().length === count, `${count} running tasks`);
const rest = (ms = 5_000) => cluster.clock.advance(ms);
const onNode = (name: string) => cluster.serving().filter((task) => task.NodeID === name);

test('scales from three to thirty to two, in slots counted from one', async () => {
  await cluster.deploy(web({ replicas: 3 }));
  await running(3);
  expect(slots()).toEqual([1, 2, 3]);
  const first = ids();
  await cluster.deploy(web({ replicas: 30 }));
  await running(30);
  expect(slots()).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  expect(ids()).toEqual(expect.arrayContaining(first));
  await cluster.deploy(web({ replicas: 2 }));
  await running(2);
  await cluster.until(() => cluster.tasks().length === 2, 'the others reaped');
  expect(new Set(cluster.serving().map((task) => task.NodeID)).size).toBe(2);
});

test("takes the cluster's log driver for tasks that are made from then on, and touches none that is there", async () => {
  await cluster.deploy(web({ replicas: 1 }));
  await running(1);
  const before = ids();
  await cluster.store.update((tx) => tx.clusters.create(clusterWithHistory(5)));
  const setDefault = (TaskDefaults: NonNullable<SwarmSpec['TaskDefaults']>) =>
    cluster.store.update((tx) => {
      for (const one of tx.clusters.all()) tx.clusters.update({ ...one, Spec: { ...one.Spec, TaskDefaults } });
    });
  await setDefault({ LogDriver: { Name: 'syslog', Options: { tag: 'x' } } });
  await rest();
  expect(ids()).toEqual(before);
  await cluster.deploy(web({ replicas: 2 }));
  await running(2);
  await setDefault({});
  await cluster.deploy(web({ replicas: 3 }));
  await running(3);
  expect(ids()).toEqual(expect.arrayContaining(before));
  const drivers = cluster.serving().map(({ Slot, logDriver }) => [Slot, logDriver?.Name]);
  expect(new Map(drivers as [number, string][])).toEqual(
    new Map([
      [1, undefined],
      [2, 'syslog'],
      [3, undefined],
    ]),
  );
});

test('scales to zero and back', async () => {
  await cluster.deploy(web({ replicas: 2 }));
  await running(2);
  await cluster.deploy(web({ replicas: 0 }));
  await cluster.until(() => cluster.tasks().length === 0, 'all tasks reaped');
  await cluster.deploy(web({ replicas: 2 }));
  await running(2);
});

test('replaces a container that was killed, five seconds later, in the same slot', async () => {
  await cluster.deploy(web({ replicas: 2 }));
  await running(2);
  const killed = cluster.serving()[0]!;
  const at = cluster.clock.now();
  await cluster.kill(killed);
  await running(2);
  expect(cluster.clock.now() - at).toBeGreaterThanOrEqual(5_000);
  expect(cluster.tasks().find((task) => task.ID === killed.ID)?.DesiredState).toBe('shutdown');
  expect(slots()).toEqual([1, 2]);
});

test('a crash loop slows down, and its history stays bounded', async () => {
  cluster.behaviours.set('web:1', { livesMs: 100 });
  await cluster.deploy(web());
  const starts = new Set<string>();
  cluster.onCommit = () => {
    for (const task of cluster.tasks()) if (task.runningSince !== undefined) starts.add(task.ID);
    expect(cluster.live().length).toBeLessThanOrEqual(1);
  };
  await cluster.clock.advance(60 * 60_000);
  const inFirstHour = starts.size;
  expect(inFirstHour).toBeGreaterThan(12);
  expect(inFirstHour).toBeLessThan(30);
  await cluster.clock.advance(60 * 60_000);
  expect(starts.size - inFirstHour).toBeLessThanOrEqual(12);
  expect(cluster.tasks().length).toBeLessThanOrEqual(6);
});

test('an image that cannot be had does not spin either', async () => {
  cluster.behaviours.set('web:1', { startMs: 0, livesMs: 0, endsAs: 'rejected' });
  await cluster.deploy(web({ policy: { Delay: 0 } }));
  await cluster.clock.advance(10 * 60_000);
  expect(epochMs(newestFirst(cluster.tasks())[0]!.origin!.notBefore!) - cluster.clock.now()).toBeLessThan(5 * 60_000);
  expect(newestFirst(cluster.tasks())[0]!.origin!.failuresInRow).toBeLessThan(12);
});

test('never starts more attempts than allowed, also over a restart of the manager', async () => {
  cluster.behaviours.set('web:1', { livesMs: 100 });
  const started = new Set<string>();
  cluster.onCommit = () => {
    for (const task of cluster.tasks()) if (task.runningSince !== undefined) started.add(task.ID);
  };
  await cluster.deploy(web({ policy: { MaxAttempts: 3, Delay: SECOND_NS } }));
  await cluster.clock.advance(2_000);
  await cluster.restartManager();
  await cluster.clock.advance(10 * 60_000);
  expect(started.size).toBe(4);
  expect(cluster.live()).toHaveLength(0);
  await cluster.deploy(web({ policy: { MaxAttempts: 3, Delay: SECOND_NS }, image: 'web:2' }));
  await running(1);
});

test.each([
  ['none', 'failed', 1],
  ['on-failure', 'complete', 1],
  ['on-failure', 'failed', 2],
  ['any', 'complete', 2],
] as const)('restart condition %s after %s: %i tasks', async (Condition, endsAs, expected) => {
  cluster.behaviours.set('web:1', { livesMs: 1_000, endsAs });
  const started = new Set<string>();
  cluster.onCommit = () => {
    for (const task of cluster.tasks()) if (task.runningSince !== undefined) started.add(task.ID);
  };
  await cluster.deploy(web({ policy: { Condition, MaxAttempts: 1 } }));
  await rest(60_000);
  await cluster.deploy(web({ policy: { Condition, MaxAttempts: 1 }, labels: { changed: 'yes' } }));
  await rest(1_000);
  expect(started.size).toBe(expected);
});

test('a global service has a task on every node that fits, at once on a new one', async () => {
  await cluster.deploy(web({ mode: { Global: {} }, constraints: ['node.labels.zone != west'] }));
  await running(3);
  await cluster.addNode('d', { zone: 'west' });
  await cluster.addNode('e', { zone: 'east' });
  await running(4);
  expect(
    cluster
      .serving()
      .map((task) => task.NodeID)
      .sort(),
  ).toEqual(['a', 'b', 'c', 'e']);
  await cluster.changeNode('a', { labels: { zone: 'west' } });
  await cluster.until(() => onNode('a').length === 0, 'node a cleared');
  await cluster.changeNode('d', { labels: {} });
  await cluster.until(() => onNode('d').length === 1, 'a task on node d');
  await cluster.removeNode('e');
  await running(3);
});

test('pause keeps a global task and makes none, drain moves it, active brings it back', async () => {
  await cluster.deploy(web({ mode: { Global: {} } }));
  await running(3);
  await cluster.changeNode('a', { availability: 'pause' });
  await rest();
  expect(onNode('a')).toHaveLength(1);
  await cluster.kill(onNode('a')[0]!);
  await rest(30_000);
  expect(onNode('a')).toHaveLength(0);
  await cluster.changeNode('a', { availability: 'active' });
  await running(3);
  await cluster.changeNode('a', { availability: 'drain' });
  await running(2);
  await cluster.changeNode('a', { availability: 'active' });
  await running(3);
});

test('drain moves tasks without the restart delay, and nothing else', async () => {
  await cluster.deploy(web({ replicas: 6, policy: { Delay: 600 * SECOND_NS } }));
  await running(6);
  const elsewhere = cluster.serving().filter((task) => task.NodeID !== 'a');
  const at = cluster.clock.now();
  await cluster.changeNode('a', { availability: 'drain' });
  await cluster.until(() => onNode('a').length === 0 && cluster.serving().length === 6, 'all six elsewhere');
  expect(cluster.clock.now() - at).toBeLessThan(5_000);
  expect(ids()).toEqual(expect.arrayContaining(elsewhere.map((task) => task.ID)));
});

test('a task whose node no longer fits is rejected and replaced where it fits', async () => {
  await cluster.changeNode('a', { labels: { zone: 'east' } });
  await cluster.changeNode('b', { labels: { zone: 'east' } });
  await cluster.deploy(web({ replicas: 2, constraints: ['node.labels.zone == east'] }));
  await running(2);
  await cluster.changeNode('a', { labels: { zone: 'west' } });
  await cluster.until(() => onNode('b').length === 2, 'both on node b');
  expect(cluster.tasks().filter((task) => task.Status.State === 'rejected')).toHaveLength(1);
});

test('tasks of a node that is down are replaced, and the old ones given up when their successors run', async () => {
  await cluster.deploy(web({ replicas: 3 }));
  await running(3);
  const [lost] = onNode('a');
  cluster.behaviours.set('web:1', { startMs: 10_000 });
  await cluster.changeNode('a', { state: 'down' });
  await rest();
  expect(cluster.tasks().find((task) => task.ID === lost!.ID)?.DesiredState).toBe('running');
  await running(3);
  expect(cluster.tasks().find((task) => task.ID === lost!.ID)).toMatchObject({ DesiredState: 'shutdown', Status: { State: 'running' } });
  await cluster.changeNode('a', { state: 'ready' });
  await cluster.until(() => cluster.tasks().find((task) => task.ID === lost!.ID)?.Status.State === 'shutdown', 'the surplus stopped');
  expect(cluster.serving()).toHaveLength(3);
});

test('a node that returns before its tasks are replaced loses nothing', async () => {
  await cluster.deploy(web({ replicas: 3 }));
  await running(3);
  const before = ids();
  cluster.behaviours.set('web:1', { startMs: 60_000 });
  await cluster.changeNode('a', { state: 'down' });
  await rest();
  expect(cluster.live()).toHaveLength(4);
  await cluster.changeNode('a', { state: 'ready' });
  await running(3);
  expect(ids()).toEqual(before);
});

test('tasks of a node that stays down are orphaned after a day, those of a removed node at once', async () => {
  await cluster.deploy(web({ replicas: 3 }));
  await running(3);
  const lost = [...onNode('a'), ...onNode('b')];
  const stateOf = (id: string) => cluster.tasks().find((task) => task.ID === id)?.Status;
  await cluster.changeNode('a', { state: 'down' });
  await cluster.removeNode('b');
  await running(3);
  expect(stateOf(lost[1]!.ID)).toMatchObject({ State: 'orphaned', Message: 'Task belonged to a node that has been deleted' });
  await cluster.clock.advance(23 * 3600_000);
  expect(stateOf(lost[0]!.ID)?.State).toBe('running');
  await cluster.clock.advance(2 * 3600_000);
  expect(stateOf(lost[0]!.ID)?.State).toBe('orphaned');
});

test('a removed service leaves nothing: no task, no template', async () => {
  await cluster.deploy(web({ replicas: 5 }));
  await running(5);
  await cluster.deploy(web({ replicas: 5, image: 'web:2', update: { Parallelism: 0 } }));
  await cluster.until(() => cluster.images().every((image) => image === 'web:2'), 'the update');
  await cluster.removeService('web');
  await cluster.until(() => cluster.store.view((tx) => tx.tasks.size + tx.templates.size) === 0, 'an empty store');
});

test('the tasks of a removed service on a node that is gone do not stay for ever', async () => {
  await cluster.deploy(web({ replicas: 3 }));
  await running(3);
  await cluster.changeNode('a', { state: 'down' });
  await cluster.removeService('web');
  await cluster.until(() => cluster.tasks().length === 1, 'the tasks elsewhere to be reaped');
  await cluster.removeNode('a');
  await cluster.until(() => cluster.tasks().length === 0, 'the last task to be reaped');
});

test.each<[string, Wish, boolean]>([
  ['the same spec again', {}, false],
  ['a label', { labels: { a: 'b' } }, false],
  ['an update config', { update: { Parallelism: 2 } }, false],
  ['a constraint that is met', { constraints: ['node.role == worker'] }, false],
  ['a constraint that is not met', { constraints: ['node.id == c'] }, true],
  ['another image', { image: 'web:2' }, true],
])('%s restarts tasks: %#', async (_, change, restarts) => {
  await cluster.deploy(web({ replicas: 2 }));
  await running(2);
  const before = ids();
  await cluster.deploy(web({ replicas: 2, ...change }));
  await rest(30_000);
  await running(2);
  const kept = ids().filter((id) => before.includes(id));
  expect(kept).toHaveLength(restarts ? 0 : 2);
});

test('stop-first renews as many at a time as it may, waits in between, and says when it is done', async () => {
  const update = { Parallelism: 2, Delay: 10 * SECOND_NS, Order: 'stop-first' } as const;
  await cluster.deploy(web({ replicas: 6, update }));
  await running(6);
  const at = cluster.clock.now();
  await cluster.deploy(web({ replicas: 6, update, image: 'web:2' }));
  cluster.onCommit = () => expect(cluster.serving().length).toBeGreaterThanOrEqual(4);
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'updating', 'the update to begin');
  expect(cluster.service().UpdateStatus?.Message).toBe('update in progress');
  await cluster.until(() => cluster.images().filter((image) => image === 'web:2').length === 6, 'the update', 120_000);
  expect(cluster.clock.now() - at).toBeGreaterThan(20_000);
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'completed', 'its end');
  expect(cluster.service().UpdateStatus?.Message).toBe('update completed');
});

test('start-first never has fewer than wanted', async () => {
  const update = { Parallelism: 1, Order: 'start-first' } as const;
  await cluster.deploy(web({ replicas: 3, update }));
  await running(3);
  cluster.onCommit = () => expect(cluster.serving().length).toBeGreaterThanOrEqual(3);
  await cluster.deploy(web({ replicas: 3, update, image: 'web:2' }));
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'completed', 'the update');
  expect(cluster.images()).toEqual(['web:2', 'web:2', 'web:2']);
});

test('an update goes on where it was when the manager is replaced in its middle', async () => {
  const update = { Parallelism: 1, Delay: 5 * SECOND_NS } as const;
  await cluster.deploy(web({ replicas: 4, update }));
  await running(4);
  await cluster.deploy(web({ replicas: 4, update, image: 'web:2' }));
  cluster.onCommit = () => expect(cluster.serving().length).toBeGreaterThanOrEqual(3);
  for (const _ of [1, 2, 3]) {
    await rest(6_000);
    await cluster.restartManager();
  }
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'completed', 'the update', 120_000);
  expect(cluster.images()).toEqual(['web:2', 'web:2', 'web:2', 'web:2']);
});

test('a new spec in the middle of an update ends that update and begins its own', async () => {
  const update = { Parallelism: 1, Delay: 5 * SECOND_NS } as const;
  await cluster.deploy(web({ replicas: 3, update }));
  await running(3);
  await cluster.deploy(web({ replicas: 3, update, image: 'web:2' }));
  await rest(3_000);
  await cluster.deploy(web({ replicas: 3, update, image: 'web:3' }));
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'completed', 'the update', 120_000);
  expect(cluster.images()).toEqual(['web:3', 'web:3', 'web:3']);
});

test.each(['stop-first', 'start-first'] as const)(
  '%s: a failing update pauses after the first failure and spares the rest',
  async (Order) => {
    const update = { Parallelism: 1, Order, FailureAction: 'pause', Delay: 2 * SECOND_NS } as const;
    await cluster.deploy(web({ replicas: 3, update }));
    await running(3);
    cluster.behaviours.set('web:2', { livesMs: 1_000 });
    await cluster.deploy(web({ replicas: 3, update, image: 'web:2' }));
    await cluster.until(() => cluster.service().UpdateStatus?.State === 'paused', 'the pause');
    await rest(30_000);
    const failed = newestFirst(cluster.tasks()).find((task) => task.origin?.kind === 'update')!;
    expect(cluster.service().UpdateStatus?.Message).toBe(`update paused due to failure or early termination of task ${failed.ID}`);
    expect(cluster.images().filter((image) => image === 'web:1')).toHaveLength(Order === 'start-first' ? 3 : 2);
    await cluster.deploy(web({ replicas: 3, update, image: 'web:3' }));
    await cluster.until(() => cluster.service().UpdateStatus?.State === 'completed', 'the repair', 120_000);
    expect(cluster.images()).toEqual(['web:3', 'web:3', 'web:3']);
  },
);

test('start-first: an image that never runs harms no task that does', async () => {
  const update = { Parallelism: 2, Order: 'start-first', FailureAction: 'continue' } as const;
  await cluster.deploy(web({ replicas: 3, update }));
  await running(3);
  const before = ids();
  cluster.behaviours.set('web:2', { livesMs: 0, endsAs: 'rejected', startMs: 1e12 });
  await cluster.deploy(web({ replicas: 3, update, image: 'web:2' }));
  await rest(5 * 60_000);
  expect(ids()).toEqual(before);
});

test('a failing update is rolled back, and the previous spec forgotten', async () => {
  const update = { Parallelism: 1, FailureAction: 'rollback' } as const;
  await cluster.deploy(web({ replicas: 3, update }));
  await running(3);
  cluster.behaviours.set('web:2', { livesMs: 1_000 });
  await cluster.deploy(web({ replicas: 3, update, image: 'web:2' }));
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'rollback_started', 'the rollback');
  expect(cluster.service().UpdateStatus?.Message).toMatch(/^update rolled back due to failure or early termination of task id/);
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'rollback_completed', 'its end');
  expect(cluster.images()).toEqual(['web:1', 'web:1', 'web:1']);
  expect(cluster.service().PreviousSpec).toBeUndefined();
});

test('a failing update is not rolled back to a port that another service has by now; it says so and pauses', async () => {
  const update = { Parallelism: 1, FailureAction: 'rollback' } as const;
  const publishing: Pick<ServiceSpec, 'EndpointSpec'> = { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 8080 }] } };
  await cluster.deploy({ ...web({ replicas: 1, update }), ...publishing });
  await running(1);
  cluster.behaviours.set('web:2', { livesMs: 1_000 });
  await cluster.deploy(web({ replicas: 1, update, image: 'web:2' }));
  await cluster.deploy({ ...web({ replicas: 1 }), Name: 'other', ...publishing });
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'paused', 'the pause');
  expect(cluster.service().UpdateStatus?.Message).toMatch(
    /^update paused due to failure .*; it cannot be rolled back: port 8080 of its previous spec is published by service other by now$/,
  );
  expect(cluster.service().Spec.EndpointSpec).toBeUndefined();
});

test('a failing update is not rolled back to a secret that has been removed; it says so and pauses', async () => {
  const update = { Parallelism: 1, FailureAction: 'rollback' } as const;
  const ID = asID<Secret['ID']>('password');
  await cluster.store.update((tx) => tx.secrets.create({ ID, Spec: { Name: 'pw-1', Labels: {}, Data: '' } }));
  const first = web({ replicas: 2, update });
  const Secrets = [{ SecretID: ID, SecretName: 'pw-1', File: { Name: 'pw', UID: '0', GID: '0', Mode: 0o400 } }];
  await cluster.deploy({
    ...first,
    TaskTemplate: { ...first.TaskTemplate, ContainerSpec: { ...first.TaskTemplate.ContainerSpec, Secrets } },
  });
  await running(2);
  cluster.behaviours.set('web:2', { livesMs: 1_000 });
  await cluster.deploy(web({ replicas: 2, update, image: 'web:2' }));
  await cluster.store.update((tx) => tx.secrets.remove(ID));
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'paused', 'the pause');
  expect(cluster.service().UpdateStatus?.Message).toMatch(/; it cannot be rolled back: secret pw-1 of its previous spec has been removed$/);
  expect(cluster.service().Spec.TaskTemplate.ContainerSpec?.Secrets).toBeUndefined();
});

test('a failing update is not rolled back to ports that nothing could lead to any more; it says so and pauses', async () => {
  const update = { Parallelism: 1, FailureAction: 'rollback' } as const;
  await cluster.deploy({ ...web({ replicas: 1, update }), EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 8080 }] } });
  await running(1);
  const ID = asID<Network['ID']>('ingress');
  await cluster.store.update((tx) => tx.networks.create({ ID, Spec: { Name: 'ingress', Driver: 'overlay', Ingress: true } }));
  cluster.behaviours.set('web:2', { livesMs: 1_000 });
  await cluster.deploy(web({ replicas: 1, update, image: 'web:2' }));
  await cluster.store.update((tx) => tx.networks.remove(ID));
  await cluster.until(() => cluster.service().UpdateStatus?.State === 'paused', 'the pause');
  expect(cluster.service().UpdateStatus?.Message).toMatch(
    /; it cannot be rolled back: the ingress network of its previous spec has been removed$/,
  );
});

test('a replicated job runs as many at a time as it may, until all have completed', async () => {
  cluster.behaviours.set('web:1', { livesMs: 2_000, endsAs: 'complete' });
  await cluster.deploy(web({ mode: { ReplicatedJob: { MaxConcurrent: 2, TotalCompletions: 5 } } }));
  cluster.onCommit = () => expect(cluster.live().length).toBeLessThanOrEqual(2);
  const done = () => cluster.tasks().filter((task) => task.Status.State === 'complete');
  await cluster.until(() => done().length === 5, 'five completions');
  await rest(60_000);
  expect(
    done()
      .map((task) => task.Slot)
      .sort(),
  ).toEqual([0, 1, 2, 3, 4]);
  expect(cluster.tasks()).toHaveLength(5);
});

test('a job that has used up its attempts has them again when it is run again', async () => {
  cluster.behaviours.set('web:1', { livesMs: 100 });
  const mode = { ReplicatedJob: {} };
  const started = new Set<string>();
  cluster.onCommit = () => {
    for (const task of cluster.tasks()) if (task.runningSince !== undefined) started.add(task.ID);
  };
  await cluster.deploy(web({ mode, policy: { MaxAttempts: 1 } }));
  await rest(60_000);
  expect(started.size).toBe(2);
  await cluster.runJobAgain();
  await rest(60_000);
  expect(started.size).toBe(4);
});

test('a global job runs once on every node, also on one that comes later', async () => {
  cluster.behaviours.set('web:1', { livesMs: 1_000, endsAs: 'complete' });
  await cluster.deploy(web({ mode: { GlobalJob: {} } }));
  const done = () => cluster.tasks().filter((task) => task.Status.State === 'complete');
  await cluster.until(() => done().length === 3, 'three completions');
  await cluster.addNode('d');
  await cluster.until(() => done().length === 4, 'a fourth');
  await rest(60_000);
  expect(cluster.tasks()).toHaveLength(4);
});

test('a node that goes down again and again takes no new tasks for a while, and says until when', async () => {
  const damped = () => cluster.store.view((tx) => tx.nodes.get('a'))?.damped;
  for (let time = 1; time <= 3; time += 1) {
    expect(damped()).toBeUndefined();
    await cluster.changeNode('a', { state: 'down' });
    await rest(1_000);
    await cluster.changeNode('a', { state: 'ready' });
    await rest(1_000);
  }
  expect(epochMs(damped()!.until)).toBeGreaterThan(cluster.clock.now());
  await cluster.deploy(web({ mode: { Global: {} } }));
  await running(2);
  expect(onNode('a')).toEqual([]);
  await cluster.until(() => onNode('a').length === 1, 'the task of the node that is trusted again', 120_000);
});
