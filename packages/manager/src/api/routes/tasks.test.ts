import type { Task, Template } from '@swarm/shared/domain/objects';
import { asID } from '@swarm/shared/runtime/ids';
import { beforeAll, expect, test } from 'vitest';
import type { Draft } from '../../store/store.ts';
import { makeNode, startTestApi, type TestApi } from '../testing/cluster.ts';

let api: TestApi;

const task = (id: string, over: Partial<Draft<Task>> = {}): Draft<Task> => ({
  ID: asID(id),
  ServiceID: asID('web-id'),
  templateID: asID('template2'),
  specVersion: 5,
  Slot: 1,
  NodeID: asID('node1'),
  DesiredState: 'running',
  Status: { State: 'running', Timestamp: '2026-01-01T00:00:00.000000000Z', Message: 'started' },
  ...over,
});
const template = (id: string, over: Partial<Draft<Template>> = {}): Draft<Template> => ({
  ID: asID(id),
  serviceID: asID('web-id'),
  serviceName: 'web',
  serviceLabels: { app: 'shop' },
  spec: { ContainerSpec: { Image: 'nginx:2' }, ForceUpdate: 0, Runtime: 'container' },
  global: false,
  ...over,
});

beforeAll(async () => {
  api = await startTestApi();
  await api.store.update((tx) => {
    tx.nodes.create(makeNode('node1', 'one', { Spec: { Labels: { zone: 'a' }, Role: 'worker', Availability: 'active' } }));
    tx.nodes.create(makeNode('node2', 'two'));
    tx.services.create({
      ID: asID('web-id'),
      Spec: { Name: 'web', Labels: {}, TaskTemplate: {}, Mode: { Replicated: { Replicas: 2 } } },
      specVersion: 9,
      templateID: asID('template3'),
      Endpoint: {},
    });
    tx.templates.create(template('template1', { spec: { ContainerSpec: { Image: 'nginx:1' } } }));
    tx.templates.create(template('template2'));
    tx.templates.create(template('template3', { spec: { ...template('').spec, Placement: { Constraints: ['node.labels.zone == a'] } } }));
    tx.templates.create(
      template('template4', { serviceID: asID('gone-id'), serviceName: 'gone', serviceLabels: { app: 'old' }, global: true }),
    );
    tx.tasks.create(task('t1', { templateID: asID('template1'), DesiredState: 'shutdown' }));
    tx.tasks.create(task('t2'));
    tx.tasks.create(task('t3', { NodeID: asID('node2'), Slot: 2 }));
    tx.tasks.create(task('t4', { templateID: asID('template3'), specVersion: 9, Slot: 0 }));
    const { Slot: _, ...global } = task('t5', { templateID: asID('template4'), ServiceID: asID('gone-id'), DesiredState: 'remove' });
    tx.tasks.create(global);
  });
});

async function list(filters: object) {
  const reply = await api.app.inject({ method: 'GET', url: `/tasks?filters=${encodeURIComponent(JSON.stringify(filters))}` });
  return { status: reply.statusCode, body: reply.json() };
}

const lists: readonly (readonly [string, object, readonly string[]])[] = [
  ['no filter gives all, history too', {}, ['t1', 't2', 't3', 't4', 't5']],
  ['a service by name', { service: ['web'] }, ['t1', 't2', 't3', 't4']],
  ['a node by host name', { node: { two: true } }, ['t3']],
  ['a service and a node, both needed', { service: ['web-id'], node: ['two'] }, ['t3']],
  ['the label of a service that is gone', { label: ['app=old'] }, ['t5']],
  ['a label over several templates', { label: ['app=shop'] }, ['t1', 't2', 't3', 't4']],
  ['the name of a task', { name: ['web.2'] }, ['t3']],
  ['the name of a global task', { name: ['gone.node1.t5'] }, ['t5']],
  ['a desired state', { 'desired-state': ['shutdown'] }, ['t1']],
  ['two desired states, either', { 'desired-state': ['shutdown', 'remove'] }, ['t1', 't5']],
  ['up to date: same version, or same work on a node that still fits', { '_up-to-date': ['true'] }, ['t2', 't4']],
];
test.each(lists)('the list by %s', async (_name, filters, ids) => {
  const { body } = await list(filters);
  expect(body.map(({ ID }: { ID: string }) => ID)).toEqual(ids);
});

