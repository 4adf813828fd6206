import { isOver } from '@swarm/shared/domain/permitted-moves';
import { isLive } from '@swarm/shared/domain/task-state';
import type { UpdateConfig } from '@swarm/shared/engine-api/service-spec';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TestCluster } from '../testing/test-cluster.ts';
import { SECOND_NS, serviceSpec } from './testing/build.ts';

/** Random users, nodes and luck against the real loops; what is promised must hold after every single commit. */
type Action =
  | { readonly kind: 'scale'; readonly replicas: number }
  | { readonly kind: 'image'; readonly image: number }
  | { readonly kind: 'label' | 'restart-manager' }
  | { readonly kind: 'kill'; readonly which: number }
  | { readonly kind: 'drain' | 'activate' | 'down' | 'up'; readonly node: number }
  | { readonly kind: 'wait'; readonly seconds: number };

const NODES = ['a', 'b', 'c'];
const onNode = <Kind extends 'drain' | 'activate' | 'down' | 'up'>(kind: Kind) => fc.record({ kind: fc.constant(kind), node: fc.nat(2) });
const calm: fc.Arbitrary<Action>[] = [
  fc.record({ kind: fc.constant('scale' as const), replicas: fc.nat(6) }),
  fc.record({ kind: fc.constant('image' as const), image: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: fc.constantFrom('label' as const, 'restart-manager' as const) }),
  fc.record({ kind: fc.constant('wait' as const), seconds: fc.integer({ min: 0, max: 12 }) }),
];
const rough: fc.Arbitrary<Action>[] = [
  ...calm,
  fc.record({ kind: fc.constant('kill' as const), which: fc.nat(9) }),
  onNode('drain'),
  onNode('activate'),
  onNode('down'),
  onNode('up'),
];

class Run {
  readonly cluster: TestCluster;
  readonly update: UpdateConfig;
  replicas = 3;
  image = 1;
  #labels = 0;

  constructor(cluster: TestCluster, update: UpdateConfig) {
    this.cluster = cluster;
    this.update = update;
  }

