import type { Node, Task } from '@swarm/shared/domain/objects';
import type { EndpointSpec, TaskSpec } from '@swarm/shared/engine-api/service-spec';
import { asID } from '@swarm/shared/runtime/ids';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildNode, buildTask, buildTemplate, type NodeParts } from '../test-kit.ts';
import { CandidateCache } from './candidates.ts';
import { buildDemand } from './demand.ts';
import { AVOIDED_FROM, FAILURE_WINDOW_MS } from './failures.ts';
import { explainRefusals, FILTERS } from './filters.ts';
import { Inventory } from './inventory.ts';
import { placeGroup, placePreassigned } from './place-group.ts';

const NOW = Date.parse('2026-01-01T12:00:00Z');

/** A small cluster, described by what runs on each node: `{ a: ['web', 'web', 'db'] }`. */
function buildCluster(
  running: Readonly<Record<string, readonly string[]>>,
  specs: Readonly<Record<string, TaskSpec>> = {},
  nodes: Readonly<Record<string, NodeParts>> = {},
) {
  const inventory = new Inventory();
  const services = new Set([...Object.values(running).flat(), ...Object.keys(specs), 'web', 'db']);
  for (const service of services) {
    const template = buildTemplate(service, specs[service]);
    inventory.putDemand(
      template.ID,
      buildDemand(template, () => undefined),
    );
  }
  for (const [id, tasks] of Object.entries(running)) {
    inventory.putNode(buildNode(id, nodes[id]));
    for (const [at, service] of tasks.entries()) inventory.changeTask(undefined, buildTask(`${id}-${at}`, service, { nodeID: id }));
  }
  return { inventory, cache: new CandidateCache(inventory) };
}

function place(cluster: ReturnType<typeof buildCluster>, count: number, service = 'web') {
  const demand = cluster.inventory.demand(`template-of-${service}`);
  if (demand === undefined) throw new Error(`no service ${service}`);
  const tasks = Array.from({ length: count }, (_, at) => buildTask(`new-${service}-${at}`, service, { slot: at + 1 }));
  const plan = placeGroup(cluster.inventory, cluster.cache, demand, tasks, NOW);
  return { on: plan.placed.map(({ seat }) => seat.id).join(' '), unplaced: plan.unplaced.length, explanation: plan.explanation };
}

describe('tasks go', () => {
  test.each<[string, Record<string, string[]>, number, string]>([
    ['to the node with the least of the service, whatever else runs there', { a: ['web'], b: ['db', 'db', 'db'] }, 1, 'b'],
    ['to the node with fewer tasks when the service runs equally on both', { a: ['web', 'db'], b: ['web'] }, 1, 'b'],
    ['to the lower id when all is equal', { b: [], a: [], c: [] }, 1, 'a'],
    ['first where the service is missing, until it is level, then in turn', { a: ['web', 'web'], b: [], c: ['web'] }, 5, 'b b c a b'],
    ['around an empty cluster in turn', { a: [], b: [], c: [] }, 7, 'a b c a b c a'],
    ['first to the nodes with least in total', { a: ['db'], b: [], c: ['db', 'db'] }, 4, 'b a c b'],
  ])('%s', (_case, running, count, on) => {
    expect(place(buildCluster(running), count).on).toBe(on);
  });

  test('away from a node where this version failed five times in five minutes, and back when it is the only one', () => {
    const cluster = buildCluster({ a: [], b: ['web', 'web'] });
    const failed = buildTask('dead', 'web', { nodeID: 'a', state: 'failed' });
    for (let count = 0; count < AVOIDED_FROM - 1; count += 1) cluster.inventory.noteFailure(failed, NOW, NOW);
    expect(place(cluster, 1).on).toBe('a');
    cluster.inventory.noteFailure(failed, NOW, NOW);
    expect(place(cluster, 2).on).toBe('b b');
    expect(place(cluster, 1, 'db').on).toBe('a');
    cluster.inventory.putNode(buildNode('b', { availability: 'drain' }));
    expect(place(cluster, 1).on).toBe('a');
  });

  test('back to a node whose failures are older than the window', () => {
    const cluster = buildCluster({ a: [], b: ['web'] });
    const failed = buildTask('dead', 'web', { nodeID: 'a', state: 'rejected' });
    for (let count = 0; count < AVOIDED_FROM; count += 1) cluster.inventory.noteFailure(failed, NOW - FAILURE_WINDOW_MS, NOW);
    expect(place(cluster, 1).on).toBe('a');
  });

  test('to the node with fewer failures when all have many', () => {
    const cluster = buildCluster({ a: [], b: [] });
    for (const [nodeID, failures] of [
      ['a', 7],
      ['b', 6],
    ] as const) {
      for (let count = 0; count < failures; count += 1)
        cluster.inventory.noteFailure(buildTask('x', 'web', { nodeID, state: 'failed' }), NOW, NOW);
    }
    expect(place(cluster, 2).on).toBe('b b');
  });
});

