import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { compareStates, isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EngineError, type EngineErrorKind } from './engine/engine.ts';
import type { FakeVerb } from './engine/fake-controls.ts';
import { CLUSTER_ID, createWorkerWorld, IMAGE, NODE_ID, payload, type TaskOptions, type WorkerWorld } from './testing/worker-world.ts';

/**
 * The promises of a worker, in worlds where everything happens: whatever the manager, the engine, users and chance do,
 * foreign containers stay untouched, a task has one container, statuses climb, and once the faults end the host is as
 * wanted and comes to rest.
 */
const TASKS = ['a', 'b', 'c', 'd'];
const CLIMB = ['ready', 'running', 'shutdown', 'remove'] as const;
/** Those in which a task can be caught half-way come more often. */
const VERBS: readonly FakeVerb[] = ['list', 'inspect', 'pull', 'create', 'create', 'start', 'start', 'start', 'stop', 'stop', 'remove'];
const KINDS: readonly EngineErrorKind[] = ['unavailable', 'failed'];

const task = fc.constantFrom(...TASKS);
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('climb' as const), task }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('pass-time' as const),
      ms: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: 40_000 })),
    }),
  },
  fc.record({ kind: fc.constant('withdraw' as const), task }),
  fc.record({ kind: fc.constant('exit' as const), task, exitCode: fc.constantFrom(0, 1, 137) }),
  fc.record({ kind: fc.constant('unhealthy' as const), task }),
  fc.record({ kind: fc.constant('remove-by-user' as const), task }),
  fc.record({ kind: fc.constant('start-by-user' as const), task }),
  fc.record({ kind: fc.constant('engine-down' as const) }),
  fc.record({ kind: fc.constant('engine-up' as const) }),
  fc.record({ kind: fc.constant('restart-daemon' as const) }),
  fc.record({ kind: fc.constant('reboot' as const) }),
  fc.record({
    kind: fc.constant('reach' as const),
    reach: fc.constantFrom('connected' as const, 'uncertain' as const, 'unreachable' as const),
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      verb: fc.constantFrom(...VERBS),
      errorKind: fc.constantFrom(...KINDS),
      latencyMs: fc.integer({ min: 0, max: 30_000 }),
      effect: fc.constantFrom('slow' as const, 'fails' as const, 'loses answers' as const),
    }),
  },
  fc.record({ kind: fc.constant('no-fault' as const) }),
);
type Action = typeof action extends fc.Arbitrary<infer Value> ? Value : never;

class Scene {
  readonly world: WorkerWorld;
  readonly wanted = new Map<string, number>();
  readonly used = new Set<string>();
  generation = 0;
  lifeStart = 0;
  down = false;
  readonly startedByUser = new Set<string>();

  constructor(world: WorkerWorld) {
    this.world = world;
  }

  assign(): void {
    const options: TaskOptions[] = [...this.wanted].map(([id, rung]) => ({
      id,
      desired: CLIMB[rung] ?? 'remove',
      spec: {
        RestartPolicy: { Condition: 'any', Delay: 1e9, MaxAttempts: 3 },
        ContainerSpec: {
          Healthcheck: { Test: ['CMD', 'true'], Interval: 2e9 },
          Secrets: [{ SecretID: 'pw', SecretName: 'pw', File: { Name: 'pw' } }],
        },
      },
    }));
    this.world.give({ secrets: new Map([['pw', payload('pw', 'hunter2')]]), configs: new Map() });
    this.world.assign(...options);
  }

  containerOf(id: string) {
    return this.world.engine.containers().find(({ labels }) => labels[CONTAINER_LABELS.taskID] === id);
  }

  async perform(action: Action): Promise<void> {
    const { engine, clock } = this.world;
    switch (action.kind) {
      case 'climb': {
        // An id that has left the set is never given again.
        if (this.used.has(action.task) && !this.wanted.has(action.task)) return;
        this.used.add(action.task);
        this.wanted.set(action.task, Math.min(CLIMB.length - 1, (this.wanted.get(action.task) ?? -1) + 1));
        return this.assign();
      }
      case 'withdraw':
        if (this.wanted.delete(action.task)) this.assign();
        return;
      case 'pass-time':
        return clock.advance(action.ms);
      case 'exit':
      case 'unhealthy': {
        const container = this.containerOf(action.task);
        if (container?.status !== 'running') return;
        if (action.kind === 'exit') engine.exitContainer(container.id, action.exitCode);
        else engine.setHealth(container.id, 'unhealthy');
        return;
      }
      case 'remove-by-user':
      case 'start-by-user': {
        const container = this.containerOf(action.task);
        if (container === undefined || this.down) return;
        if (action.kind === 'start-by-user') this.startedByUser.add(action.task);
        const faults = engine.faults;
        engine.faults = {};
        await (action.kind === 'remove-by-user' ? engine.removeContainer(container.id) : engine.startContainer(container.id));
        engine.faults = faults;
        return;
      }
      case 'engine-down':
        this.down = true;
        return engine.goDown();
      case 'engine-up':
        this.down = false;
        return engine.comeBack();
      case 'restart-daemon':
        await this.world.restartDaemon();
        this.lifeStart = this.world.reports.length;
        this.assign();
        return;
      case 'reboot':
        engine.goDown();
        for (const id of TASKS) {
          const container = this.containerOf(id);
          if (container?.status === 'running') engine.exitContainer(container.id, 137);
        }
        this.world.payloads.reboot();
        if (!this.down) engine.comeBack();
        await this.world.restartDaemon();
        this.lifeStart = this.world.reports.length;
        this.assign();
        return;
      case 'reach':
        return this.world.setReach(action.reach);
      case 'fault': {
        const { verb, errorKind, latencyMs, effect } = action;
        let turn = 0;
        const hit = (other: FakeVerb) => other === verb && turn++ % 2 === 0;
        engine.faults = {
          latencyMs: { [verb]: latencyMs },
          ...(effect === 'loses answers' ? { loseAnswer: hit } : {}),
          ...(effect === 'fails'
            ? { failure: (other: FakeVerb) => (hit(other) ? new EngineError(errorKind, `${verb} does not work`) : undefined) }
            : {}),
        };
        return;
      }
      case 'no-fault':
        engine.faults = {};
        return;
    }
  }

