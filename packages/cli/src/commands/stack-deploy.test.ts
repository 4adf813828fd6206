import type { ServerResponse } from 'node:http';
import type { StackPlan } from '@swarm/shared/engine-api/stack-spec';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeAnswer, type FakeApi, type FakeRequest, startFakeApi } from '../client/fake-api.ts';
import { runWords } from '../command/testing.ts';

let api: FakeApi;
afterEach(() => api.close());

type Routes = { readonly [route: string]: FakeAnswer | unknown[] | object | ((request: FakeRequest) => unknown) };

async function serve(routes: Routes): Promise<void> {
  api = await startFakeApi((request) => {
    const route = routes[`${request.method} ${request.path}`];
    if (route === undefined) return undefined;
    const answer = typeof route === 'function' ? route(request) : route;
    return typeof answer === 'object' && answer !== null && ('status' in answer || 'stream' in answer)
      ? (answer as FakeAnswer)
      : { status: 200, body: answer };
  });
}

const FILE = 'version: "3.8"\nservices: {web: {image: "registry.example.com/web:1"}}\n';
const run = (line: string, stdin = FILE) => runWords(line.split(' '), { host: api.host, stdin });
const posted = (path: string) =>
  api.requests.filter((request) => request.method === 'POST' && request.path === path).map(({ body }) => body);

const meta = { Version: { Index: 7 }, CreatedAt: '2026-01-01T00:00:00Z', UpdatedAt: '2026-01-01T00:00:00Z' };
const service = (name: string, State: string) => ({
  ...meta,
  ID: `id-${name}`,
  Spec: {
    Name: name,
    Labels: { 'com.docker.stack.image': 'registry.example.com/web:1' },
    TaskTemplate: { ContainerSpec: { Image: 'registry.example.com/web:1@sha256:aa' } },
    Mode: { Replicated: { Replicas: 1 } },
    UpdateConfig: { Monitor: 1 },
  },
  Endpoint: {},
  ...(State === 'paused' && { UpdateStatus: { State: 'paused', Message: 'update paused' } }),
});
const running = {
  ...meta,
  ID: 't1',
  Spec: {},
  ServiceID: 'id-st_web',
  Slot: 1,
  NodeID: 'n1',
  DesiredState: 'running',
  Status: { State: 'running', Timestamp: meta.CreatedAt },
};
const node = { ...meta, ID: 'n1', Spec: {}, Description: { Hostname: 'host1' }, Status: { State: 'ready' } };
const result = (name: string, action: string) => ({ kind: 'service', name, id: `id-${name}`, action });
const deployed = (state: string, routes: Routes = {}): Routes => ({
  'POST /x/stacks/st': { results: [result('st_web', 'updated')], warnings: [], revision: 4 },
  'GET /x/stacks/st/revisions': [{ number: 4 }, { number: 3 }],
  'DELETE /services/id-st_old': {},
  'GET /services': [service('st_web', state)],
  'GET /tasks': [running],
  'GET /nodes': [node],
  ...routes,
});
const plan: StackPlan = {
  objects: [
    { kind: 'network', name: 'st_default', action: 'unchanged', changes: [] },
    {
      kind: 'service',
      name: 'st_web',
      action: 'updated',
      changes: [
        { path: 'TaskTemplate.ContainerSpec.Image', before: 'web:1', after: 'web:2' },
        { path: 'Mode.Replicated.Replicas', before: '2', after: '1' },
      ],
    },
  ],
  tasks: [
    { service: 'st_web', action: 'replace', slot: 1, from: 'host1', to: 'host2' },
    { service: 'st_web', action: 'stop', slot: 2, from: 'host1' },
  ],
  warnings: [],
  doubts: [],
};
const DOUBT = 'service "st_web": 1 of its tasks would find no node now: no suitable node (insufficient resources on 1 node)';

