import type { Config, Secret, Task, Template } from '@swarm/shared/domain/objects';
import { asID } from '@swarm/shared/runtime/ids';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AssignmentChange, decideAssignments, type Ledger, type LedgerChange } from './assignments.ts';
import { cutIntoParts } from './parts.ts';

const NODE = 'n1';
const stamp = (version: number) => ({ Version: { Index: version }, CreatedAt: '', UpdatedAt: '' });

interface World {
  readonly tasks: Map<string, Task>;
  readonly templates: Map<string, Template>;
  readonly secrets: Map<string, Secret>;
  readonly configs: Map<string, Config>;
}

const newWorld = (): World => ({ tasks: new Map(), templates: new Map(), secrets: new Map(), configs: new Map() });

function task(ID: string, templateID: string, fields: Partial<Task> = {}): Task {
  return {
    ID: asID(ID),
    ...stamp(1),
    ServiceID: asID('s'),
    templateID: asID(templateID),
    specVersion: 1,
    NodeID: asID(NODE),
    DesiredState: 'running',
    Status: { State: 'assigned', Timestamp: '' },
    ...fields,
  };
}

function template(ID: string, secrets: readonly string[] = [], configs: readonly string[] = []): Template {
  const ContainerSpec = { Secrets: secrets.map((SecretID) => ({ SecretID })), Configs: configs.map((ConfigID) => ({ ConfigID })) };
  return { ID: asID(ID), ...stamp(1), serviceID: asID('s'), serviceName: 'web', serviceLabels: {}, global: false, spec: { ContainerSpec } };
}

const payload = (ID: string, version = 1) => ({ ID: asID<never>(ID), ...stamp(version), Spec: { Name: ID, Data: `v${version}` } });

const lookup = (world: World) => ({
  task: (id: string) => world.tasks.get(id),
  template: (id: string) => world.templates.get(id),
  secret: (id: string) => world.secrets.get(id),
  config: (id: string) => world.configs.get(id),
});

const emptyLedger = () => ({ tasks: new Map(), templates: new Map(), secrets: new Map(), configs: new Map() });

function record(ledger: Ledger, change: LedgerChange): Ledger {
  const next = emptyLedger();
  for (const key of ['tasks', 'templates', 'secrets', 'configs'] as const) {
    for (const [id, entry] of [...ledger[key], ...change[key]])
      if (entry === undefined) next[key].delete(id);
      else next[key].set(id, entry as never);
  }
  return next;
}

/** What a worker holds after a change. */
type Held = Record<'templates' | 'secrets' | 'configs' | 'tasks', Map<string, unknown>>;

function apply(held: Held, change: AssignmentChange): void {
  for (const key of ['templates', 'secrets', 'configs', 'tasks'] as const) {
    for (const id of change.removed[key]) expect(held[key].delete(id), `${key} ${id} is removed only where it is held`).toBe(true);
    for (const object of change[key]) held[key].set(object.ID, object);
  }
}

const dirtyOf = (world: World) => ({
  taskIDs: new Set(world.tasks.keys()),
  secretIDs: new Set<string>(),
  configIDs: new Set<string>(),
});

function complete(world: World) {
  const decided = decideAssignments(NODE, emptyLedger(), dirtyOf(world), lookup(world));
  const held: Held = emptyLedger();
  apply(held, decided.change);
  return { held, ledger: record(emptyLedger(), decided.ledger) };
}

test.each([
  { it: 'a new assigned task', task: task('t', 'p'), sent: true },
  { it: 'a task that is not assigned yet', task: task('t', 'p', { Status: { State: 'pending', Timestamp: '' } }), sent: false },
  { it: 'a task of another node', task: task('t', 'p', { NodeID: asID('n2') }), sent: false },
  { it: 'a task that shall shut down', task: task('t', 'p', { DesiredState: 'shutdown' }), sent: true },
  { it: 'a task that has failed and is kept as history', task: task('t', 'p', { Status: { State: 'failed', Timestamp: '' } }), sent: true },
])('$it is sent: $sent', ({ task, sent }) => {
  const world = newWorld();
  world.templates.set('p', template('p'));
  world.tasks.set('t', task);
  const { held } = complete(world);
  expect([held.tasks.has('t'), held.templates.has('p')]).toEqual([sent, sent]);
});

test('secrets and configs go only with tasks that are live, and only where they exist', () => {
  const world = newWorld();
  world.templates.set('live', template('live', ['a', 'gone', ''], ['c']));
  world.templates.set('ended', template('ended', ['b']));
  world.tasks.set('t1', task('t1', 'live'));
  world.tasks.set('t2', task('t2', 'ended', { Status: { State: 'complete', Timestamp: '' } }));
  for (const id of ['a', 'b', 'unused']) world.secrets.set(id, payload(id));
  world.configs.set('c', payload('c'));
  const { held } = complete(world);
  expect([...held.secrets.keys()]).toEqual(['a']);
  expect([...held.configs.keys()]).toEqual(['c']);
});