describe('spread', () => {
  const zones = { a1: { labels: { zone: 'a' } }, a2: { labels: { zone: 'a' } }, b1: { labels: { zone: 'b' } }, n1: {} };
  const over = (...descriptors: string[]): TaskSpec => ({
    Placement: { Preferences: descriptors.map((SpreadDescriptor) => ({ Spread: { SpreadDescriptor } })) },
  });
  const empty = { a1: [], a2: [], b1: [], n1: [] };

  test('splits evenly between the values of a label, and a missing label is a value of its own', () => {
    expect(place(buildCluster(empty, { web: over('node.labels.zone') }, zones), 6).on).toBe('a1 b1 n1 a2 b1 n1');
  });
  test('counts what runs already, also on nodes that take nothing new', () => {
    const nodes = { ...zones, a1: { labels: { zone: 'a' }, availability: 'drain' as const } };
    expect(place(buildCluster({ ...empty, a1: ['web', 'web'] }, { web: over('node.labels.zone') }, nodes), 4).on).toBe('b1 n1 b1 n1');
  });
  test('gives what does not fit into a full branch to the others', () => {
    const spec = { Placement: { ...over('node.labels.zone').Placement, MaxReplicas: 1 } };
    expect(place(buildCluster(empty, { web: spec }, zones), 5)).toEqual({
      on: 'a1 b1 n1 a2',
      unplaced: 1,
      explanation: 'no suitable node (max replicas per node limit exceed)',
    });
  });
  test('nests, and reads engine labels', () => {
    const nodes = {
      a1: { labels: { zone: 'a' }, engineLabels: { rack: '1' } },
      a2: { labels: { zone: 'a' }, engineLabels: { rack: '2' } },
      a3: { labels: { zone: 'a' }, engineLabels: { rack: '2' } },
      b1: { labels: { zone: 'b' }, engineLabels: { rack: '1' } },
    };
    const cluster = buildCluster({ a1: [], a2: [], a3: [], b1: [] }, { web: over('node.labels.zone', 'engine.labels.rack') }, nodes);
    expect(place(cluster, 8).on).toBe('a1 b1 a2 b1 a3 b1 a1 b1');
  });
  test('over something else is ignored', () => {
    expect(place(buildCluster(empty, { web: over('node.hostname', 'node.labels.') }, zones), 4).on).toBe('a1 a2 b1 n1');
  });
  test('does not put many services of one task into the same zone', () => {
    const services = ['s1', 's2', 's3', 's4'];
    const specs = Object.fromEntries(services.map((service) => [service, over('node.labels.zone')]));
    const cluster = buildCluster(empty, specs, zones);
    expect(services.map((service) => place(cluster, 1, service).on)).toEqual(['a1', 'a2', 'b1', 'n1']);
  });
});

