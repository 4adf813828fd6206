import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { decodeWorkerMessage } from '@swarm/shared/protocol/decode';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, onTestFinished, test } from 'vitest';
import { EngineError } from '../engine/engine.ts';
import { createFakeEngine } from '../engine/fake-engine.ts';
import { engineDescriber } from './engine-describer.ts';
import { startEngineHealth } from './engine-health.ts';
import { taskLogOpener } from './task-log.ts';

const fail = (error: unknown) => expect.unreachable(String(error));

test('an engine that dies and comes back is known as such within two probes', async () => {
  const clock = new VirtualClock();
  const engine = createFakeEngine({ clock });
  const health = startEngineHealth({ engine, clock, logger: silentLogger, onFailure: fail });
  onTestFinished(() => health.stop());
  await clock.advance(10);
  await health.probed;
  expect(health.current()).toEqual({ ok: true });
  engine.goDown();
  await clock.advance(3_000);
  expect(health.current()).toMatchObject({ ok: false, message: expect.stringContaining('the engine of this host does not answer') });
  engine.comeBack();
  await clock.advance(3_000);
  expect(health.current()).toEqual({ ok: true });
});

test('what an engine says of its trouble can be told, however long it is', async () => {
  const clock = new VirtualClock();
  const engine = createFakeEngine({ clock });
  const page = { ...engine, probe: () => Promise.reject(new EngineError('failed', '<html>'.repeat(1000))) };
  const health = startEngineHealth({ engine: page, clock, logger: silentLogger, onFailure: fail });
  onTestFinished(() => health.stop());
  await clock.advance(10);
  expect(health.current().message).toContain('<html>');
  expect(decodeWorkerMessage({ type: 'heartbeat', engineHealth: health.current() })).toMatchObject({ ok: true });
});

test('a node is described by its engine, and not at all while that does not answer', async () => {
  const engine = createFakeEngine({ clock: new VirtualClock(), info: { hostname: 'db-1' } });
  const describe = engineDescriber(engine, silentLogger);
  expect(await describe()).toMatchObject({ Hostname: 'db-1' });
  engine.goDown();
  expect(await describe()).toBeUndefined();
});

test('only the log of a task of this cluster can be opened', async () => {
  const engine = createFakeEngine({ clock: new VirtualClock() });
  engine.addImage('web:1');
  const create = (name: string, Labels: Record<string, string>) =>
    engine.createContainer({ name, body: { Image: 'web:1', Cmd: ['sleep', '1000'], Labels } });
  const ours = await create('ours', { [CLUSTER_LABEL]: 'c', [CONTAINER_LABELS.taskID]: 't1' });
  await create('of another cluster', { [CLUSTER_LABEL]: 'other', [CONTAINER_LABELS.taskID]: 't2' });
  await create('of the user', {});
  const opened: string[] = [];
  const withLogs = {
    ...engine,
    containerLogs: async (id: string) => {
      opened.push(id);
      return (async function* nothing() {})();
    },
  };
  const openLog = taskLogOpener(withLogs, () => 'c');
  const options = { stdout: true, stderr: true, follow: false, timestamps: false };
  const signal = new AbortController().signal;
  await openLog('t1', options, signal);
  for (const taskID of ['t2', 'of the user', '']) {
    await expect(openLog(taskID, options, signal)).rejects.toThrow('has no container on its node');
  }
  expect(opened).toEqual([ours.id]);
});