describe('stack deploy --dry-run and stack diff', () => {
  it.each(['stack deploy --dry-run', 'stack diff'])('%s prints the plan and posts nothing else', async (words) => {
    await serve({ 'POST /x/stacks/st/plan': plan, 'GET /services': [] });
    const { exitCode, output } = await run(`${words} -c - --resolve-image never st`);
    expect(output).toBe(`~ service st_web
    ~ Image: web:1 → web:2
    ~ Mode.Replicated.Replicas: 2 → 1
    task is replaced: st_web.1 on host1 → host2
    task stops: st_web.2 on host1
Plan: 0 to create, 1 to change, 0 to remove, 1 as they are; tasks: 0 start, 1 are replaced, 1 stop.
`);
    expect(exitCode).toBe(0);
    expect(posted('/x/stacks/st')).toEqual([]);
  });

  it('prints it as JSON', async () => {
    await serve({ 'POST /x/stacks/st/plan': plan, 'GET /services': [] });
    const { output } = await run('stack diff -c - --resolve-image never --format json st');
    expect(JSON.parse(output)).toEqual({ stack: 'st', dialect: 'legacy', ...plan });
  });
});

describe('stack deploy', () => {
  const withOld: Routes = { 'GET /services': [service('st_web', 'running'), service('st_old', 'running')] };
  const removals = () => api.requests.filter(({ method }) => method === 'DELETE').map(({ path }) => path);

  it('prunes once the new ones run, and posts the stack once: what was scaled meanwhile stays so', async () => {
    await serve(deployed('running', withOld));
    const { exitCode, output } = await run('stack deploy -c - --prune -q --resolve-image never st');
    expect([exitCode, output]).toEqual([0, 'Updated service st_web\nRemoved service st_old\n']);
    expect(posted('/x/stacks/st').map((body) => (body as { prune?: boolean }).prune)).toEqual([false]);
    expect(removals()).toEqual(['/services/id-st_old']);
  });

  it('prunes nothing when the stack was deployed again meanwhile', async () => {
    await serve(deployed('running', { ...withOld, 'GET /x/stacks/st/revisions': [{ number: 5 }, { number: 4 }] }));
    const { exitCode, output, errors } = await run('stack deploy -c - --prune -q --resolve-image never st');
    expect([exitCode, output]).toEqual([0, 'Updated service st_web\n']);
    expect(errors).toContain('are left, since the stack was deployed again meanwhile: it is at revision 5.\n');
    expect([removals(), posted('/x/stacks/st').length]).toEqual([[], 1]);
  });

  it('does not mind that one to prune is gone already', async () => {
    await serve(deployed('running', { ...withOld, 'DELETE /services/id-st_old': { status: 404, body: { message: 'no such service' } } }));
    const { exitCode, output } = await run('stack deploy -c - --prune -q --resolve-image never st');
    expect([exitCode, output]).toEqual([0, 'Updated service st_web\n']);
  });

  it('prunes nothing when the new ones do not run', async () => {
    await serve(deployed('paused'));
    const { exitCode, output, errors } = await run('stack deploy -c - --prune -q --resolve-image never st');
    expect([exitCode, output]).toEqual([4, 'Updated service st_web\n']);
    expect(errors).toContain('are left, since the new ones do not run');
    expect(errors).toContain('to go back: swarm service rollback st_web\n');
  });

  it('ends with 7 when the manager refuses it', async () => {
    await serve(deployed('running', { 'POST /x/stacks/st': { status: 400, body: { message: 'service "st_web": port in use' } } }));
    const { exitCode, errors } = await run('stack deploy -c - --resolve-image never st');
    expect([exitCode, errors]).toEqual([7, 'swarm: service "st_web": port in use\nNothing was changed.\n']);
  });

  it('ends with 7 and all problems when the files are invalid', async () => {
    await serve({});
    const { exitCode, errors } = await run('stack deploy -c - st', 'version: "3.8"\nservices: {a: {image: x, prots: []}, b: {}}\n');
    expect(exitCode).toBe(7);
    expect(errors).toContain('-:2:');
    expect(api.requests).toEqual([]);
  });

  it.each([
    ['what the manager doubts', { ...plan, doubts: [DOUBT] }, '', DOUBT],
    ['an image that its registry does not give', plan, 'always', 'image registry.example.com/web:1 could not be looked up'],
    ['a login that is missing', plan, 'never --with-registry-auth', 'no login for registry.example.com is stored here'],
  ])('refuses %s with --strict, and changes nothing', async (_what, answer, resolve, message) => {
    await serve(deployed('running', { 'POST /x/stacks/st/plan': answer, 'GET /services': [] }));
    const { exitCode, errors } = await run(`stack deploy -c - --strict --resolve-image ${resolve || 'never'} st`);
    expect(exitCode).toBe(7);
    expect(errors).toContain(message);
    expect(posted('/x/stacks/st')).toEqual([]);
  });

  it.each([
    ['always', 'sha256:bb'],
    ['changed', 'sha256:aa'],
    ['never', 'sha256:aa'],
  ])('--resolve-image %s: an image that the file names as before is %s', async (when, digest) => {
    await serve(
      deployed('running', {
        'GET /distribution/registry.example.com/web:1/json': { Descriptor: { digest: 'sha256:bb' }, Platforms: [] },
      }),
    );
    await run(`stack deploy -c - -d --resolve-image ${when} st`);
    expect(posted('/x/stacks/st')[0]).toMatchObject({
      stack: { services: { st_web: { TaskTemplate: { ContainerSpec: { Image: `registry.example.com/web:1@${digest}` } } } } },
    });
  });
});