  deploy(): Promise<void> {
    const spec = serviceSpec(
      { ContainerSpec: { Image: `web:${this.image}` }, RestartPolicy: { Delay: SECOND_NS } },
      { Mode: { Replicated: { Replicas: this.replicas } }, UpdateConfig: this.update, Labels: { count: String(this.#labels) } },
    );
    return this.cluster.deploy(spec);
  }

  async act(action: Action): Promise<void> {
    const { cluster } = this;
    switch (action.kind) {
      case 'scale':
        this.replicas = action.replicas;
        return this.deploy();
      case 'image':
        this.image = action.image;
        return this.deploy();
      case 'label':
        this.#labels += 1;
        return this.deploy();
      case 'restart-manager':
        return cluster.restartManager();
      case 'kill': {
        const serving = cluster.serving();
        const task = serving[action.which % Math.max(1, serving.length)];
        return task === undefined ? undefined : cluster.kill(task);
      }
      case 'drain':
      case 'activate':
        return cluster.changeNode(NODES[action.node] as string, { availability: action.kind === 'drain' ? 'drain' : 'active' });
      case 'down':
      case 'up':
        return cluster.changeNode(NODES[action.node] as string, { state: action.kind === 'down' ? 'down' : 'ready' });
      case 'wait':
        return cluster.clock.advance(action.seconds * 1000);
    }
  }

  /** All nodes are there again and nobody interferes: the promise must be kept. */
  async converge(): Promise<void> {
    const { cluster } = this;
    for (const name of NODES) await cluster.changeNode(name, { state: 'ready', availability: 'active' });
    if (cluster.service().UpdateStatus?.State === 'paused') await this.deploy();
    await cluster.clock.advance(15 * 60_000);
    const serving = cluster.serving();
    expect(serving).toHaveLength(this.replicas);
    expect(cluster.live()).toHaveLength(this.replicas);
    expect(new Set(serving.map((task) => task.Slot)).size).toBe(this.replicas);
    expect(new Set(cluster.images())).toEqual(new Set(this.replicas === 0 ? [] : [`web:${this.image}`]));
    expect(cluster.tasks().filter((task) => !isLive(task) && !isOver(task))).toEqual([]);
    expect(cluster.tasks().length).toBeLessThanOrEqual(5 * this.replicas);
    expect([undefined, 'completed']).toContain(cluster.service().UpdateStatus?.State);
    const templates = cluster.store.view((tx) => tx.templates.all().map((template) => template.ID));
    expect(new Set(templates)).toEqual(new Set([cluster.service().templateID, ...cluster.tasks().map((task) => task.templateID)]));
  }
}

function perSlot(cluster: TestCluster): readonly number[] {
  const counts = new Map<number, number>();
  for (const task of cluster.live()) counts.set(task.Slot ?? 0, (counts.get(task.Slot ?? 0) ?? 0) + 1);
  return [...counts.values()];
}

async function play(actions: readonly Action[], update: UpdateConfig, always: (run: Run) => void): Promise<void> {
  const cluster = await TestCluster.start(NODES);
  const run = new Run(cluster, update);
  const broken: unknown[] = [];
  await run.deploy();
  cluster.onCommit = () => {
    try {
      always(run);
    } catch (error) {
      broken.push(error);
    }
  };
  for (const action of actions) await run.act(action);
  await run.converge();
  await cluster.stop();
  if (broken.length > 0) throw broken[0];
  expect(cluster.forbidden).toEqual([]);
}

const options = { numRuns: 60 };

test('stop-first, whatever users do: never two tasks in a slot, and in the end exactly what was asked', async () => {
  const actions = fc.array(fc.oneof(...calm), { maxLength: 15 });
  await fc.assert(
    fc.asyncProperty(actions, fc.nat(2), (list, Parallelism) =>
      play(list, { Parallelism, Order: 'stop-first' }, ({ cluster }) => {
        for (const count of perSlot(cluster)) expect(count).toBeLessThanOrEqual(1);
      }),
    ),
    options,
  );
});

test('stop-first: once all run, an update never has more slots down than it may', async () => {
  const updates = fc.array(fc.record({ image: fc.integer({ min: 1, max: 3 }), seconds: fc.nat(5) }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(updates, fc.integer({ min: 1, max: 3 }), fc.nat(3), async (list, Parallelism, delayS) => {
      const cluster = await TestCluster.start(NODES);
      const run = new Run(cluster, { Parallelism, Delay: delayS * SECOND_NS, Order: 'stop-first' });
      run.replicas = 5;
      await run.deploy();
      await cluster.until(() => cluster.serving().length === 5, 'five tasks');
      let fewest = 5;
      cluster.onCommit = () => {
        fewest = Math.min(fewest, cluster.serving().length);
      };
      for (const { image, seconds } of list) {
        await run.act({ kind: 'image', image });
        await cluster.clock.advance(seconds * 1000);
      }
      await run.converge();
      expect(fewest).toBeGreaterThanOrEqual(5 - Parallelism);
      await cluster.stop();
      expect(cluster.forbidden).toEqual([]);
    }),
    options,
  );
});

test('start-first: an update never takes away a running task before its successor runs', async () => {
  const actions = fc.array(fc.oneof(...calm.slice(1)), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(actions, fc.nat(2), async (list, Parallelism) => {
      let hasServedAll = false;
      await play(list, { Parallelism, Order: 'start-first' }, ({ cluster }) => {
        hasServedAll ||= cluster.serving().length === 3;
        if (hasServedAll) expect(cluster.serving().length).toBeGreaterThanOrEqual(3);
      });
    }),
    options,
  );
});

test('nodes lost and found, drains, crashes: a slot has few tasks at any time, and in the end exactly what was asked', async () => {
  const actions = fc.array(fc.oneof(...rough), { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(actions, fc.constantFrom('stop-first' as const, 'start-first' as const), (list, Order) =>
      play(list, { Parallelism: 1, Order, FailureAction: 'continue' }, ({ cluster }) => {
        for (const count of perSlot(cluster)) expect(count).toBeLessThanOrEqual(3);
      }),
    ),
    options,
  );
});
