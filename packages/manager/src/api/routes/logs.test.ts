import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { StreamBroken } from '@swarm/shared/protocol/byte-stream';
import { asID } from '@swarm/shared/runtime/ids';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TaskLogsUnavailable } from '../../seams/task-logs.ts';
import { frameHeader } from '../logs/log-lines.ts';
import { parseLogQuery } from '../logs/log-query.ts';
import { type LogStream, streamLogs } from '../logs/stream-logs.ts';
import { Query } from '../query.ts';
import { makeNode, startTestApi, type TestApi } from '../testing/cluster.ts';

let api: TestApi;

const frame = (stream: 1 | 2, text: string) => Buffer.concat([frameHeader(stream, Buffer.byteLength(text)), Buffer.from(text)]);

beforeEach(async () => {
  api = await startTestApi();
  await api.store.update((tx) => {
    tx.nodes.create(makeNode('node1', 'one'));
    tx.nodes.create(makeNode('node2', 'two', { Status: { State: 'down', Addr: '' } }));
    tx.services.create({
      ID: asID('web-id'),
      Spec: { Name: 'web', Labels: {}, TaskTemplate: {}, Mode: { Replicated: { Replicas: 2 } } },
      specVersion: 1,
      templateID: asID('template'),
      Endpoint: {},
    });
    tx.templates.create({
      ID: asID('template'),
      serviceID: asID('web-id'),
      serviceName: 'web',
      serviceLabels: {},
      spec: {},
      global: false,
    });
  });
});
afterEach(() => api.app.close());

function addTask(id: string, node: string, containerID = 'container') {
  return api.store.update((tx) => {
    tx.tasks.create({
      ID: asID(id),
      ServiceID: asID('web-id'),
      templateID: asID('template'),
      specVersion: 1,
      Slot: 1,
      NodeID: asID(node),
      DesiredState: 'running',
      Status: { State: 'running', Timestamp: '2026-01-01T00:00:00Z', ContainerStatus: { ContainerID: containerID, PID: 1, ExitCode: 0 } },
    });
  });
}

/** Frames as the API's clients read them. */
function readFrames(bytes: Buffer): string[] {
  const frames: string[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at + 4);
    frames.push(`${bytes[at]}:${bytes.subarray(at + 8, at + 8 + size)}`);
    at += 8 + size;
  }
  return frames;
}

const context = (node: string, task: string) =>
  `com.docker.swarm.node.id=${node},com.docker.swarm.service.id=web-id,com.docker.swarm.task.id=${task}`;

test('the logs of all tasks come in one stream, each line with its task; a node that is gone is named and breaks nothing', async () => {
  await addTask('t1', 'node1');
  await addTask('t2', 'node2');
  await addTask('t3', 'node1', '');
  api.logs = {
    async open({ nodeID, taskID, tail }) {
      if (nodeID === 'node2') throw new TaskLogsUnavailable('node two is not connected');
      return (async function* () {
        yield frame(1, `line 1 of ${taskID}, tail ${tail}\n`);
        yield frame(2, 'err');
      })();
    },
  };
  const reply = await api.app.inject('/v1.41/services/web/logs?stdout=1&stderr=1&details=1&tail=5');
  expect(reply.headers['content-type']).toBeUndefined();
  expect(readFrames(reply.rawPayload).sort()).toEqual([
    `1:${context('node1', 't1')} line 1 of t1, tail 5\n`,
    `2:${context('node1', 't1')} err\n`,
    `2:${context('node2', 't2')} the log of web.1.t2 on node two (down) cannot be read: node two is not connected\n`,
  ]);
});

test('what nobody foresaw is said in the stream, in a frame of type 3', async () => {
  await addTask('t1', 'node1');
  api.logs = { open: () => Promise.reject(new Error('out of luck')) };
  const reply = await api.app.inject('/tasks/t1/logs?stdout=1');
  expect(readFrames(reply.rawPayload)).toEqual(['3:Error grabbing logs: out of luck\n']);
});

const refusals: readonly (readonly [string, number, string])[] = [
  ['/services/nope/logs?stdout=1', 404, 'service nope not found'],
  ['/tasks/nope/logs?stdout=1', 404, 'task nope not found'],
];
test.each(refusals)('GET %s is %i', async (url, status, message) => {
  const reply = await api.app.inject(url);
  expect([reply.statusCode, reply.json()]).toEqual([status, { message }]);
});

test('a followed log waits for tasks, goes on with the next one, and ends at its sources when the client goes', async () => {
  const aborted: string[] = [];
  const allAborted = Promise.withResolvers<void>();
  api.logs = {
    async open({ taskID }, signal) {
      return (async function* () {
        yield frame(1, `hello from ${taskID}\n`);
        if (!signal.aborted) await once(signal, 'abort');
        aborted.push(taskID);
        if (aborted.length === 2) allAborted.resolve();
      })();
    },
  };
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = api.app.server.address() as AddressInfo;
  const request = http.get({ host: '127.0.0.1', port, path: '/services/web/logs?stdout=1&follow=1' });
  // The headers come although there is no task yet.
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  await addTask('t1', 'node1');
  expect(readFrames((await once(response, 'data'))[0])).toEqual(['1:hello from t1\n']);
  await addTask('t2', 'node1');
  expect(readFrames((await once(response, 'data'))[0])).toEqual(['1:hello from t2\n']);
  request.destroy();
  await allAborted.promise;
  expect(aborted.sort()).toEqual(['t1', 't2']);
});

