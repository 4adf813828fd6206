import type { Node, Task } from '@swarm/shared/domain/objects';
import type { TaskSpec } from '@swarm/shared/engine-api/service-spec';
import type { Clock } from '@swarm/shared/runtime/clock';
import { asID } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { afterEach, expect, test } from 'vitest';
import type { JournalEntry } from '../store/journal.ts';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import type { Draft, Store } from '../store/store.ts';
import { type Scheduler, startScheduler } from './scheduler.ts';
import { buildNode, buildTask, buildTemplate } from './test-kit.ts';

/** Time stands still until a test moves it. */
class ManualClock implements Clock {
  #nowMs = Date.parse('2026-01-01T12:00:00Z');
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets everything run that is due within `ms`, and what follows from it. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.#timers.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = untilMs;
  }
}

/** Appends wait while the gate is closed: what has run is not durable, and nobody sees it. */
class GatedJournal extends MemoryJournal {
  #open: Promise<void> = Promise.resolve();
  #release: () => void = () => undefined;

  closeGate(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#open = promise;
    this.#release = resolve;
  }

  openGate(): void {
    this.#release();
  }

  override async append(entries: readonly JournalEntry[]) {
    await this.#open;
    return super.append(entries);
  }
}

const running: Scheduler[] = [];
afterEach(async () => {
  for (const scheduler of running.splice(0)) await scheduler.stop();
});

async function openCluster(nodes: readonly Node[], services: Readonly<Record<string, TaskSpec>> = { web: {} }) {
  const journal = new GatedJournal();
  const clock = new ManualClock();
  const failures: unknown[] = [];
  const store = await openStore({ journal, clock, onFailure: () => undefined });
  await store.update((tx) => {
    for (const node of nodes) tx.nodes.create(node);
    for (const [service, spec] of Object.entries(services)) tx.templates.create(buildTemplate(service, spec));
  });
  const start = () => {
    const scheduler = startScheduler({ store, clock, logger: silentLogger, onFailure: (error) => failures.push(error) });
    running.push(scheduler);
    return scheduler;
  };
  return { store, clock, journal, failures, start };
}

function create(store: Store, ...tasks: readonly Draft<Task>[]): Promise<void> {
  return store.update((tx) => {
    for (const task of tasks) tx.tasks.create(task);
  });
}

const task = (store: Store, id: string) => store.view((tx) => tx.tasks.get(id));
const nodesOf = (store: Store) => store.view((tx) => tx.tasks.all().map((found) => found.NodeID));
const pendingWeb = (count: number) =>
  Array.from({ length: count }, (_, at) => buildTask(`t${String(at).padStart(3, '0')}`, 'web', { slot: at + 1 }));

function changeNode(store: Store, id: string, change: (node: Node) => Partial<Node>): Promise<void> {
  return store.update((tx) => {
    const node = tx.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    tx.nodes.update({ ...node, ...change(node) });
  });
}

test('thirty new tasks are spread at once, and say who assigned them', async () => {
  const { store, clock, start } = await openCluster([buildNode('a'), buildNode('b'), buildNode('c')]);
  start();
  await clock.advance(0);
  await create(store, ...pendingWeb(30));
  await clock.advance(0);
  const counts = Map.groupBy(nodesOf(store), (id) => id);
  expect(['a', 'b', 'c'].map((id) => counts.get(id as never)?.length)).toEqual([10, 10, 10]);
  expect(task(store, 't000')?.Status).toEqual({
    State: 'assigned',
    Timestamp: '2026-01-01T12:00:00.000000000Z',
    Message: 'scheduler assigned task to node',
  });
});

test('tasks that were pending before the start are placed, and count what runs already', async () => {
  const { store, clock, start } = await openCluster([buildNode('a'), buildNode('b')]);
  await create(store, buildTask('old', 'web', { nodeID: 'a' }), buildTask('new', 'web'));
  start();
  await clock.advance(0);
  expect(task(store, 'new')?.NodeID).toBe('b');
});

