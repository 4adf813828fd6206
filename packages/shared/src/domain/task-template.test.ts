import { expect, test } from 'vitest';
import type { ServiceSpec } from '../engine-api/service-spec.ts';
import { asID } from '../runtime/ids.ts';
import type { Node, Template } from './objects.ts';
import { isUpToDate, templateContent, templateFor } from './task-template.ts';

const spec: ServiceSpec = {
  Name: 'web',
  Labels: { tier: 'front' },
  Mode: { Replicated: { Replicas: 3 } },
  TaskTemplate: { ContainerSpec: { Image: 'nginx:1', Env: ['A=1'] }, ForceUpdate: 0, Runtime: 'container' },
};
const service = (Spec: ServiceSpec, registryAuth?: string) => ({
  ID: asID<Template['serviceID']>('s'),
  Spec,
  ...(registryAuth !== undefined && { registryAuth }),
});
const stored = (Spec: ServiceSpec, ID: string, registryAuth?: string): Template => ({
  ...templateContent(service(Spec, registryAuth)),
  ID: asID(ID),
  Version: { Index: 1 },
  CreatedAt: '',
  UpdatedAt: '',
});
const node = (zone: string): Node => ({
  ID: asID('n'),
  Version: { Index: 1 },
  CreatedAt: '',
  UpdatedAt: '',
  Spec: { Labels: { zone }, Role: 'worker', Availability: 'active' },
  Status: { State: 'ready', Addr: '' },
  role: 'worker',
  keyFingerprint: '',
});
const task = (change: object): ServiceSpec => ({ ...spec, TaskTemplate: { ...spec.TaskTemplate, ...change } });
const east = { Placement: { Constraints: ['node.labels.zone == east'] } };

const changes: readonly [what: string, after: ServiceSpec, newTemplate: boolean, restarts: boolean][] = [
  ['the same spec again', { ...spec }, false, false],
  ['more replicas', { ...spec, Mode: { Replicated: { Replicas: 9 } } }, false, false],
  ['another update config', { ...spec, UpdateConfig: { Parallelism: 2 } }, false, false],
  ['another service label', { ...spec, Labels: { tier: 'back' } }, true, false],
  ['a constraint that the node meets', task(east), true, false],
  ['a constraint that the node does not meet', task({ Placement: { Constraints: ['node.labels.zone == west'] } }), true, true],
  ['an empty placement', task({ Placement: {} }), true, false],
  ['another image', task({ ContainerSpec: { Image: 'nginx:2' } }), true, true],
  ['a forced update', task({ ForceUpdate: 1 }), true, true],
  ['a spread preference', task({ Placement: { Preferences: [{ Spread: { SpreadDescriptor: 'node.labels.zone' } }] } }), true, true],
  ['a published port', { ...spec, EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 80, PublishMode: 'host' }] } }, true, true],
];

test.each(changes)('%s: new template %s, tasks restart %s', (_, after, newTemplate, restarts) => {
  const before = stored(spec, 'a');
  expect(templateFor(service(after), before) !== undefined).toBe(newTemplate);
  expect(isUpToDate(before, stored(after, 'b'), node('east'))).toBe(!restarts);
});

test('new registry credentials make a new template and restart nothing', () => {
  const before = stored(spec, 'a', 'old');
  expect(templateFor(service(spec, 'new'), before)).toMatchObject({ registryAuth: 'new' });
  expect(isUpToDate(before, stored(spec, 'b', 'new'), undefined)).toBe(true);
});

test('a task without a node is not up to date when its constraints have changed', () => {
  expect(isUpToDate(stored(spec, 'a'), stored(task(east), 'b'), undefined)).toBe(false);
});

test('a first template holds the task spec without the runtime, the deprecated networks included', () => {
  const content = templateFor(service({ ...spec, Networks: [{ Target: 'n1' }] }));
  expect(content).toEqual({
    serviceID: 's',
    serviceName: 'web',
    serviceLabels: { tier: 'front' },
    spec: { ContainerSpec: { Image: 'nginx:1', Env: ['A=1'] }, ForceUpdate: 0, Networks: [{ Target: 'n1' }] },
    global: false,
  });
});