test('a task that only reports its state is no change for its node', () => {
  const world = newWorld();
  world.templates.set('p', template('p'));
  world.tasks.set('t', task('t', 'p'));
  const { ledger } = complete(world);
  world.tasks.set('t', task('t', 'p', { Status: { State: 'running', Timestamp: '' } }));
  const { change } = decideAssignments(NODE, ledger, dirtyOf(world), lookup(world));
  expect(change).toEqual({
    templates: [],
    secrets: [],
    configs: [],
    tasks: [],
    removed: { templates: [], secrets: [], configs: [], tasks: [] },
  });
});

const ids = (letter: string, count: number) => fc.integer({ min: 1, max: count }).map((n) => `${letter}${n}`);
const edit = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('task' as const),
      id: ids('t', 6),
      templateID: ids('p', 4),
      node: fc.constantFrom(NODE, NODE, NODE, 'n2'),
      desired: fc.constantFrom('running', 'shutdown', 'remove', 'ready' as const),
      state: fc.constantFrom('pending', 'assigned', 'running', 'failed' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reap' as const), id: ids('t', 6) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('secret' as const, 'config' as const), id: ids('x', 4), exists: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('send' as const) }) },
);

test('applying any chain of changes, cut into parts of any size, gives exactly the complete set', () => {
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 60 }), fc.integer({ min: 1, max: 2_000 }), (edits, partBytes) => {
      const world = newWorld();
      for (let n = 1; n <= 4; n += 1) world.templates.set(`p${n}`, template(`p${n}`, [`x${n}`, 'x1'], [`x${5 - n}`]));
      for (let n = 1; n <= 4; n += 1) world.secrets.set(`x${n}`, payload(`x${n}`));
      let { held, ledger } = complete(world);
      let dirty = dirtyOf(world);
      const send = () => {
        const decided = decideAssignments(NODE, ledger, dirty, lookup(world));
        ledger = record(ledger, decided.ledger);
        for (const part of cutIntoParts('incremental', { appliesTo: 'a', resultsIn: 'b' }, decided.change, partBytes)) {
          apply(held, { ...part, removed: part.removed! });
        }
        dirty = { taskIDs: new Set(), secretIDs: new Set(), configIDs: new Set() };
      };
      let version = 1;
      for (const step of edits) {
        version += 1;
        switch (step.kind) {
          case 'task': {
            const before = world.tasks.get(step.id);
            world.tasks.set(
              step.id,
              task(step.id, before?.templateID ?? step.templateID, {
                NodeID: asID(step.node),
                DesiredState: step.desired,
                Status: { State: step.state, Timestamp: String(version) },
              }),
            );
            dirty.taskIDs.add(step.id);
            break;
          }
          case 'reap':
            world.tasks.delete(step.id);
            dirty.taskIDs.add(step.id);
            break;
          case 'secret':
          case 'config': {
            const table = step.kind === 'secret' ? world.secrets : world.configs;
            if (step.exists) table.set(step.id, payload(step.id, version));
            else table.delete(step.id);
            (step.kind === 'secret' ? dirty.secretIDs : dirty.configIDs).add(step.id);
            break;
          }
          case 'send':
            send();
        }
      }
      send();
      const whole = complete(world);
      expect(held).toEqual(whole.held);
      expect(ledger).toEqual(whole.ledger);
    }),
    { numRuns: 300 },
  );
});

test('ten thousand tasks pass in parts of bounded size', () => {
  const world = newWorld();
  world.templates.set('p', template('p'));
  for (let n = 0; n < 10_000; n += 1) world.tasks.set(`t${n}`, task(`t${n}`, 'p', { Slot: n }));
  const { change } = decideAssignments(NODE, emptyLedger(), dirtyOf(world), lookup(world));
  const parts = [...cutIntoParts('complete', { appliesTo: '', resultsIn: 'a' }, change)];
  expect(Math.max(...parts.map((part) => JSON.stringify(part).length))).toBeLessThan(300 * 1024);
  expect(parts.map(({ part, last }) => [part, last])).toEqual(parts.map((_, at) => [at, at === parts.length - 1]));
  expect(parts.flatMap((part) => part.tasks).length).toBe(10_000);
});

test('a task goes out with what is its own: resources, and the log driver that was the default when it was made', () => {
  const world = newWorld();
  const logDriver = { Name: 'syslog', Options: { tag: 'x' } };
  const GenericResources = [{ NamedResourceSpec: { Kind: 'gpu', Value: 'one' } }];
  world.templates.set('p', template('p'));
  world.tasks.set('t', task('t', 'p', { logDriver, GenericResources }));
  const { change } = decideAssignments(NODE, emptyLedger(), dirtyOf(world), lookup(world));
  expect(change.tasks).toEqual([
    { ID: 't', serviceID: 's', templateID: 'p', desiredState: 'running', genericResources: GenericResources, logDriver },
  ]);
});