const refusals: readonly (readonly [string, object, number, string])[] = [
  ['a service that is gone', { service: ['gone'] }, 404, 'service gone not found'],
  ['a node that is not there', { node: ['nope'] }, 404, 'node nope not found'],
  ['a desired state nobody knows', { 'desired-state': ['foo'] }, 500, "Invalid desired-state filter: 'foo'"],
  ['a filter there is not', { state: ['running'] }, 400, "Invalid filter 'state'"],
];
test.each(refusals)('%s refuses the whole list', async (_name, filters, status, message) => {
  expect(await list(filters)).toEqual({ status, body: { message } });
});

test('a task shows its template as its own, and none of our fields', async () => {
  const reply = await api.app.inject({ method: 'GET', url: '/tasks/t2' });
  expect(reply.json()).toEqual({
    ID: 't2',
    Version: { Index: expect.any(Number) },
    CreatedAt: expect.any(String),
    UpdatedAt: expect.any(String),
    Labels: { app: 'shop' },
    Spec: { ContainerSpec: { Image: 'nginx:2' }, ForceUpdate: 0 },
    ServiceID: 'web-id',
    Slot: 1,
    NodeID: 'node1',
    Status: { State: 'running', Timestamp: '2026-01-01T00:00:00.000000000Z', Message: 'started', PortStatus: {} },
    DesiredState: 'running',
  });
});

test('slot 0 and the slot of a global task are absent', async () => {
  for (const id of ['t4', 't5']) expect((await api.app.inject(`/tasks/${id}`)).json()).not.toHaveProperty('Slot');
});

test('what has ended of a service that is gone is not found by label: it would be counted by those who wait for the rest to stop', async () => {
  const own = await startTestApi();
  const stack = { 'com.docker.stack.namespace': 'st' };
  await own.store.update((tx) => {
    tx.nodes.create(makeNode('node1', 'one'));
    tx.templates.create(template('template2', { serviceLabels: stack }));
    tx.tasks.create(task('ended', { DesiredState: 'remove', Status: { State: 'shutdown', Timestamp: '' } }));
    tx.tasks.create(task('stops', { DesiredState: 'remove' }));
  });
  const found = async (filters: object) => {
    const reply = await own.app.inject({ method: 'GET', url: `/tasks?filters=${encodeURIComponent(JSON.stringify(filters))}` });
    return reply.json().map(({ ID }: { readonly ID: string }) => ID);
  };
  expect(await found({ label: ['com.docker.stack.namespace=st'] })).toEqual(['stops']);
  expect(await found({})).toEqual(['ended', 'stops']);
});

test('a task is found by its name', async () => {
  expect((await api.app.inject('/tasks/web.2.t3')).json()).toMatchObject({ ID: 't3' });
  expect((await api.app.inject('/tasks/web.1.t3')).statusCode).toBe(404);
});

test('a long list comes in pieces, between which others have their turn, and is one list', async () => {
  const big = await startTestApi();
  await big.store.update((tx) => {
    tx.templates.create(template('template2'));
    for (let slot = 1; slot <= 1000; slot += 1) tx.tasks.create(task(`task${slot}`, { Slot: slot }));
  });
  let turns = 0;
  let answered = false;
  const others = () => {
    turns += 1;
    if (!answered) setImmediate(others);
  };
  setImmediate(others);
  const reply = await big.app.inject('/tasks');
  answered = true;
  // Here nobody is slow: the client takes whatever it is given, at once.
  expect(turns).toBeGreaterThan(7);
  const tasks = reply.json<{ ID: string }[]>();
  expect(tasks).toHaveLength(1000);
  expect(tasks.map(({ ID }) => ID)).toEqual(tasks.map(({ ID }) => ID).sort());
});
