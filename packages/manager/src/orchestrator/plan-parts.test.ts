import { asID } from '@swarm/shared/runtime/ids';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { commitPlan } from '../store/commit-plan.ts';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import { newTask } from './decide/seat.ts';
import { seatPart, serviceParts } from './plan-parts.ts';
import { down, facts, serviceSpec, T0 } from './testing/build.ts';

const random = { id: () => 'new', fraction: () => 0 };

async function stored() {
  const store = await openStore({ journal: new MemoryJournal(), clock: new VirtualClock(T0), onFailure: () => expect.unreachable() });
  const { service, template } = facts(serviceSpec(), { PreviousSpec: serviceSpec({ ContainerSpec: { Image: 'web:0' } }) });
  await store.update((tx) => {
    tx.services.create(service);
    tx.templates.create(template);
  });
  const read = store.view((tx) => tx.services.get(service.ID))!;
  const create = newTask({ service: read, template }, { Slot: 1 }, { kind: 'new' }, 'running', T0);
  return { store, service: read, seat: { create: [create], update: [], premises: [], downNodes: [] } };
}

test('a task is not made for a service that has changed since the decision', async () => {
  const { store, service, seat } = await stored();
  await store.update((tx) => tx.services.update({ ...service, specVersion: 2 }));
  const { refused } = await commitPlan(store, [seatPart(service.ID, service, seat, random)]);
  expect(refused).toHaveLength(1);
  expect(store.view((tx) => tx.tasks.size)).toBe(0);
});

test('a task is not made for a service that is gone since the decision', async () => {
  const { store, service, seat } = await stored();
  await store.update((tx) => tx.services.remove(service.ID));
  const { refused } = await commitPlan(store, [seatPart(service.ID, service, seat, random)]);
  expect(refused).toHaveLength(1);
});

test('a plan is refused when a task it rests on has moved', async () => {
  const { store, service, seat } = await stored();
  const read = await store.update((tx) => tx.tasks.create({ ID: asID('a'), ...seat.create[0]! }));
  await store.update((tx) => tx.tasks.update({ ...read, Status: { ...read.Status, State: 'pending' } }));
  const { refused } = await commitPlan(store, [seatPart(service.ID, service, { ...seat, premises: [read] }, random)]);
  expect(refused.map(({ reason }) => reason)).toEqual(['tasks a: is at version 3; the plan was made for version 2']);
});

test('a plan is refused when a node that it takes for down is heard of again', async () => {
  const { store, service, seat } = await stored();
  const read = await store.update((tx) => tx.nodes.create(down('n1')));
  const part = seatPart(service.ID, service, { ...seat, downNodes: [read] }, random);
  await store.update((tx) => tx.nodes.update({ ...read, Status: { ...read.Status, State: 'ready' } }));
  const { refused } = await commitPlan(store, [part]);
  expect(refused.map(({ reason }) => reason)).toEqual(['nodes n1: is at version 3; the plan was made for version 2']);
});

test('the seats of a service are committed together with what is said of its update', async () => {
  const { store, service, seat } = await stored();
  const status = { State: 'updating', Message: 'update in progress' } as const;
  const { refused } = await commitPlan(store, serviceParts(service, { seats: [seat], seatWakes: [], status }, random));
  expect(refused).toEqual([]);
  expect(store.view((tx) => [tx.tasks.size, tx.services.get(service.ID)?.UpdateStatus])).toEqual([1, status]);
});

test('a rollback brings the previous spec back with a template of its own', async () => {
  const { store, service } = await stored();
  const plan = { seats: [], seatWakes: [], rollback: 'update rolled back due to failure or early termination of task a' };
  expect((await commitPlan(store, serviceParts(service, plan, random))).refused).toEqual([]);
  const after = store.view((tx) => tx.services.get(service.ID))!;
  expect(after).toMatchObject({ templateID: 'new', UpdateStatus: { State: 'rollback_started', Message: plan.rollback } });
  expect(after.specVersion).toBeGreaterThan(service.specVersion);
  expect(after.PreviousSpec).toBeUndefined();
  expect(store.view((tx) => tx.templates.get(after.templateID))?.spec.ContainerSpec?.Image).toBe('web:0');
});

test('what a service publishes after a rollback is what its spec says again, with the numbers and addresses it has', async () => {
  const { store, service } = await stored();
  const port = (TargetPort: number, PublishedPort?: number) => ({
    Protocol: 'tcp' as const,
    TargetPort,
    ...(PublishedPort && { PublishedPort }),
    PublishMode: 'ingress' as const,
  });
  const before = { Ports: [port(80, 8080), port(9000)] };
  const failed = await store.update((tx) =>
    tx.services.update({
      ...service,
      Spec: serviceSpec({}, { EndpointSpec: { Ports: [port(80, 9090), port(9000)] } }),
      PreviousSpec: serviceSpec({}, { EndpointSpec: before }),
      Endpoint: {
        Spec: { Ports: [port(80, 9090), port(9000)] },
        Ports: [port(80, 9090), port(9000, 30_000)],
        VirtualIPs: [{ NetworkID: asID('net'), Addr: '10.0.0.2/24' }],
      },
    }),
  );
  await commitPlan(store, serviceParts(failed, { seats: [], seatWakes: [], rollback: 'update rolled back' }, random));
  expect(store.view((tx) => tx.services.get(service.ID))?.Endpoint).toEqual({
    Spec: before,
    Ports: [port(80, 8080), port(9000, 30_000)],
    VirtualIPs: [{ NetworkID: 'net', Addr: '10.0.0.2/24' }],
  });
});

test('a rollback is refused when another service has taken its port since the decision', async () => {
  const { store, service } = await stored();
  const publishing = { EndpointSpec: { Ports: [{ TargetPort: 80, PublishedPort: 8080 }] } };
  const failed = await store.update((tx) =>
    tx.services.update({
      ...service,
      Spec: serviceSpec({}, { UpdateConfig: { FailureAction: 'rollback' } }),
      PreviousSpec: serviceSpec({}, publishing),
    }),
  );
  const parts = serviceParts(failed, { seats: [], seatWakes: [], rollback: 'update rolled back' }, random);
  await store.update((tx) =>
    tx.services.create({
      ...service,
      ID: asID('other'),
      Spec: serviceSpec({}, { Name: 'other', ...publishing }),
      Endpoint: publishing.EndpointSpec,
    }),
  );
  const { refused } = await commitPlan(store, parts);
  expect(refused.map(({ reason }) => reason)).toEqual(['port 8080 of its previous spec is published by service other by now']);
});
