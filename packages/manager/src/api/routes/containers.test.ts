import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../testing/cluster.ts';

const TASK = { [CONTAINER_LABELS.taskID]: 't1' };
const CONTAINERS = [
  { Id: 'a', Labels: TASK },
  { Id: 'b', Labels: {} },
  { Id: 'c', Labels: null },
  { Id: 'd', Labels: { ...TASK, app: 'x' } },
];

let directory: string;
let api: TestApi;
const asked: URL[] = [];
const engine = createServer((request, response) => {
  const url = new URL(request.url ?? '', 'http://engine');
  response.setHeader('content-type', 'application/json');
  if (url.pathname === '/version') response.end('{"ApiVersion":"1.45","MinAPIVersion":"1.24"}');
  else {
    asked.push(url);
    response.end(JSON.stringify(CONTAINERS));
  }
});
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'containers-'));
  const socketPath = join(directory, 'engine.sock');
  await new Promise<void>((resolve) => engine.listen(socketPath, resolve));
  api = await startTestApi({ engine: { socketPath } });
  // What is passed on goes to a real connection.
  await api.app.listen({ path: join(directory, 'api.sock') });
});
beforeEach(() => {
  asked.length = 0;
});
afterAll(async () => {
  await api.app.close();
  engine.close();
  await rm(directory, { recursive: true });
});

test.each<readonly [string, object, string, readonly string[], object | undefined]>([
  ['tasks only', { 'is-task': ['true'] }, '', ['a', 'd'], {}],
  [
    'tasks only, as the CLI spells it, beside other filters',
    { 'is-task': { true: true }, status: { running: true } },
    '',
    ['a', 'd'],
    { status: ['running'] },
  ],
  ['no tasks', { 'is-task': ['false'], name: ['x'] }, '', ['b', 'c'], { name: ['x'] }],
  ['both, which the engine takes for tasks', { 'is-task': ['true', 'false'] }, '', ['a', 'd'], {}],
  ['no tasks, the first one of all', { 'is-task': ['false'] }, '&limit=1', ['b'], {}],
  [
    'a word that is none of the two: it is the engine that refuses it',
    { 'is-task': ['maybe'] },
    '',
    ['a', 'b', 'c', 'd'],
    { 'is-task': ['maybe'] },
  ],
  ['another filter: passed on as it came', { name: ['is'] }, '&limit=2', ['a', 'b', 'c', 'd'], { name: ['is'] }],
])('containers by %s', async (_, filters, more, ids, passedOn) => {
  const reply = await api.app.inject(`/v1.41/containers/json?filters=${encodeURIComponent(JSON.stringify(filters))}${more}`);
  expect(reply.json().map(({ Id }: { Id: string }) => Id)).toEqual(ids);
  const [url] = asked;
  expect(url?.pathname).toBe('/v1.41/containers/json');
  expect(JSON.parse(url?.searchParams.get('filters') ?? 'null')).toEqual(passedOn);
});

test('a limit of its own is not the engine’s, and takes in what has ended', async () => {
  await api.app.inject(`/containers/json?limit=1&filters=${encodeURIComponent('{"is-task":["true"]}')}`);
  expect([asked[0]?.searchParams.get('limit'), asked[0]?.searchParams.get('all')]).toEqual([null, '1']);
});
