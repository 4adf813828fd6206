import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import type { ContainerCall } from '@swarm/shared/protocol/container-call';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { createFakeContainerAccess } from '../engine/fake-container-access.ts';
import { createFakeEngine } from '../engine/fake-engine.ts';
import { taskCaller } from './task-calls.ts';

const labels = (clusterID: string, nodeID: string, taskID: string) => ({
  [CLUSTER_LABEL]: clusterID,
  [CONTAINER_LABELS.nodeID]: nodeID,
  [CONTAINER_LABELS.taskID]: taskID,
});

async function open() {
  const engine = createFakeEngine({ clock: new VirtualClock() });
  engine.addImage('web:1');
  const create = async (name: string, Labels: Record<string, string>) =>
    (await engine.createContainer({ name, body: { Image: 'web:1', Cmd: ['sleep', '1000'], Labels } })).id;
  const ours = await create('ours', labels('c', 'n1', 't1'));
  const second = await create('second', labels('c', 'n1', 't2'));
  await create('of another cluster', labels('other', 'n1', 't3'));
  await create('of another node', labels('c', 'n2', 't4'));
  const access = createFakeContainerAccess(engine);
  const callTask = taskCaller({ engine, access, nodeID: 'n1', clusterID: 'c' });
  async function* nothing(): AsyncGenerator<Uint8Array> {}
  const ask = async (taskID: string, call: ContainerCall) => {
    const { head, output } = await callTask(taskID, call, nothing(), new AbortController().signal);
    const chunks: Uint8Array[] = [];
    for await (const chunk of output) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    return { status: head.status, body: text === '' ? undefined : (JSON.parse(text) as { Id?: string; message?: string }) };
  };
  return { engine, ours, second, ask };
}

test('a call reaches the container of the task on this node', async () => {
  const { ask, ours } = await open();
  expect(await ask('t1', { verb: 'inspect', query: {} })).toMatchObject({ status: 200, body: { Id: ours } });
});

test.each([
  { it: 'a task this node does not have', taskID: 't9' },
  { it: 'a task of another cluster on the same engine', taskID: 't3' },
  { it: 'a task of another node on the same engine', taskID: 't4' },
  { it: 'no task', taskID: '' },
])('$it is not touched', async ({ taskID }) => {
  const { ask } = await open();
  const reply = await ask(taskID, { verb: 'kill', query: {} });
  expect(reply).toMatchObject({ status: 404, body: { message: expect.stringContaining('No such container') } });
});

test('an exec is reached through the task it runs in only', async () => {
  const { ask } = await open();
  const { body } = await ask('t1', { verb: 'execCreate', query: {}, body: '{"Cmd":["cat"]}' });
  const start: ContainerCall = { verb: 'execStart', execID: body?.Id ?? '', query: {}, body: '{}' };
  expect((await ask('t1', start)).status).toBe(101);
  expect(await ask('t2', start)).toMatchObject({ status: 404, body: { message: `No such exec instance: ${body?.Id}` } });
});

test.each<{ it: string; call: ContainerCall; reason: string }>([
  { it: 'a parameter outside the list', call: { verb: 'kill', query: { force: '1' } }, reason: 'parameter "force" is not passed on' },
  { it: 'an exec id where none belongs', call: { verb: 'kill', query: {}, execID: 'ab' }, reason: '"kill" has no exec id' },
  { it: 'no exec id where one belongs', call: { verb: 'execInspect', query: {} }, reason: '"execInspect" needs exec id' },
  { it: 'a body where none belongs', call: { verb: 'inspect', query: {}, body: '{}' }, reason: '"inspect" has no JSON body' },
])('a call with $it is refused', async ({ call, reason }) => {
  const { ask } = await open();
  expect(await ask('t1', call)).toMatchObject({ status: 400, body: { message: expect.stringContaining(reason) } });
});

test('an engine that does not answer is an answer too', async () => {
  const { ask, engine } = await open();
  engine.goDown();
  expect(await ask('t1', { verb: 'inspect', query: {} })).toMatchObject({ status: 503 });
});