test('a task that fits nowhere says why, once, and is placed when a node has room', async () => {
  const spec = { Resources: { Reservations: { MemoryBytes: 2 ** 31 } } };
  const { store, clock, start } = await openCluster([buildNode('a'), buildNode('b', { availability: 'pause' })], { web: spec });
  start();
  await create(store, buildTask('t', 'web'));
  await clock.advance(0);
  expect(task(store, 't')?.Status).toMatchObject({
    State: 'pending',
    Message: 'pending task scheduling',
    Err: 'no suitable node (1 node not available for new tasks; insufficient resources on 1 node)',
  });
  const explained = task(store, 't')?.Version;
  await changeNode(store, 'b', (node) => ({ Spec: { ...node.Spec, Labels: { some: 'label' } } }));
  await clock.advance(5000);
  expect(task(store, 't')?.Version).toEqual(explained);

  await store.update((tx) => tx.nodes.create(buildNode('c', { memoryBytes: 2 ** 32 })));
  await clock.advance(5000);
  expect(task(store, 't')?.NodeID).toBe('c');
  expect(task(store, 't')?.Status.Err).toBeUndefined();
});

test('a task that waits for room gets it when another task has ended', async () => {
  const spec = { Resources: { Reservations: { MemoryBytes: 2 ** 29 + 1 } } };
  const { store, clock, start } = await openCluster([buildNode('a')], { web: spec });
  start();
  await create(store, ...pendingWeb(2));
  await clock.advance(0);
  const [first, second] = [task(store, 't000'), task(store, 't001')];
  expect([first?.NodeID, second?.NodeID]).toEqual(['a', undefined]);
  if (first === undefined) throw new Error('no task');
  await store.update((tx) => tx.tasks.update({ ...first, Status: { State: 'complete', Timestamp: '' } }));
  await clock.advance(1000);
  expect(task(store, 't001')?.NodeID).toBe('a');
});

test('when hosts come back one by one, the first does not take all that waits', async () => {
  const { store, clock, start } = await openCluster([
    buildNode('a', { state: 'down' }),
    buildNode('b', { state: 'down' }),
    buildNode('c', { state: 'down' }),
  ]);
  start();
  await create(store, ...pendingWeb(9));
  await clock.advance(0);
  for (const id of ['a', 'b', 'c']) {
    await changeNode(store, id, () => ({ Status: { State: 'ready', Addr: '10.0.0.1' } }));
    await clock.advance(20);
  }
  expect(nodesOf(store).every((id) => id === undefined)).toBe(true);
  await clock.advance(50);
  expect([...Map.groupBy(nodesOf(store), (id) => id).values()].map((on) => on.length)).toEqual([3, 3, 3]);
});

test('when nodes keep changing, what waits is looked at after a second at the latest', async () => {
  const { store, clock, start } = await openCluster([buildNode('a', { state: 'down' }), buildNode('b', { availability: 'pause' })]);
  start();
  await create(store, buildTask('t', 'web'));
  await clock.advance(0);
  await changeNode(store, 'a', () => ({ Status: { State: 'ready', Addr: '10.0.0.1' } }));
  for (let at = 0; at < 26 && task(store, 't')?.NodeID === undefined; at += 1) {
    await changeNode(store, 'b', (node) => ({ Spec: { ...node.Spec, Labels: { at: String(at) } } }));
    await clock.advance(40);
  }
  expect(task(store, 't')?.NodeID).toBe('a');
});

test('a preassigned task is confirmed, or told the bare reason', async () => {
  const spec = { Placement: { Constraints: ['node.labels.gpu==yes'] } };
  const { store, clock, start } = await openCluster([buildNode('a', { labels: { gpu: 'yes' } }), buildNode('b')], { web: spec });
  start();
  await create(store, buildTask('ga', 'web', { nodeID: 'a', state: 'pending' }), buildTask('gb', 'web', { nodeID: 'b', state: 'pending' }));
  await clock.advance(0);
  expect(task(store, 'ga')?.Status).toMatchObject({ State: 'assigned', Message: 'scheduler confirmed task can run on preassigned node' });
  expect(task(store, 'gb')?.Status).toMatchObject({ State: 'pending', Err: 'scheduling constraints not satisfied on 1 node' });
  await changeNode(store, 'b', (node) => ({ Spec: { ...node.Spec, Labels: { gpu: 'yes' } } }));
  await clock.advance(1000);
  expect(task(store, 'gb')?.Status.State).toBe('assigned');
});

