import type { ReportedStatus } from '@swarm/shared/protocol/session';
import { systemClock } from '@swarm/shared/runtime/clock';
import { asID } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { eventually } from '@swarm/shared/testing/eventually';
import { expect, test } from 'vitest';
import type { AppendOutcome } from '../store/journal.ts';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import { startStatusCommitter } from './status-committer.ts';

const running = (taskID: string): ReportedStatus => ({ taskID, status: { State: 'running', Timestamp: 'now' } });

async function start(taskIDs: readonly string[]) {
  const journal = new MemoryJournal();
  const failures: unknown[] = [];
  const store = await openStore({ journal, clock: systemClock, onFailure: () => undefined });
  await store.update((tx) => {
    for (const ID of taskIDs) {
      const Status = { State: 'assigned', Timestamp: '' } as const;
      const ids = { ID: asID<never>(ID), ServiceID: asID<never>('s'), templateID: asID<never>('p'), NodeID: asID<never>('n1') };
      tx.tasks.create({ ...ids, specVersion: 1, DesiredState: 'running', Status });
    }
  });
  const committer = startStatusCommitter({ store, clock: systemClock, logger: silentLogger, onFailure: (error) => failures.push(error) });
  const acknowledged: string[] = [];
  const add = (name: string, statuses: readonly ReportedStatus[], isCurrent = () => true) =>
    committer.add({ nodeID: 'n1', statuses, isCurrent, acknowledge: () => acknowledged.push(name) });
  const state = (id: string) => store.view((tx) => tx.tasks.get(id)?.Status.State);
  return { journal, store, failures, acknowledged, add, state, version: () => store.view((tx) => tx.version) };
}

test('what comes in one turn is one transaction', async () => {
  const { add, acknowledged, version, state } = await start(['t1', 't2', 't3']);
  const before = version();
  for (const id of ['t1', 't2', 't3']) add(id, [running(id)]);
  await eventually(() => expect(acknowledged).toEqual(['t1', 't2', 't3']));
  expect([version() - before, state('t1'), state('t3')]).toEqual([1, 'running', 'running']);
});

test('the ports of a running task are those of its service, with the numbers that its host gave them', async () => {
  const { add, acknowledged, store } = await start(['t1']);
  const port = { TargetPort: 80, Protocol: 'tcp', PublishMode: 'host' } as const;
  await store.update((tx) => {
    const template = { serviceID: asID<never>('s'), serviceName: 'web', serviceLabels: {}, spec: {}, global: false };
    tx.templates.create({ ...template, ID: asID('p'), endpoint: { Ports: [port] } });
  });
  const Ports = [{ ...port, PublishedPort: 32768 }];
  add('batch', [{ taskID: 't1', status: { State: 'running', Timestamp: 'now', PortStatus: { Ports: [...Ports, { TargetPort: 22 }] } } }]);
  await eventually(() => expect(acknowledged).toEqual(['batch']));
  expect(store.view((tx) => tx.tasks.get('t1')?.Status.PortStatus)).toEqual({ Ports });
});

test('what an ended session left behind is neither committed nor acknowledged', async () => {
  const { add, acknowledged, state } = await start(['t1', 't2']);
  let isCurrent = true;
  add('old', [running('t1')], () => isCurrent);
  isCurrent = false;
  add('new', [running('t2')]);
  await eventually(() => expect(acknowledged).toEqual(['new']));
  expect([state('t1'), state('t2')]).toEqual(['assigned', 'running']);
});

test('nothing is acknowledged before it is durable, nor when it never becomes so', async () => {
  const { add, journal, acknowledged, failures, state } = await start(['t1']);
  const outcome: AppendOutcome = { kind: 'unknown', reason: 'disk full' };
  journal.faults = () => ({ outcome, written: false });
  add('batch', [running('t1')]);
  await eventually(() => expect(failures.map(String)).toEqual([expect.stringContaining('disk full')]));
  expect([acknowledged, state('t1')]).toEqual([[], 'assigned']);
});

test('more than a transaction should hold is committed in several', async () => {
  const ids = Array.from({ length: 5_000 }, (_, n) => `t${n}`);
  const { add, acknowledged, version, state } = await start(ids);
  const before = version();
  for (let at = 0; at < ids.length; at += 100) add(`batch ${at}`, ids.slice(at, at + 100).map(running));
  await eventually(() => expect(acknowledged.length).toBe(50));
  expect(version() - before).toBe(3);
  expect(ids.every((id) => state(id) === 'running')).toBe(true);
});
