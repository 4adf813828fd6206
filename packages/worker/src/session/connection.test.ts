import type { Link } from '@swarm/shared/protocol/link';
import { memoryLinkPair } from '@swarm/shared/protocol/memory-link';
import { MAX_STATUSES_PER_BATCH, type ManagerMessage, type TrustReport, type WorkerMessage } from '@swarm/shared/protocol/session';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { NO_NETWORKS } from '../testing/no-networks.ts';
import { Connection } from './connection.ts';
import { isPassing, StatusOutbox } from './status-outbox.ts';
import type { AssignmentSet } from './worker-ports.ts';

/** A worker's end of a session; the test plays the manager. */
function open() {
  const clock = new VirtualClock();
  const { near, far } = memoryLinkPair({ clock });
  const heard: WorkerMessage[] = [];
  const sets: AssignmentSet[] = [];
  const closed: string[] = [];
  const outbox = new StatusOutbox();
  const health = { ok: true };
  const certificates: { now: TrustReport | undefined } = { now: undefined };
  const connection = new Connection({
    link: near,
    clock,
    outbox,
    description: undefined,
    engineHealth: () => ({ ...health }),
    advertiseAddr: undefined,
    dataPathAddr: undefined,
    onWelcome: () => undefined,
    networks: NO_NETWORKS,
    onSettings: () => undefined,
    onAssignments: (set) => void sets.push(set),
    onOpenStream: () => undefined,
    trust: () => certificates.now,
    onClosed: (reason) => void closed.push(reason),
  });
  far.onMessage = (message) => void heard.push(message as WorkerMessage);
  const say = async (...messages: (ManagerMessage | object)[]) => {
    for (const message of messages) (far satisfies Link).send(message);
    await clock.advance(0);
  };
  return { clock, connection, outbox, heard, sets, closed, say, health, certificates };
}

const WELCOME: ManagerMessage = {
  type: 'welcome',
  sessionID: 's',
  nodeID: 'n1',
  clusterID: 'c',
  role: 'worker',
  settings: { heartbeatEveryMs: 1_000, managers: [] },
};
const EMPTY = { templates: [], secrets: [], configs: [], tasks: [] };
const task = (ID: string) => ({ ID, serviceID: 's', templateID: 'p', desiredState: 'running' as const });
const complete = (resultsIn: string, ...ids: string[]) => ({
  ...EMPTY,
  type: 'assignments',
  kind: 'complete',
  appliesTo: '',
  resultsIn,
  part: 0,
  last: true,
  tasks: ids.map(task),
});
const change = (appliesTo: string, resultsIn: string, ...ids: string[]) => ({
  ...complete(resultsIn, ...ids),
  kind: 'incremental',
  appliesTo,
});
const running = (taskID: string, Timestamp = 'now') => ({ taskID, status: { State: 'running' as const, Timestamp } });

test.each([
  { it: 'speaks of something unknown', message: { type: 'selfDestruct' }, reason: 'unknown message type "selfDestruct"' },
  { it: 'sends nonsense', message: { type: 'assignments', kind: 'most' }, reason: 'invalid message "assignments"' },
  { it: 'welcomes twice', message: WELCOME, reason: 'welcome came twice' },
  {
    it: 'acknowledges what was never sent',
    message: { type: 'statusesAcknowledged', batch: 4 },
    reason: 'batch 4 of statuses was acknowledged',
  },
])('a manager that $it is hung up on, with the reason', async ({ message, reason }) => {
  const { say, closed, sets } = open();
  await say(WELCOME, complete('1', 't1'), message);
  expect(closed).toEqual([expect.stringContaining(reason)]);
  expect(sets.length).toBe(1);
});

test('a manager that does not answer hello is given up', async () => {
  const { clock, closed } = open();
  await clock.advance(5_001);
  expect(closed).toEqual(['the manager did not answer hello']);
});

test('assignments before welcome are refused', async () => {
  const { say, closed, sets } = open();
  await say(complete('1', 't1'));
  expect([closed, sets]).toEqual([['"assignments" came before welcome'], []]);
});

test('a change follows on the set it names', async () => {
  const { say, sets } = open();
  await say(WELCOME, complete('1', 't1'), {
    ...change('1', '2', 't2'),
    removed: { ...{ templates: [], secrets: [], configs: [] }, tasks: ['t1'] },
  });
  expect(sets.map((set) => [...set.tasks.keys()])).toEqual([['t1'], ['t2']]);
});