test('tasks that are new, or not wanted any more, are left alone', async () => {
  const { store, clock, start } = await openCluster([buildNode('a')]);
  start();
  await create(
    store,
    buildTask('new', 'web', { state: 'new' }),
    buildTask('unwanted', 'web', { desired: 'shutdown' }),
    buildTask('next', 'web', { desired: 'ready' }),
  );
  await clock.advance(0);
  expect(['new', 'unwanted', 'next'].map((id) => task(store, id)?.NodeID)).toEqual([undefined, undefined, 'a']);
});

test('a node drained after the choice and before the commit does not get the task; another does', async () => {
  const { store, clock, journal, start } = await openCluster([buildNode('a'), buildNode('b')]);
  start();
  await clock.advance(0);
  await create(store, buildTask('t', 'web'));
  journal.closeGate();
  const drained = changeNode(store, 'a', (node) => ({ Spec: { ...node.Spec, Availability: 'drain' } }));
  await clock.advance(0);
  journal.openGate();
  await drained;
  await clock.advance(0);
  expect(task(store, 't')?.NodeID).toBe('b');
});

test('a node that changed without losing what the task needs keeps it', async () => {
  const { store, clock, journal, start } = await openCluster([buildNode('a'), buildNode('b')]);
  start();
  await clock.advance(0);
  await create(store, buildTask('t', 'web'));
  journal.closeGate();
  const relabelled = changeNode(store, 'a', (node) => ({ Spec: { ...node.Spec, Labels: { new: 'label' } } }));
  await clock.advance(0);
  // Seen before anything is durable: there was no second look.
  const chosen = store.update((tx) => tx.tasks.get('t')?.NodeID);
  journal.openGate();
  await relabelled;
  expect(await chosen).toBe('a');
});

test('a task withdrawn after the choice and before the commit is not assigned, and gives its room back', async () => {
  const spec = { Resources: { Reservations: { MemoryBytes: 2 ** 30 } } };
  const { store, clock, journal, start } = await openCluster([buildNode('a')], { web: spec });
  start();
  await clock.advance(0);
  await create(store, buildTask('withdrawn', 'web'));
  const found = task(store, 'withdrawn');
  if (found === undefined) throw new Error('no task');
  journal.closeGate();
  const changed = store.update((tx) => tx.tasks.update({ ...found, DesiredState: 'shutdown' }));
  await clock.advance(0);
  journal.openGate();
  await changed;
  await clock.advance(0);
  expect(task(store, 'withdrawn')?.NodeID).toBeUndefined();
  await create(store, buildTask('next', 'web'));
  await clock.advance(1000);
  expect(task(store, 'next')?.NodeID).toBe('a');
});

test('a node where the service failed five times is avoided, also after the scheduler was started anew', async () => {
  const { store, clock, start } = await openCluster([buildNode('a'), buildNode('b')]);
  const first = start();
  await create(store, ...Array.from({ length: 5 }, (_, at) => buildTask(`f${at}`, 'web', { nodeID: 'a' })));
  const now = new Date(clock.now()).toISOString();
  await store.update((tx) => {
    for (const failed of tx.tasks.all()) tx.tasks.update({ ...failed, Status: { State: 'failed', Timestamp: now } });
  });
  await create(store, buildTask('t1', 'web'), buildTask('t2', 'web'));
  await clock.advance(0);
  expect(['t1', 't2'].map((id) => task(store, id)?.NodeID)).toEqual(['b', 'b']);
  await first.stop();
  start();
  await create(store, buildTask('t3', 'web'));
  await clock.advance(0);
  expect(task(store, 't3')?.NodeID).toBe('b');
});

