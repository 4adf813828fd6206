import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { encodeCallHead, readCallHead } from '@swarm/shared/protocol/call-head';
import { memoryByteStreamPair } from '@swarm/shared/protocol/memory-byte-stream';
import { asID } from '@swarm/shared/runtime/ids';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeNode, startTestApi, type TestApi } from '../testing/cluster.ts';
import { type FixedEngine, startFixedEngine } from '../testing/fixed-engine.ts';

/** Containers of this host that are no tasks, beside those of tasks on another node. */
let engine: FixedEngine;
let api: TestApi;
let local: { [call: string]: object };
let held: Promise<void>;
let opened: number;

beforeEach(async () => {
  held = Promise.resolve();
  local = {};
  opened = 0;
  engine = await startFixedEngine((call) => held.then(() => local[call]));
  api = await startTestApi({ engine: engine.address });
  api.containers = {
    ...api.containers,
    async open(_place, _call, signal) {
      signal.throwIfAborted();
      opened += 1;
      const { near, far } = memoryByteStreamPair();
      await far.write(encodeCallHead({ status: 200, headers: {}, hijacked: false }));
      far.end();
      return { stream: near, answer: async () => ({ head: (await readCallHead(near)).head, output: (async function* () {})() }) };
    },
  };
  await api.store.update((tx) => {
    tx.nodes.create(makeNode('node1', 'one'));
    tx.services.create({
      ID: asID('s1'),
      Spec: { Name: 'web', Labels: {}, TaskTemplate: {}, Mode: { Replicated: { Replicas: 2 } } },
      specVersion: 1,
      templateID: asID('of s1'),
      Endpoint: {},
    });
    tx.templates.create({ ID: asID('of s1'), serviceID: asID('s1'), serviceName: 'web', serviceLabels: {}, spec: {}, global: false });
    for (const Slot of [1, 2]) {
      tx.tasks.create({
        ID: asID(`t${Slot}`),
        ServiceID: asID('s1'),
        templateID: asID('of s1'),
        specVersion: 1,
        Slot,
        NodeID: asID('node1'),
        DesiredState: 'running',
        Status: {
          State: 'running',
          Timestamp: '2026-01-01T00:00:00Z',
          ContainerStatus: { ContainerID: `db${Slot}`.padEnd(64, '0'), PID: 1, ExitCode: 0 },
        },
      });
    }
  });
});
afterEach(async () => {
  await api.app.close();
  await engine.stop();
});

test('a container of this host keeps its name, however many ids of the cluster begin so', async () => {
  local['GET /containers/db/json'] = { Name: '/db' };
  const answer = await api.app.inject('/containers/db/json');
  expect([answer.statusCode, answer.json()]).toEqual([200, { Name: '/db' }]);
});

test('where this host has none of that name, several that are meant are refused', async () => {
  const answer = await api.app.inject('/containers/db/json');
  expect([answer.statusCode, answer.json().message]).toEqual([400, expect.stringMatching(/"db" means 2 containers.*web.1.t1, web.2.t2/)]);
});

test.each([
  { it: 'of this host', term: 'db' },
  { it: 'of another node', term: 'web.1' },
])('a client that goes away while the engine is asked leaves no log of a container $it open', async ({ term }) => {
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = api.app.server.address() as AddressInfo;
  if (term === 'db') local['GET /containers/db/json'] = { Name: '/db' };
  let release: () => void = () => undefined;
  held = new Promise((resolve) => {
    release = resolve;
  });
  const [closed] = [new Promise((resolve) => api.app.server.once('connection', (socket: Socket) => void socket.once('close', resolve)))];
  const asked = until(() => engine.calls.includes(`GET /containers/${term}/json`));
  const request = http.get({ host: '127.0.0.1', port, path: `/containers/${term}/logs?stdout=1&follow=1` });
  request.on('error', () => undefined);
  await asked;
  request.destroy();
  await closed;
  release();
  // Behind it in every queue there is: when this one is answered, that one is over.
  const [answer] = (await once(http.get({ host: '127.0.0.1', port, path: `/containers/${term}/json` }), 'response')) as [
    http.IncomingMessage,
  ];
  expect(answer.statusCode).toBe(200);
  answer.resume();
  await once(answer, 'end');
  expect(engine.calls).not.toContain(`GET /containers/${term}/logs`);
  expect(opened).toBe(term === 'db' ? 0 : 1);
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