test.each([
  { it: 'a change is missing', messages: [change('7', '8', 't2')] },
  {
    it: 'a part is missing',
    messages: [
      { ...change('1', '2', 't2'), last: false },
      { ...change('1', '2', 't3'), part: 2 },
    ],
  },
  {
    it: 'parts of two changes are mixed',
    messages: [
      { ...change('1', '2', 't2'), last: false },
      { ...change('1', '3', 't3'), part: 1 },
    ],
  },
])('when $it the worker asks once for the complete set, and keeps what it has until then', async ({ messages }) => {
  const { say, sets, heard, closed } = open();
  await say(WELCOME, complete('1', 't1'), ...messages, change('8', '9', 't9'));
  expect(sets.map((set) => set.name)).toEqual(['1']);
  expect(heard.filter(({ type }) => type === 'needComplete').length).toBe(1);
  await say(complete('10', 't4'), change('10', '11', 't5'));
  expect(sets.map((set) => [set.name, ...set.tasks.keys()])).toEqual([
    ['1', 't1'],
    ['10', 't4'],
    ['11', 't4', 't5'],
  ]);
  expect(closed).toEqual([]);
});

test('nothing of a change in parts holds before the last part', async () => {
  const { say, sets } = open();
  await say(WELCOME, { ...complete('1', 't1'), last: false });
  expect(sets).toEqual([]);
  await say({ ...complete('1', 't2'), part: 1 });
  expect(sets.map((set) => [...set.tasks.keys()])).toEqual([['t1', 't2']]);
});

test('one batch of statuses is under way at a time; what changes meanwhile goes with the next, newest only', async () => {
  const { say, connection, outbox, heard, clock } = open();
  await say(WELCOME, complete('1', 't1', 't2'));
  const batches = () => heard.flatMap((message) => (message.type === 'statuses' ? [message] : []));
  const report = (reported: Parameters<StatusOutbox['put']>[0]) => {
    outbox.put(reported);
    connection.flushSoon();
  };
  report(running('t1'));
  await clock.advance(0);
  for (const Timestamp of ['1', '2', '3']) report(running('t1', Timestamp));
  report(running('t2'));
  await clock.advance(100);
  expect(batches().map(({ batch }) => batch)).toEqual([1]);
  await say({ type: 'statusesAcknowledged', batch: 1 });
  expect(batches()[1]).toEqual({ type: 'statuses', batch: 2, statuses: [running('t1', '3'), running('t2')] });
  await say({ type: 'statusesAcknowledged', batch: 2 });
  expect(outbox.size).toBe(0);
});

test('a status that only passes waits for the next one, and goes alone when none comes', async () => {
  const { say, connection, outbox, heard, clock } = open();
  await say(WELCOME, complete('1', 't1', 't2'));
  const batches = () => heard.flatMap((message) => (message.type === 'statuses' ? [message.statuses] : []));
  const report = (taskID: string, State: 'starting' | 'running') => {
    const reported = { taskID, status: { State, Timestamp: 'now' } };
    outbox.put(reported);
    connection.flushSoon(isPassing(reported));
    return reported;
  };
  const passing = report('t1', 'starting');
  await clock.advance(199);
  expect(batches()).toEqual([]);
  await clock.advance(1);
  expect(batches()).toEqual([[passing]]);
  await say({ type: 'statusesAcknowledged', batch: 1 });
  const other = report('t2', 'starting');
  const news = report('t1', 'running');
  await clock.advance(0);
  expect(batches()).toEqual([[passing], [other, news]]);
  report('t2', 'starting');
  await say({ type: 'statusesAcknowledged', batch: 2 });
  expect(batches().length).toBe(2);
  await clock.advance(200);
  expect(batches().length).toBe(3);
});

test.each([
  { it: 'that starts', reported: { taskID: 't', status: { State: 'starting', Timestamp: '' } }, passes: true },
  {
    it: 'that is ready, which its successor may wait for',
    reported: { taskID: 't', status: { State: 'ready', Timestamp: '' } },
    passes: false,
  },
  { it: 'that runs', reported: running('t'), passes: false },
  {
    it: 'that has a reason to wait',
    reported: { taskID: 't', status: { State: 'preparing', Timestamp: '', Err: 'no image' } },
    passes: false,
  },
  {
    it: 'that was started again',
    reported: { taskID: 't', status: { State: 'starting', Timestamp: '' }, unattendedRestarts: 1 },
    passes: false,
  },
] as const)('the status of a task $it only passes: $passes', ({ reported, passes }) => {
  expect(isPassing(reported)).toBe(passes);
});

