import type { EndpointSpec, TaskSpec } from '@swarm/shared/engine-api/service-spec';
import { expect, test } from 'vitest';
import { buildTemplate } from '../test-kit.ts';
import { buildDemand } from './demand.ts';
import { SharedDemands } from './shared-demands.ts';

interface Asked {
  readonly spec: TaskSpec;
  readonly endpoint?: EndpointSpec;
}

function demandOf({ spec, endpoint }: Asked) {
  return buildDemand(buildTemplate('web', spec, endpoint), () => undefined);
}

function share(one: Asked, other: Asked): boolean {
  const demands = new SharedDemands();
  demands.put('one', demandOf(one));
  demands.put('other', demandOf(other));
  return demands.get('one') === demands.get('other');
}

const constraint: Asked = { spec: { Placement: { Constraints: ['node.labels.disk == ssd'] } } };
const memory = (MemoryBytes: number): Asked => ({ spec: { Resources: { Reservations: { MemoryBytes } } } });
const cpus = (NanoCPUs: number): Asked => ({ spec: { Resources: { Reservations: { NanoCPUs } } } });
const gpus = (Value: number): Asked => ({
  spec: { Resources: { Reservations: { GenericResources: [{ DiscreteResourceSpec: { Kind: 'gpu', Value } }] } } },
});
const port = (PublishedPort: number, PublishMode: 'host' | 'ingress'): Asked => ({
  spec: {},
  endpoint: { Ports: [{ PublishMode, PublishedPort, TargetPort: 80 }] },
});

test.each<[string, Asked, Asked]>([
  ['who asks nothing', { spec: {} }, { spec: { LogDriver: { Name: 'none' } } }],
  ['who asks the same constraint, whatever else differs', constraint, { spec: { ...constraint.spec, ForceUpdate: 3 } }],
  ['who reserves the same memory', memory(1024), memory(1024)],
  ['who needs the same port of the host', port(80, 'host'), port(80, 'host')],
])('%s shares one demand', (_case, one, other) => {
  expect(share(one, other)).toBe(true);
});

test.each<[string, Asked, Asked]>([
  ['a constraint and none', constraint, { spec: {} }],
  ['memory and as many CPUs', memory(1024), cpus(1024)],
  ['one GPU and two', gpus(1), gpus(2)],
  ['two ports of the host', port(80, 'host'), port(81, 'host')],
  ['a port of the host and one of the cluster', port(80, 'host'), port(80, 'ingress')],
  ['a limit per node and none', { spec: {} }, { spec: { Placement: { MaxReplicas: 1 } } }],
  ['a constraint with memory and without', constraint, { spec: { ...constraint.spec, ...memory(1024).spec } }],
  [
    'a constraint and a spread over the same words',
    constraint,
    { spec: { Placement: { Preferences: [{ Spread: { SpreadDescriptor: 'node.labels.disk' } }] } } },
  ],
])('%s are two demands', (_case, one, other) => {
  expect(share(one, other)).toBe(false);
});

test('a template that goes leaves the demand to those that share it; one that asks anew gets what it asks', () => {
  const demands = new SharedDemands();
  demands.put('one', demandOf(memory(1)));
  demands.put('other', demandOf(memory(1)));
  demands.remove('one');
  expect(demands.has('one')).toBe(false);
  expect(demands.get('other')?.memoryBytes).toBe(1);
  demands.put('other', demandOf(memory(2)));
  demands.put('one', demandOf(memory(1)));
  expect([demands.get('one')?.memoryBytes, demands.get('other')?.memoryBytes]).toEqual([1, 2]);
});