test('a store that stops, and a task without its template, are told to the manager', async () => {
  const stopped = await openCluster([buildNode('a')]);
  stopped.start();
  await stopped.clock.advance(0);
  await create(stopped.store, buildTask('t', 'web'));
  stopped.journal.faults = () => ({ outcome: { kind: 'unknown', reason: 'the disk is gone' }, written: false });
  await stopped.clock.advance(0);
  expect(String(stopped.failures[0])).toContain('the disk is gone');

  const torn = await openCluster([buildNode('a')]);
  torn.start();
  await torn.clock.advance(0);
  await create(torn.store, buildTask('t', 'nobody'));
  await torn.clock.advance(0);
  expect(String(torn.failures[0])).toContain('template template-of-nobody of task t does not exist');
});

const withDataOn = (node: string) => ({ origin: { kind: 'restart', node: { id: asID<Node['ID']>(node), why: 'volume' } } }) as const;
const createService = (store: Store, Labels: Record<string, string>) =>
  store.update((tx) => {
    const Spec = { Name: 'web', Labels, TaskTemplate: {}, Mode: { Replicated: { Replicas: 1 } } };
    tx.services.create({ ID: asID('web'), Spec, specVersion: 1, templateID: asID('template-of-web'), Endpoint: {} });
  });

test('a task goes where the data of its volumes is, though another node has less to do', async () => {
  const { store, clock, start } = await openCluster([buildNode('a'), buildNode('b')]);
  start();
  await create(store, buildTask('old', 'web', { nodeID: 'a' }), buildTask('t', 'web', withDataOn('a')));
  await clock.advance(0);
  expect(task(store, 't')?.NodeID).toBe('a');
});

test('where its data cannot be had a task starts elsewhere, without it', async () => {
  const { store, clock, start } = await openCluster([buildNode('a', { state: 'down' }), buildNode('b')]);
  start();
  await create(store, buildTask('t', 'web', withDataOn('a')));
  await clock.advance(0);
  expect(task(store, 't')?.NodeID).toBe('b');
});

test('pinned to its data it waits, says for which node and why, and goes there when it can', async () => {
  const { store, clock, start } = await openCluster([buildNode('a', { state: 'down' }), buildNode('b')]);
  await createService(store, { 'swarm.volume': 'pin' });
  start();
  await create(store, buildTask('t', 'web', withDataOn('a')));
  await clock.advance(1000);
  expect(task(store, 't')?.Status.Err).toBe(
    'waits for node host-a, which has the data of its local volumes (1 node not available for new tasks); remove the service\'s label "swarm.volume" to start it empty elsewhere',
  );
  await changeNode(store, 'a', (node) => ({ Status: { ...node.Status, State: 'ready' } }));
  await clock.advance(1000);
  expect(task(store, 't')?.NodeID).toBe('a');
});

test('when the pin is taken off, what waited for its data goes elsewhere', async () => {
  const { store, clock, start } = await openCluster([buildNode('a', { state: 'down' }), buildNode('b')]);
  await createService(store, { 'swarm.volume': 'pin' });
  start();
  await create(store, buildTask('t', 'web', withDataOn('a')));
  await clock.advance(1000);
  await store.update((tx) => {
    const service = tx.services.all()[0]!;
    tx.services.update({ ...service, Spec: { ...service.Spec, Labels: {} } });
  });
  await clock.advance(1000);
  expect(task(store, 't')?.NodeID).toBe('b');
});

test('a task that is moved to even out the nodes goes there or nowhere', async () => {
  const { store, clock, start } = await openCluster([buildNode('a', { availability: 'pause' }), buildNode('b')]);
  start();
  await create(store, buildTask('t', 'web', { origin: { kind: 'move', node: { id: asID('a'), why: 'balance' } } }));
  await clock.advance(0);
  expect(task(store, 't')?.Status.Err).toBe('cannot be moved to node host-a: 1 node not available for new tasks');
});