describe('a preassigned task', () => {
  test('is confirmed where it fits, and told the bare reason where it does not', () => {
    const cluster = buildCluster(
      { a: [], b: [] },
      { web: { Resources: { Reservations: { MemoryBytes: 600 } } } },
      { a: { memoryBytes: 1000 } },
    );
    const demand = cluster.inventory.demand('template-of-web');
    if (demand === undefined) throw new Error('no demand');
    const assign = (id: string, nodeID: string) => {
      const verdict = placePreassigned(cluster.inventory, demand, buildTask(id, 'web', { nodeID, state: 'pending' }));
      return 'seat' in verdict ? verdict.seat.id : verdict.explanation;
    };
    expect(assign('g1', 'a')).toBe('a');
    expect(assign('g2', 'a')).toBe('insufficient resources on 1 node');
    expect(assign('g3', 'nowhere')).toBe('');
  });
});

test('names of generic resources go to one task each, and come back when it ends', () => {
  const generic = ['x', 'y'].map((Value) => ({ NamedResourceSpec: { Kind: 'gpu', Value } }));
  const spec = { Resources: { Reservations: { GenericResources: [{ DiscreteResourceSpec: { Kind: 'gpu', Value: 1 } }] } } };
  const { inventory, cache } = buildCluster({ a: [] }, { web: spec }, { a: { generic } });
  const demand = inventory.demand('template-of-web');
  if (demand === undefined) throw new Error('no demand');
  const tasks = [1, 2, 3].map((slot) => buildTask(`t${slot}`, 'web', { slot }));
  const plan = placeGroup(inventory, cache, demand, tasks, NOW);
  expect(plan.placed.map((placement) => placement.generic)).toEqual([[generic[0]], [generic[1]]]);
  const assigned = { ...buildTask('t1', 'web', { nodeID: 'a', state: 'running' }), GenericResources: [generic[0]!] };
  inventory.changeTask(tasks[0], assigned);
  inventory.changeTask(assigned, { ...assigned, Status: { State: 'complete', Timestamp: '' } });
  expect(placeGroup(inventory, cache, demand, tasks.slice(2), NOW).placed.map((placement) => placement.generic)).toEqual([[generic[0]]]);
});

/**
 * The rules once more, as plainly as they can be written: every question is answered from the list of nodes and tasks.
 */
class Reference {
  readonly nodes = new Map<string, Node>();
  readonly tasks = new Map<string, Task>();
  readonly services: ReadonlyMap<string, { readonly spec: TaskSpec; readonly endpoint: EndpointSpec | undefined }>;

  constructor(services: Reference['services']) {
    this.services = services;
  }

  on(nodeID: string): Task[] {
    const ended = ['complete', 'shutdown', 'failed', 'rejected', 'orphaned'];
    return [...this.tasks.values()].filter((task) => task.NodeID === nodeID && !ended.includes(task.Status.State));
  }

  active(nodeID: string, service?: string): number {
    return this.on(nodeID).filter(
      ({ DesiredState, ServiceID }) =>
        ['ready', 'running', 'complete'].includes(DesiredState) && (service === undefined || ServiceID === service),
    ).length;
  }

  refusedBy(node: Node, service: string): string | undefined {
    const wants = this.services.get(service);
    const sum = (read: (spec: TaskSpec | undefined) => number | undefined) =>
      this.on(node.ID).reduce((total, task) => total + (read(this.services.get(task.ServiceID)?.spec) ?? 0), read(wants?.spec) ?? 0);
    const resources = wants?.spec.Resources?.Reservations;
    const ports = (of: typeof wants) => of?.endpoint?.Ports?.map((port) => port.PublishedPort) ?? [];
    const taken = this.on(node.ID).flatMap((task) => ports(this.services.get(task.ServiceID)));
    const [constraint] = wants?.spec.Placement?.Constraints ?? [];
    const max = wants?.spec.Placement?.MaxReplicas ?? 0;
    if (node.Status.State !== 'ready' || node.Spec.Availability !== 'active') return 'ready';
    if (
      resources?.MemoryBytes &&
      sum((spec) => spec?.Resources?.Reservations?.MemoryBytes) > (node.Description?.Resources.MemoryBytes ?? 0)
    )
      return 'resources';
    if (constraint !== undefined && node.Spec.Labels.disk !== constraint.split('==')[1]) return 'constraint';
    if (ports(wants).some((port) => taken.includes(port))) return 'host-port';
    if (max > 0 && this.active(node.ID, service) >= max) return 'max-replicas';
    return undefined;
  }

