import type { NetworkSpec } from '@swarm/shared/engine-api/payload-specs';
import type { EndpointSpec, GenericResource, TaskSpec } from '@swarm/shared/engine-api/service-spec';
import { describe, expect, test } from 'vitest';
import { buildNode, buildTemplate, type NodeParts } from '../test-kit.ts';
import { buildDemand } from './demand.ts';
import { explainRefusals, FILTERS, firstUnmet } from './filters.ts';
import { emptyLoad, occupy } from './node-load.ts';

const NETWORKS: Readonly<Record<string, NetworkSpec>> = {
  weave1: { Driver: 'weave' },
  overlay1: { Driver: 'overlay' },
  host1: { Driver: 'host' },
  sealed1: { Driver: 'overlay', Options: { encrypted: '' } },
};

function demandOf(spec: TaskSpec, endpoint?: EndpointSpec) {
  return buildDemand(buildTemplate('s', spec, endpoint), (id) => NETWORKS[id]);
}

/** Who refuses a task with `spec` on a node with `parts`, whose tasks have the specs `running`. */
function refusedBy(spec: TaskSpec, parts: NodeParts, running: readonly TaskSpec[] = [], own = 0): string | undefined {
  const load = emptyLoad();
  for (const other of running) occupy(load, demandOf(other), undefined);
  return firstUnmet(demandOf(spec), buildNode('n', parts), load, own)?.name;
}

const reserve = (NanoCPUs: number, MemoryBytes: number): TaskSpec => ({ Resources: { Reservations: { NanoCPUs, MemoryBytes } } });
const constrain = (...Constraints: string[]): TaskSpec => ({ Placement: { Constraints } });
const volumeOf = (Name: string): TaskSpec => ({
  ContainerSpec: { Mounts: [{ Type: 'volume', VolumeOptions: { DriverConfig: { Name } } }] },
});

describe('a node', () => {
  test.each<[string, NodeParts, TaskSpec, string | undefined]>([
    ['that is ready and active takes a task', {}, {}, undefined],
    ['that is down takes none', { state: 'down' }, {}, 'ready'],
    ['that is unknown takes none', { state: 'unknown' }, {}, 'ready'],
    ['that is disconnected takes none', { state: 'disconnected' }, {}, 'ready'],
    ['that is paused takes none', { availability: 'pause' }, {}, 'ready'],
    ['that is drained takes none', { availability: 'drain' }, {}, 'ready'],
    ['whose engine does not answer takes none', { engineOk: false }, {}, 'ready'],
    ['whose engine answers takes one', { engineOk: true }, {}, undefined],
    ['takes a reservation of all it has', { nanoCPUs: 2e9, memoryBytes: 100 }, reserve(2e9, 100), undefined],
    ['refuses one nano-CPU more', { nanoCPUs: 2e9 }, reserve(2e9 + 1, 0), 'resources'],
    ['refuses one byte more', { memoryBytes: 100 }, reserve(0, 101), 'resources'],
    ['without the volume plugin refuses', {}, volumeOf('rexray'), 'plugin'],
    ['with the volume plugin takes it', { plugins: [{ Type: 'Volume', Name: 'rexray' }] }, volumeOf('rexray'), undefined],
    ['with the plugin as :latest takes it', { plugins: [{ Type: 'Volume', Name: 'rexray:latest' }] }, volumeOf('rexray'), undefined],
    ['with another tag of the plugin refuses', { plugins: [{ Type: 'Volume', Name: 'rexray:2' }] }, volumeOf('rexray'), 'plugin'],
    [
      'with a network plugin of that name refuses a volume',
      { plugins: [{ Type: 'Network', Name: 'rexray' }] },
      volumeOf('rexray'),
      'plugin',
    ],
    ['needs no plugin for local volumes', {}, volumeOf('local'), undefined],
    ['without the network plugin refuses', {}, { Networks: [{ Target: 'weave1' }] }, 'plugin'],
    ['needs no plugin for our networks', {}, { Networks: [{ Target: 'overlay1' }, { Target: 'host1' }, { Target: 'unknown' }] }, undefined],
    [
      'that cannot have an encrypted network refuses a task in it',
      { refuses: ['sealed1'] },
      { Networks: [{ Target: 'sealed1' }] },
      'network',
    ],
    ['that cannot have one takes a task in another', { refuses: ['other'] }, { Networks: [{ Target: 'sealed1' }] }, undefined],
    ['that says nothing of it takes a task in an encrypted network', {}, { Networks: [{ Target: 'sealed1' }] }, undefined],
    ['that names other log drivers refuses', { plugins: [{ Type: 'Log', Name: 'json-file' }] }, { LogDriver: { Name: 'gelf' } }, 'plugin'],
    ['that names no log driver takes any', { plugins: [{ Type: 'Volume', Name: 'x' }] }, { LogDriver: { Name: 'gelf' } }, undefined],
    ['takes the log driver none', { plugins: [{ Type: 'Log', Name: 'json-file' }] }, { LogDriver: { Name: 'none' } }, undefined],
    ['that meets the constraints takes it', { labels: { zone: 'a' } }, constrain('node.labels.zone==a', 'node.role==worker'), undefined],
    ['that fails one of them refuses', { labels: { zone: 'a' } }, constrain('node.labels.zone==a', 'node.role==manager'), 'constraint'],
    [
      'of another architecture refuses',
      { arch: 'aarch64' },
      { Placement: { Platforms: [{ Architecture: 'amd64', OS: 'linux' }] } },
      'platform',
    ],
    ['of the same by another name takes it', { arch: 'aarch64' }, { Placement: { Platforms: [{ Architecture: 'arm64' }] } }, undefined],
    [
      'that is down and fails all else is told as down',
      { state: 'down', nanoCPUs: 0 },
      { ...reserve(1, 0), ...constrain('node.id==x') },
      'ready',
    ],
    [
      'that has no room and fails constraints is told as full',
      { nanoCPUs: 0 },
      { ...reserve(1, 0), ...constrain('node.id==x') },
      'resources',
    ],
  ])('%s', (_case, parts, spec, filter) => {
    expect(refusedBy(spec, parts)).toBe(filter);
  });

  test('that never described itself takes none', () => {
    const { Description: _, ...node } = buildNode('n');
    expect(firstUnmet(demandOf({}), node, emptyLoad(), 0)?.name).toBe('ready');
  });

  test('counts what its tasks reserve', () => {
    const parts = { nanoCPUs: 4e9, memoryBytes: 1000 };
    expect(refusedBy(reserve(2e9, 0), parts, [reserve(1e9, 0), reserve(1e9, 0)])).toBeUndefined();
    expect(refusedBy(reserve(2e9, 0), parts, [reserve(1e9, 0), reserve(1e9 + 1, 0)])).toBe('resources');
    expect(refusedBy({}, parts, [reserve(9e9, 9e9)])).toBeUndefined();
  });

  test('takes as many tasks of a service as max replicas says', () => {
    const spec = { Placement: { MaxReplicas: 2 } };
    expect([0, 1, 2, 3].map((own) => refusedBy(spec, {}, [], own))).toEqual([undefined, undefined, 'max-replicas', 'max-replicas']);
    expect(refusedBy({ Placement: { MaxReplicas: 0 } }, {}, [], 99)).toBeUndefined();
  });

  test('has each host port once per protocol', () => {
    const port = (PublishedPort: number, Protocol: 'tcp' | 'udp', PublishMode: 'host' | 'ingress' = 'host') =>
      demandOf({}, { Ports: [{ PublishedPort, Protocol, PublishMode, TargetPort: 80 }] });
    const load = emptyLoad();
    occupy(load, port(80, 'tcp'), undefined);
    const verdict = (demand: ReturnType<typeof port>) => firstUnmet(demand, buildNode('n'), load, 0)?.name;
    expect(verdict(port(80, 'tcp'))).toBe('host-port');
    expect(verdict(port(80, 'udp'))).toBeUndefined();
    expect(verdict(port(81, 'tcp'))).toBeUndefined();
    expect(verdict(port(80, 'tcp', 'ingress'))).toBeUndefined();
    expect(verdict(demandOf({}, { Ports: [{ TargetPort: 80, PublishMode: 'host' }] }))).toBeUndefined();
  });
});