describe('stack history and rollback', () => {
  const revisions = [
    { number: 3, createdAt: meta.CreatedAt, rolledBackTo: 1, services: { st_web: 'web:1' }, changes: ['service st_web changed'] },
    {
      number: 2,
      createdAt: meta.CreatedAt,
      rolledBackBy: 3,
      rolledBackServices: ['st_a', 'st_b', 'st_c', 'st_web'],
      services: { st_web: 'web:2' },
      changes: ['a', 'b', 'c', 'd'],
    },
  ];

  it('lists the revisions, the present one first', async () => {
    await serve({ 'GET /x/stacks/st/revisions': revisions });
    const { output } = await run('stack history st');
    expect(output.split('\n').map((line) => line.replace(/\S+ \S+ ago/, 'then').replace(/ {2,}/g, ' | '))).toEqual([
      'REVISION | CREATED | SERVICES | STATUS | CHANGES',
      expect.stringMatching(/^3 \* .*1 \| rollback to 1, service st_web changed$/),
      expect.stringMatching(/^2 .*1 \| rolled back by 3; st_a, st_b, st_c and 1 more rolled back \| a, b, c, 1 more change$/),
      '',
    ]);
    expect(JSON.parse((await run('stack history --format json st')).output.split('\n')[0] ?? '')).toEqual(revisions[0]);
  });

  it('rolls back to the revision named, and waits', async () => {
    await serve(
      deployed('running', { 'POST /x/stacks/st/rollback': { results: [result('st_web', 'updated')], warnings: [], revision: 4 } }),
    );
    const { exitCode, output, errors } = await run('stack rollback -q st 2');
    expect([exitCode, output]).toEqual([0, 'Updated service st_web\n']);
    expect(errors).toContain('stack st is at revision 4 now');
    expect(posted('/x/stacks/st/rollback')).toEqual([{ revision: 2 }]);
  });

  it('takes no other word for a revision', async () => {
    await serve({});
    expect((await run('stack rollback st latest')).exitCode).toBe(2);
  });
});

it('stack logs shows the lines of all services, and says which log could not be had', async () => {
  const frame = (text: string) => Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);
  await serve({
    'GET /services': [service('st_web', ''), service('st_api', '')],
    'GET /services/id-st_web/logs': { stream: (response: ServerResponse) => response.end(frame('from web\n')) },
    'GET /services/id-st_api/logs': { status: 500, body: { message: 'node host2 is not connected' } },
  });
  const { exitCode, output, errors } = await run('stack logs --raw st');
  expect([exitCode, output]).toEqual([1, 'from web\n']);
  expect(errors).toContain('node host2 is not connected');
});

it.each([
  ['stack rm gone st', 0],
  ['stack services gone', 0],
  ['stack ps gone', 1],
])('a stack that is not there is told by "%s", which ends with %d as with Docker', async (line, exitCode) => {
  await serve({
    'DELETE /x/stacks/gone': { status: 404, body: { message: 'nothing found in stack: gone' } },
    'DELETE /x/stacks/st': { results: [result('st_web', 'removed')] },
    'GET /services': [],
    'GET /tasks': [],
  });
  expect(await run(line)).toMatchObject({ exitCode, errors: expect.stringMatching(/^nothing found in stack: gone\n/) });
  expect(api.requests.some(({ path }) => path === '/x/stacks/st')).toBe(line.endsWith(' st'));
});