  checkAlways(foreign: readonly string[]): void {
    const { engine, reports, failures, endedTooEarly } = this.world;
    expect(failures).toEqual([]);
    expect(endedTooEarly.filter(({ taskID }) => !this.startedByUser.has(taskID))).toEqual([]);
    const containers = engine.containers();
    expect(containers.filter(({ id }) => foreign.includes(id)).map(({ status }) => status)).toEqual(foreign.map(() => 'created'));
    for (const id of TASKS) {
      const own = containers.filter(({ labels }) => labels[CONTAINER_LABELS.taskID] === id && labels[CLUSTER_LABEL] === CLUSTER_ID);
      expect(own.length, `containers of task ${id}`).toBeLessThanOrEqual(1);
      if (isTerminal(this.world.status(id)?.State ?? 'new') && !this.startedByUser.has(id)) {
        expect(
          own.map(({ status }) => status),
          `containers of the ended task ${id}`,
        ).not.toContain('running');
      }
      if (own.some(({ status }) => status === 'running') && !this.startedByUser.has(id)) {
        expect([...this.world.payloads.held()], `files under the container of task ${id}`).toContain(id);
      }
      const states = reports.slice(this.lifeStart).filter((report) => report.taskID === id);
      states.reduce((before, after) => {
        expect(compareStates(after.status.State, before.status.State), `task ${id} moved back`).toBeGreaterThanOrEqual(0);
        if (isTerminal(before.status.State)) expect(after.status.State, `task ${id} ended twice`).toBe(before.status.State);
        return after;
      }, states[0]!);
    }
  }

  async checkAfterFaults(): Promise<void> {
    const { engine, clock } = this.world;
    engine.faults = {};
    engine.comeBack();
    this.world.setReach('connected');
    this.assign();
    await clock.advance(30 * 60_000);
    for (const [id, rung] of this.wanted) {
      const state = this.world.status(id)?.State ?? 'new';
      const desired = CLIMB[rung] ?? 'remove';
      const running = this.containerOf(id)?.status === 'running';
      if (isTerminal(state)) expect(running, `ended task ${id} runs`).toBe(false);
      else {
        expect(isWanted(desired), `task ${id} is ${state} and shall be ${desired}`).toBe(true);
        expect(state, `task ${id}`).toBe(running ? 'running' : desired);
      }
    }
    for (const { labels } of engine.containers()) {
      const isOurs = labels[CLUSTER_LABEL] === CLUSTER_ID && labels[CONTAINER_LABELS.nodeID] === NODE_ID;
      if (isOurs) expect([...this.wanted.keys()]).toContain(labels[CONTAINER_LABELS.taskID]);
    }
    for (const id of this.world.payloads.held()) {
      expect(this.wanted.has(id), `files of task ${id}, which is gone`).toBe(true);
      expect(isTerminal(this.world.status(id)?.State ?? 'new'), `files of the ended task ${id}`).toBe(false);
    }
    const { list: _, ...before } = { ...engine.calls };
    await clock.advance(10 * 60_000);
    expect(engine.calls, 'a host that is as wanted is left alone').toMatchObject(before);
  }
}

test('a worker keeps its promises whatever happens', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 40 }), async (actions) => {
      const world = await createWorkerWorld();
      const scene = new Scene(world);
      const foreign = await Promise.all(
        [
          { name: 'nobody', labels: {} },
          { name: 'other-node', labels: { [CLUSTER_LABEL]: CLUSTER_ID, [CONTAINER_LABELS.nodeID]: 'node2' } },
          { name: 'other-cluster', labels: { [CLUSTER_LABEL]: 'cluster2', [CONTAINER_LABELS.nodeID]: NODE_ID } },
        ].map(({ name, labels }) =>
          world.engine.createContainer({ name, body: { Image: IMAGE, Labels: labels, Entrypoint: ['sleep'], Cmd: ['9'] } }),
        ),
      );
      const foreignIDs = foreign.map(({ id }) => id);
      for (const step of actions) {
        await scene.perform(step);
        await world.clock.advance(0);
        scene.checkAlways(foreignIDs);
      }
      await scene.checkAfterFaults();
      scene.checkAlways(foreignIDs);
      await world.dispose();
    }),
    { numRuns: 150 },
  );
});