  rank(node: Node, service: string): readonly (number | string)[] {
    return [this.active(node.ID, service), this.active(node.ID), node.ID];
  }

  choose(nodes: readonly Node[], service: string, labels: readonly string[]): Node | undefined {
    const [label, ...inner] = labels;
    const before = (a: readonly (number | string)[], b: readonly (number | string)[]) => {
      const at = a.findIndex((part, index) => part !== b[index]);
      return at >= 0 && (a[at] as number) < (b[at] as number);
    };
    if (label === undefined) {
      const fitting = nodes.filter((node) => this.refusedBy(node, service) === undefined);
      return fitting.reduce<Node | undefined>(
        (best, node) => (best === undefined || before(this.rank(node, service), this.rank(best, service)) ? node : best),
        undefined,
      );
    }
    let best: { readonly node: Node; readonly rank: readonly (number | string)[] } | undefined;
    for (const value of new Set(nodes.map((node) => node.Spec.Labels[label] ?? ''))) {
      const branch = nodes.filter((node) => (node.Spec.Labels[label] ?? '') === value);
      const node = this.choose(branch, service, inner);
      if (node === undefined) continue;
      const rank = [branch.reduce((total, { ID }) => total + this.active(ID, service), 0), ...this.rank(node, service)];
      if (best === undefined || before(rank, best.rank)) best = { node, rank };
    }
    return best?.node;
  }

  explain(service: string): string {
    const refused = [...this.nodes.values()].map((node) => this.refusedBy(node, service));
    return explainRefusals(FILTERS.map(({ name }) => refused.filter((cause) => cause === name).length));
  }
}

const PORT_80: EndpointSpec = { Ports: [{ PublishedPort: 80, TargetPort: 80, PublishMode: 'host', Protocol: 'tcp' }] };
const SERVICES: Reference['services'] = new Map(
  Object.entries({
    plain: { spec: {}, endpoint: undefined },
    other: { spec: {}, endpoint: undefined },
    heavy: { spec: { Resources: { Reservations: { MemoryBytes: 300 } } }, endpoint: undefined },
    bound: { spec: { Placement: { Constraints: ['node.labels.disk==ssd'] } }, endpoint: PORT_80 },
    port: {
      spec: {},
      endpoint: { Ports: [{ PublishedPort: 80, TargetPort: 80, PublishMode: 'host' as const, Protocol: 'tcp' as const }] },
    },
    few: { spec: { Placement: { MaxReplicas: 2 } }, endpoint: undefined },
    spread: { spec: { Placement: { Preferences: [{ Spread: { SpreadDescriptor: 'node.labels.zone' } }] } }, endpoint: undefined },
    nested: {
      spec: {
        Resources: { Reservations: { MemoryBytes: 200 } },
        Placement: {
          MaxReplicas: 3,
          Preferences: [{ Spread: { SpreadDescriptor: 'node.labels.zone' } }, { Spread: { SpreadDescriptor: 'node.labels.disk' } }],
        },
      },
      endpoint: undefined,
    },
  }),
);
const SPREAD_LABELS: Readonly<Record<string, readonly string[]>> = { spread: ['zone'], nested: ['zone', 'disk'] };

const nodeID = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
const putNode = fc.record({
  kind: fc.constant('put-node' as const),
  id: nodeID,
  labels: fc.record({ zone: fc.constantFrom('x', 'y'), disk: fc.constantFrom('ssd', 'hdd') }, { requiredKeys: [] }),
  availability: fc.constantFrom('active' as const, 'active' as const, 'active' as const, 'drain' as const),
  memoryBytes: fc.constantFrom(500, 1000, 1500),
});
const step = fc.oneof(
  { weight: 3, arbitrary: putNode },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove-node' as const), id: nodeID }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('place' as const),
      service: fc.constantFrom(...SERVICES.keys()),
      count: fc.integer({ min: 1, max: 8 }),
      seen: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom('finish' as const, 'shut-down' as const, 'delete' as const),
      pick: fc.nat(),
    }),
  },
);

