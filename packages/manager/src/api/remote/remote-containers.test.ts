import { encodeCallHead, readCallHead } from '@swarm/shared/protocol/call-head';
import { type CallHead, type ContainerCall, ContainerCallSchema } from '@swarm/shared/protocol/container-call';
import { memoryByteStreamPair } from '@swarm/shared/protocol/memory-byte-stream';
import { asID } from '@swarm/shared/runtime/ids';
import { validatorOf } from '@swarm/shared/schema/validator';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ContainerPlace } from '../../seams/task-containers.ts';
import { MANAGER_ID, makeNode, startTestApi, type TestApi } from '../testing/cluster.ts';

let api: TestApi;
let asked: { readonly place: ContainerPlace; readonly call: ContainerCall }[];
let reply: { head: CallHead; body: string };
const execs = new Map<string, ContainerPlace>();

const ID = (start: string) => start.padEnd(64, '0');

beforeEach(async () => {
  asked = [];
  execs.clear();
  reply = { head: { status: 200, headers: { 'content-type': 'application/json' }, hijacked: false }, body: '{"Id":"abc"}\n' };
  api = await startTestApi();
  api.containers = {
    rememberExec: (execID, place) => void execs.set(execID, place),
    findExec: (execID) => execs.get(execID),
    async open(place, call) {
      asked.push({ place, call });
      const { near, far } = memoryByteStreamPair();
      await far.write(Buffer.concat([encodeCallHead(reply.head), Buffer.from(reply.body)]));
      far.end();
      return {
        stream: near,
        async answer() {
          const { head, rest } = await readCallHead(near);
          async function* output() {
            yield rest;
          }
          return { head, output: output() };
        },
      };
    },
  };
  await api.store.update((tx) => {
    tx.nodes.create(makeNode('node1', 'one'));
    for (const [id, name, global] of [
      ['s1', 'web', false],
      ['s2', 'agent', true],
    ] as const) {
      tx.services.create({
        ID: asID(id),
        Spec: { Name: name, Labels: {}, TaskTemplate: {}, Mode: global ? { Global: {} } : { Replicated: { Replicas: 1 } } },
        specVersion: 1,
        templateID: asID(`of ${id}`),
        Endpoint: {},
      });
      tx.templates.create({ ID: asID(`of ${id}`), serviceID: asID(id), serviceName: name, serviceLabels: {}, spec: {}, global });
    }
    const task = (id: string, service: string, containerID: string, more: { Slot?: number; state?: 'running' | 'failed'; node?: string }) =>
      tx.tasks.create({
        ID: asID(id),
        ServiceID: asID(service),
        templateID: asID(`of ${service}`),
        specVersion: 1,
        ...(more.Slot !== undefined && { Slot: more.Slot }),
        NodeID: asID(more.node ?? 'node1'),
        DesiredState: more.state === 'failed' ? 'shutdown' : 'running',
        Status: {
          State: more.state ?? 'running',
          Timestamp: '2026-01-01T00:00:00Z',
          ContainerStatus: { ContainerID: containerID, PID: 1, ExitCode: 0 },
        },
      });
    task('t1', 's1', ID('a1a1a1a1a1a1f'), { Slot: 1 });
    task('t0', 's1', ID('a0'), { Slot: 1, state: 'failed' });
    task('t2', 's1', ID('b2'), { Slot: 2 });
    task('t3', 's1', ID('b3'), { Slot: 2 });
    task('t4', 's2', ID('c4'), {});
    task('t5', 's1', ID('d5'), { Slot: 5, node: MANAGER_ID });
    tx.tasks.create({
      ID: asID('t6'),
      ServiceID: asID('s1'),
      templateID: asID('of s1'),
      specVersion: 1,
      Slot: 6,
      DesiredState: 'running',
      Status: { State: 'pending', Timestamp: '2026-01-01T00:00:00Z' },
    });
  });
});
afterEach(() => api.app.close());

const get = (path: string) => api.app.inject({ method: 'GET', url: path });

test.each([
  { by: 'its whole id', term: ID('a1a1a1a1a1a1f'), taskID: 't1' },
  { by: 'its short id', term: 'a1a1a1a1a1a1', taskID: 't1' },
  { by: 'the beginning of its id', term: 'a1', taskID: 't1' },
  { by: 'its name', term: 'web.1.t1', taskID: 't1' },
  { by: 'its name with the slash that engines put before it', term: '%2Fweb.1.t1', taskID: 't1' },
  { by: 'the name of one that has ended', term: 'web.1.t0', taskID: 't0' },
  { by: 'its task', term: 't2', taskID: 't2' },
  { by: 'its slot, where one task runs', term: 'web.1', taskID: 't1' },
  { by: 'its global service and node', term: 'agent.one', taskID: 't4' },
])('a container is found by $by', async ({ term, taskID }) => {
  const answer = await get(`/v1.41/containers/${term}/json?size=1&foreign=1`);
  expect(answer.statusCode).toBe(200);
  expect(answer.body).toBe('{"Id":"abc"}\n');
  expect(asked).toEqual([{ place: { nodeID: 'node1', taskID }, call: { verb: 'inspect', query: { size: '1' }, apiVersion: '1.41' } }]);
});