const OF_WEB: Pick<LogStream, 'tasks' | 'has'> = {
  tasks: (tx) => tx.tasks.by('service', 'web-id'),
  has: ({ ServiceID }) => ServiceID === 'web-id',
};

test('a followed log remembers no task that the store has forgotten, and does not ask for all tasks when one changes', async () => {
  await addTask('t1', 'node1');
  const asked: string[] = [];
  const logs = {
    async open({ taskID }: { taskID: string }) {
      asked.push(taskID);
      return (async function* () {})();
    },
  };
  const gone = new AbortController();
  const sink = { signal: gone.signal, write: async () => undefined, end: () => undefined };
  const query = parseLogQuery(new Query('stdout=1&follow=1', '1.41'));
  let listed = 0;
  const tasks: LogStream['tasks'] = (tx) => {
    listed += 1;
    return OF_WEB.tasks(tx);
  };
  const stream = { query, sink, tty: false, open: true, has: OF_WEB.has, tasks };
  const done = streamLogs({ store: api.store, logs, clock: new VirtualClock() }, stream);
  await api.store.update((tx) => {
    const task = tx.tasks.get('t1');
    if (task === undefined) throw new Error('the task is gone');
    tx.tasks.update({ ...task, Status: { ...task.Status, Message: 'as before' } });
  });
  expect(asked).toEqual(['t1']);
  await api.store.update((tx) => tx.tasks.remove('t1'));
  await addTask('t1', 'node1');
  await addTask('t2', 'node1');
  expect([asked, listed]).toEqual([['t1', 't1', 't2'], 1]);
  gone.abort();
  await done;
});

test('a followed log that breaks off is named and goes on where it was, and the others do not notice', async () => {
  await addTask('t1', 'node1');
  await addTask('t2', 'node2');
  const clock = new VirtualClock();
  const asked: (number | undefined)[] = [];
  const gone = new AbortController();
  const written: Buffer[] = [];
  const sink = { signal: gone.signal, write: async (bytes: Buffer) => void written.push(bytes), end: () => undefined };
  const times = ['2026-01-01T00:00:01.000000001Z', '2026-01-01T00:00:01.000000002Z', '2026-01-01T00:00:03.000000000Z'];
  const logs = {
    async open({ taskID, since, tail }: { taskID: string; since?: number; tail?: number }, signal: AbortSignal) {
      if (taskID === 't1') asked.push(since, tail);
      const attempt = asked.length / 2;
      if (taskID === 't1' && attempt === 2) throw new TaskLogsUnavailable('node node1 is not connected to this manager');
      return (async function* () {
        yield frame(
          1,
          taskID === 't2'
            ? `${times[0]} steady\n`
            : attempt === 1
              ? `${times[0]} one\n${times[1]} two\n`
              : `${times[1]} two\n${times[2]} three\n`,
        );
        if (taskID === 't1' && attempt === 1) throw new StreamBroken('the connection to the node was lost');
        if (!signal.aborted) await once(signal, 'abort');
      })();
    },
  };
  const query = parseLogQuery(new Query('stdout=1&follow=1&timestamps=1&tail=2', '1.41'));
  const done = streamLogs({ store: api.store, logs, clock }, { query, sink, tty: false, open: true, ...OF_WEB });
  await clock.advance(5_000);
  gone.abort();
  await done;
  const said = readFrames(Buffer.concat(written)).map((text) => text.replace(/^1:\S+ /, ''));
  expect(said.sort()).toEqual([
    'one\n',
    'steady\n',
    'the log of web.1.t1 on node one (ready) cannot be read: the connection to the node was lost; it goes on when the node is back\n',
    'three\n',
    'two\n',
  ]);
  expect(asked).toEqual([
    undefined,
    2,
    Date.parse('2026-01-01T00:00:01Z') / 1000,
    undefined,
    Date.parse('2026-01-01T00:00:01Z') / 1000,
    undefined,
  ]);
});

test.each([
  { it: 'its container starts', State: 'running', ContainerID: 'container', said: ['1:hello\n'] },
  { it: 'it will never have one', State: 'rejected', ContainerID: '', said: [] },
] as const)('the followed log of a task that has no container yet waits until $it', async ({ State, ContainerID, said }) => {
  await addTask('t1', 'node1', '');
  const written: Buffer[] = [];
  const sink = {
    signal: new AbortController().signal,
    write: async (bytes: Buffer) => void written.push(bytes),
    end: () => undefined,
  };
  const logs = {
    open: async () =>
      (async function* () {
        yield frame(1, 'hello\n');
      })(),
  };
  const query = parseLogQuery(new Query('stdout=1&follow=1', '1.41'));
  let over = false;
  const done = streamLogs({ store: api.store, logs, clock: new VirtualClock() }, { query, sink, tty: false, open: false, ...OF_WEB }).then(
    () => {
      over = true;
    },
  );
  await api.store.update((tx) => tx.nodes.create(makeNode('node3', 'three')));
  expect(over).toBe(false);
  await api.store.update((tx) => {
    const task = tx.tasks.get('t1');
    if (task === undefined) throw new Error('the task is gone');
    tx.tasks.update({ ...task, Status: { ...task.Status, State, ContainerStatus: { ContainerID, PID: 1, ExitCode: 0 } } });
  });
  await done;
  expect(readFrames(Buffer.concat(written))).toEqual(said);
});