test('any history of nodes, placements and ends: every choice and every explanation is the one of the plain rules', () => {
  fc.assert(
    fc.property(fc.array(putNode, { minLength: 1, maxLength: 5 }), fc.array(step, { maxLength: 25 }), (first, steps) => {
      const reference = new Reference(SERVICES);
      const inventory = new Inventory();
      const cache = new CandidateCache(inventory, 12);
      for (const [service, { spec, endpoint }] of SERVICES) {
        const template = buildTemplate(service, spec, endpoint);
        inventory.putDemand(
          template.ID,
          buildDemand(template, () => undefined),
        );
      }
      let made = 0;
      for (const taken of [...first, ...steps]) {
        switch (taken.kind) {
          case 'put-node': {
            const node = buildNode(taken.id, taken);
            reference.nodes.set(node.ID, node);
            inventory.putNode(node);
            break;
          }
          case 'remove-node':
            reference.nodes.delete(taken.id);
            inventory.removeNode(taken.id);
            break;
          case 'place': {
            const tasks = Array.from({ length: taken.count }, () => buildTask(`t${made++}`, taken.service));
            const demand = inventory.demand(`template-of-${taken.service}`);
            if (demand === undefined) throw new Error('no demand');
            const plan = placeGroup(inventory, cache, demand, tasks, NOW);
            const wanted: string[] = [];
            for (const task of tasks) {
              const node = reference.choose([...reference.nodes.values()], taken.service, SPREAD_LABELS[taken.service] ?? []);
              if (node === undefined) break;
              const assigned = { ...task, NodeID: node.ID, Status: { State: 'assigned' as const, Timestamp: '' } };
              reference.tasks.set(task.ID, assigned);
              wanted.push(node.ID);
            }
            expect(plan.placed.map(({ seat }) => seat.id)).toEqual(wanted);
            expect(plan.unplaced).toEqual(tasks.slice(wanted.length));
            expect(plan.explanation).toBe(wanted.length === tasks.length ? '' : reference.explain(taken.service));
            // Placements are seen in a commit, or refused by it.
            for (const { task } of plan.placed) {
              if (taken.seen) inventory.changeTask(task, reference.tasks.get(task.ID));
              else {
                inventory.release(task.ID);
                reference.tasks.delete(task.ID);
              }
            }
            break;
          }
          default: {
            const before = [...reference.tasks.values()][taken.pick % Math.max(1, reference.tasks.size)];
            if (before === undefined) break;
            const after: Task | undefined =
              taken.kind === 'finish'
                ? { ...before, Status: { State: 'complete', Timestamp: '' } }
                : taken.kind === 'shut-down'
                  ? { ...before, DesiredState: 'shutdown' }
                  : undefined;
            if (after === undefined) reference.tasks.delete(before.ID);
            else reference.tasks.set(before.ID, after);
            inventory.changeTask(before, after);
          }
        }
      }
      for (const [id] of reference.nodes) {
        expect(inventory.seat(id)?.load.active).toBe(reference.active(id));
        expect(inventory.seat(id)?.load.held).toBe(reference.on(id).length);
      }
    }),
    { numRuns: 400 },
  );
});