describe('generic resources', () => {
  const discrete = (Kind: string, Value: number): GenericResource => ({ DiscreteResourceSpec: { Kind, Value } });
  const named = (Kind: string, Value: string): GenericResource => ({ NamedResourceSpec: { Kind, Value } });
  const wants = (...GenericResources: GenericResource[]): TaskSpec => ({ Resources: { Reservations: { GenericResources } } });
  test.each<[string, readonly GenericResource[], TaskSpec, string | undefined]>([
    ['enough of a number', [discrete('ssd', 3)], wants(discrete('ssd', 3)), undefined],
    ['one too few of a number', [discrete('ssd', 3)], wants(discrete('ssd', 4)), 'resources'],
    ['two reservations of a kind add up', [discrete('ssd', 3)], wants(discrete('ssd', 2), discrete('ssd', 2)), 'resources'],
    ['enough names', [named('gpu', 'a'), named('gpu', 'b')], wants(discrete('gpu', 2)), undefined],
    ['one name too few', [named('gpu', 'a')], wants(discrete('gpu', 2)), 'resources'],
    ['a kind the node does not have', [], wants(discrete('gpu', 1)), 'resources'],
    ['none of a kind', [], wants(discrete('gpu', 0)), undefined],
    ['a certain name', [named('gpu', 'a')], wants(named('gpu', 'a')), undefined],
    ['a certain name that the node has not', [named('gpu', 'a')], wants(named('gpu', 'b')), 'resources'],
    ['a certain name and one more', [named('gpu', 'a')], wants(named('gpu', 'a'), discrete('gpu', 1)), 'resources'],
  ])('%s', (_case, generic, spec, filter) => {
    expect(refusedBy(spec, { generic })).toBe(filter);
  });
});

describe('the explanation', () => {
  const counts = (given: Partial<Record<(typeof FILTERS)[number]['name'], number>>) => FILTERS.map(({ name }) => given[name] ?? 0);
  test.each([
    [{ ready: 1 }, 'no suitable node (1 node not available for new tasks)'],
    [{ ready: 3 }, 'no suitable node (3 nodes not available for new tasks)'],
    [{ resources: 1 }, 'no suitable node (insufficient resources on 1 node)'],
    [{ plugin: 2 }, 'no suitable node (missing plugin on 2 nodes)'],
    [{ constraint: 2 }, 'no suitable node (scheduling constraints not satisfied on 2 nodes)'],
    [{ platform: 1 }, 'no suitable node (unsupported platform on 1 node)'],
    [{ 'host-port': 1 }, 'no suitable node (host-mode port already in use on 1 node)'],
    [{ 'max-replicas': 4 }, 'no suitable node (max replicas per node limit exceed)'],
    [
      { ready: 1, constraint: 3, resources: 2 },
      'no suitable node (scheduling constraints not satisfied on 3 nodes; insufficient resources on 2 nodes; 1 node not available for new tasks)',
    ],
    [{ ready: 2, resources: 2 }, 'no suitable node (2 nodes not available for new tasks; insufficient resources on 2 nodes)'],
    [{}, 'no suitable node'],
  ])('of %j is: %s', (given, text) => {
    expect(explainRefusals(counts(given))).toBe(text);
  });
});