test.each(['1.40.5', '00001.41', '1.41.'])(
  'a version that the server reads and the protocol does not, %s, is not sent: it would end the session of the node',
  async (version) => {
    expect((await get(`/v${version}/containers/web.1.t1/json`)).statusCode).toBe(200);
    expect(asked.map(({ call }) => validatorOf(ContainerCallSchema).check(call))).toEqual([true]);
  },
);

test.each([
  { it: 'a slot with two running tasks', term: 'web.2', message: /"web.2" means 2 containers.*web.2.t2, web.2.t3/ },
  { it: 'the beginning of two ids', term: 'b', message: /"b" means 2 containers/ },
])('$it is refused, with the names to choose from', async ({ term, message }) => {
  const answer = await get(`/containers/${term}/json`);
  expect(answer.statusCode).toBe(400);
  expect((answer.json() as { message: string }).message).toMatch(message);
});

test.each([
  { it: 'nobody knows', path: '/containers/nothing/json' },
  { it: 'runs on this host', path: '/containers/web.5.t5/json' },
  { it: 'was not made yet', path: '/containers/web.6.t6/json' },
  { it: 'is a list', path: '/containers/json' },
  { it: 'is an exec of this host', path: '/exec/0a/json' },
])('what $it is the local engine’s matter', async ({ path }) => {
  expect((await get(path)).statusCode).toBe(503);
  expect(asked).toEqual([]);
});

test.each([
  { method: 'POST', path: 'stop', status: 400, reason: 'cannot stop container web.1.t1 on node one from here' },
  { method: 'POST', path: 'restart', status: 400, reason: 'docker service update --force web' },
  { method: 'DELETE', path: '', status: 400, reason: 'cannot remove container' },
  { method: 'GET', path: 'changes', status: 501, reason: '"changes" is not available for a container of another node' },
] as const)('$method $path is refused, with what to do instead', async ({ method, path, status, reason }) => {
  const answer = await api.app.inject({ method, url: `/containers/web.1.t1${path === '' ? '' : `/${path}`}` });
  expect([answer.statusCode, (answer.json() as { message: string }).message]).toEqual([status, expect.stringContaining(reason)]);
  expect(asked).toEqual([]);
});

test('an exec goes where it was made', async () => {
  reply = { ...reply, head: { ...reply.head, status: 201 }, body: '{"Id":"0e"}' };
  const created = await api.app.inject({ method: 'POST', url: '/containers/web.1/exec', payload: '{"Cmd":["ls"]}' });
  expect([created.statusCode, created.body]).toEqual([201, '{"Id":"0e"}']);
  expect((await get('/exec/0e/json')).statusCode).toBe(201);
  expect(asked.map(({ place, call }) => [place.taskID, call.verb, call.body ?? call.execID])).toEqual([
    ['t1', 'execCreate', '{"Cmd":["ls"]}'],
    ['t1', 'execInspect', '0e'],
  ]);
});

test('what the engine there refuses is passed on as it says it', async () => {
  reply = { ...reply, head: { ...reply.head, status: 409 }, body: '{"message":"Container abc is not running"}' };
  const answer = await api.app.inject({ method: 'POST', url: '/containers/web.1.t1/kill?signal=TERM' });
  expect([answer.statusCode, answer.body]).toEqual([409, '{"message":"Container abc is not running"}']);
  expect(asked[0]?.call.query).toEqual({ signal: 'TERM' });
});

test('a node that breaks off before it answers is 503, with the name of both', async () => {
  api.containers = {
    ...api.containers,
    async open() {
      const { near, far } = memoryByteStreamPair();
      far.end('the connection to the node was lost');
      return {
        stream: near,
        answer: async () => {
          await readCallHead(near);
          throw new Error('unreachable');
        },
      };
    },
  };
  const answer = await get('/containers/web.1.t1/json');
  expect([answer.statusCode, answer.json()]).toEqual([
    503,
    { message: 'container web.1.t1 on node one: the connection to the node was lost' },
  ]);
});