test('whatever is asked of whatever cluster, no node is overcommitted, no port is given twice, no limit or constraint is broken', () => {
  const sizes = fc.array(fc.record({ memoryBytes: fc.integer({ min: 0, max: 2000 }), disk: fc.constantFrom('ssd', 'hdd') }), {
    minLength: 1,
    maxLength: 6,
  });
  const asks = fc.array(
    fc.record({
      memoryBytes: fc.integer({ min: 0, max: 900 }),
      port: fc.constantFrom(0, 0, 80, 81),
      maxReplicas: fc.integer({ min: 0, max: 2 }),
      disk: fc.constantFrom(undefined, 'ssd'),
      count: fc.integer({ min: 1, max: 12 }),
    }),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(sizes, asks, (nodes, services) => {
      const inventory = new Inventory();
      const cache = new CandidateCache(inventory);
      for (const [at, { memoryBytes, disk }] of nodes.entries()) inventory.putNode(buildNode(`n${at}`, { memoryBytes, labels: { disk } }));
      const placed = services.flatMap((service, at) => {
        const template = buildTemplate(
          `s${at}`,
          {
            Resources: { Reservations: { MemoryBytes: service.memoryBytes } },
            Placement: { MaxReplicas: service.maxReplicas, ...(service.disk && { Constraints: [`node.labels.disk==${service.disk}`] }) },
          },
          { Ports: [{ PublishedPort: service.port, PublishMode: 'host', TargetPort: 1 }] },
        );
        const demand = buildDemand(template, () => undefined);
        const tasks = Array.from({ length: service.count }, (_, index) => buildTask(`s${at}-${index}`, `s${at}`));
        return placeGroup(inventory, cache, demand, tasks, NOW).placed.map(({ seat }) => ({ ...service, at, node: seat.id }));
      });
      for (const [index, node] of nodes.entries()) {
        const here = placed.filter((task) => task.node === `n${index}`);
        expect(here.reduce((sum, task) => sum + task.memoryBytes, 0)).toBeLessThanOrEqual(node.memoryBytes);
        const ports = here.map((task) => task.port).filter((port) => port > 0);
        expect(new Set(ports).size).toBe(ports.length);
        for (const task of here) {
          if (task.maxReplicas > 0) expect(here.filter((other) => other.at === task.at).length).toBeLessThanOrEqual(task.maxReplicas);
          if (task.disk !== undefined) expect(node.disk).toBe(task.disk);
        }
      }
    }),
  );
});

test('spread with room everywhere leaves no two zones more than one task apart', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('x', 'y', 'z'), { minLength: 1, maxLength: 9 }),
      fc.integer({ min: 1, max: 40 }),
      (zones, count) => {
        const nodes = Object.fromEntries(zones.map((zone, at) => [`n${at}`, { labels: { zone } }]));
        const spec = { Placement: { Preferences: [{ Spread: { SpreadDescriptor: 'node.labels.zone' } }] } };
        const cluster = buildCluster(Object.fromEntries(Object.keys(nodes).map((id) => [id, []])), { web: spec }, nodes);
        const perZone = Map.groupBy(place(cluster, count).on.split(' '), (id) => nodes[id]?.labels.zone);
        const counts = [...new Set(zones)].map((zone) => perZone.get(zone)?.length ?? 0);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      },
    ),
  );
});

test('the same cluster, learnt in any order, gives the same plan', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(['a', 'b', 'c', 'd', 'e'], { minLength: 5 }), (order) => {
      const inOrder = buildCluster({ a: ['db'], b: [], c: ['web'], d: [], e: ['db', 'db'] });
      const shuffled = buildCluster({});
      const running: Readonly<Record<string, readonly string[]>> = { a: ['db'], b: [], c: ['web'], d: [], e: ['db', 'db'] };
      for (const id of order) {
        shuffled.inventory.putNode(buildNode(id));
        for (const [at, service] of (running[id] ?? []).entries()) {
          shuffled.inventory.changeTask(undefined, buildTask(asID(`${id}-${at}`), service, { nodeID: id }));
        }
      }
      expect(place(shuffled, 9)).toEqual(place(inOrder, 9));
    }),
  );
});

test('values of a label that no node has any more are forgotten', () => {
  const spec = { Placement: { Preferences: [{ Spread: { SpreadDescriptor: 'node.labels.build' } }] } };
  const cluster = buildCluster({ a: [] }, { web: spec });
  const demand = cluster.inventory.demand('template-of-web');
  if (demand === undefined) throw new Error('no demand');
  for (let build = 0; build < 500; build += 1) {
    cluster.inventory.putNode(buildNode('a', { labels: { build: String(build) } }));
    expect(cluster.cache.own(demand).leaves.size).toBeLessThan(25);
  }
  expect(place(cluster, 1).on).toBe('a');
});