test('what is said is a beat too: a worker beats after a quiet time only, and at once when its engine has changed', async () => {
  const { say, connection, heard, clock, health } = open();
  await say(WELCOME);
  const beats = () => heard.filter(({ type }) => type === 'heartbeat').length;
  for (let told = 0; told < 10; told += 1) {
    await clock.advance(900);
    connection.tellNetworkProblems([]);
    await say({ type: 'heartbeatAcknowledged' });
  }
  expect(beats()).toBe(0);
  await clock.advance(1_000);
  expect(beats()).toBe(1);
  await clock.advance(900);
  connection.tellNetworkProblems([]);
  await say({ type: 'heartbeatAcknowledged' });
  health.ok = false;
  await clock.advance(100);
  expect(beats()).toBe(2);
});

test('a manager that answers nothing is given up, however much the worker has to say', async () => {
  const { say, connection, closed, clock } = open();
  await say(WELCOME);
  for (let told = 0; told < 10 && closed.length === 0; told += 1) {
    await clock.advance(900);
    connection.tellNetworksApplied([], true);
  }
  expect(closed).toEqual(['the manager no longer answers']);
});

test('many statuses go in batches of bounded size', async () => {
  const { say, outbox, heard } = open();
  const ids = Array.from({ length: MAX_STATUSES_PER_BATCH + 1 }, (_, n) => `t${n}`);
  for (const id of ids) outbox.put(running(id));
  await say(WELCOME, complete('1', ...ids));
  await say({ type: 'statusesAcknowledged', batch: 1 });
  const sizes = heard.flatMap((message) => (message.type === 'statuses' ? [message.statuses.length] : []));
  expect(sizes).toEqual([MAX_STATUSES_PER_BATCH, 1]);
});

test('statuses of tasks that the node no longer has are forgotten', async () => {
  const { say, outbox } = open();
  for (const id of ['t1', 'gone']) outbox.put(running(id));
  await say(WELCOME, complete('1', 't1'));
  expect(outbox.size).toBe(1);
});

test('of two statuses of one task the greater stays', () => {
  const outbox = new StatusOutbox();
  outbox.put({ taskID: 't', status: { State: 'failed', Timestamp: '1' } });
  outbox.put(running('t'));
  expect(outbox.next()?.map(({ status }) => status.State)).toEqual(['failed']);
});

test('what a rollback would bring back is asked of the manager, and unknown once the session has ended', async () => {
  const { connection, heard, closed, say } = open();
  expect(await connection.askRollbackImages(['a:1'])).toBeUndefined();
  await say(WELCOME);
  const asked = connection.askRollbackImages(['a:1', 'b:1']);
  await say({ type: 'rollbackImages', images: ['b:1'] });
  expect(await asked).toEqual(new Set(['b:1']));
  expect(heard.filter(({ type }) => type === 'askRollbackImages')).toEqual([{ type: 'askRollbackImages', images: ['a:1', 'b:1'] }]);
  const unanswered = connection.askRollbackImages(['a:1']);
  connection.close('the test ends it');
  await say();
  expect(await unanswered).toBeUndefined();
  expect(closed).toEqual(['the test ends it']);
});

test('an answer to no question ends the session', async () => {
  const { closed, say } = open();
  await say(WELCOME, { type: 'rollbackImages', images: [] });
  expect(closed).toEqual(['images came that nobody had asked for']);
});

test('what its certificates are is told once: changed before the welcome then, later at once, or with the next beat if nobody says so', async () => {
  const { connection, certificates, heard, say, clock } = open();
  const told = () => heard.flatMap((message) => (message.type === 'trust' ? message.trust.roots : []));
  certificates.now = { tlsInfo: {}, roots: ['old', 'next'] };
  connection.tellTrust();
  await say(WELCOME);
  expect(told()).toEqual(['old', 'next']);
  certificates.now = { tlsInfo: {}, roots: ['next'] };
  connection.tellTrust();
  connection.tellTrust();
  await clock.advance(0);
  expect(told()).toEqual(['old', 'next', 'next']);
  certificates.now = { tlsInfo: {}, roots: ['third'] };
  await clock.advance(3_000);
  expect(told()).toEqual(['old', 'next', 'next', 'third']);
});
