import type { ServerResponse } from 'node:http';
import { systemClock } from '@swarm/shared/runtime/clock';
import { afterEach, describe, expect, it } from 'vitest';
import type { ApiService, ApiTask } from '../client/api-objects.ts';
import { type FakeAnswer, type FakeApi, type FakeRequest, startFakeApi } from '../client/fake-api.ts';
import { runWords } from '../command/testing.ts';

let api: FakeApi;
afterEach(() => api.close());

type Routes = { readonly [route: string]: FakeAnswer | unknown[] | object | ((request: FakeRequest) => unknown) };

/** Answers `METHOD /path`; a plain value is the body of a 200. */
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

/** One frame of a multiplexed log. */
function framed(type: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = type;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

const run = (line: string, options: Parameters<typeof runWords>[1] = {}) => runWords(line.split(' '), { host: api.host, ...options });
const posted = () => api.requests.filter((request) => request.method !== 'GET');

const meta = { Version: { Index: 7 }, CreatedAt: '2026-01-01T00:00:00Z', UpdatedAt: '2026-01-01T00:00:00Z' };
const web: ApiService = {
  ...meta,
  ID: 'web1',
  Spec: {
    Name: 'web',
    Labels: {},
    TaskTemplate: { ContainerSpec: { Image: 'nginx:1' } },
    Mode: { Replicated: { Replicas: 1 } },
    UpdateConfig: { Monitor: 1 },
  },
  Endpoint: {},
};
const task = (ID: string, State: string, more: Partial<ApiTask['Status']> = {}): ApiTask => ({
  ...meta,
  ID,
  Spec: { ContainerSpec: { Image: 'nginx:1' } },
  ServiceID: 'web1',
  Slot: 1,
  NodeID: 'n1',
  DesiredState: State === 'running' ? 'running' : 'shutdown',
  Status: { State, Timestamp: meta.CreatedAt, ...more },
});
const node = {
  ...meta,
  ID: 'n1',
  Spec: { Labels: { a: '1', b: '2' }, Role: 'worker', Availability: 'active' },
  Description: { Hostname: 'host1' },
  Status: { State: 'ready' },
  ManagerStatus: { Leader: true, Reachability: 'reachable', Addr: '10.0.0.1:2377' },
};
/** What a drain asks of a node. */
const draining = {
  'GET /nodes/host1': node,
  'POST /nodes/n1/update': { status: 200 },
  'GET /nodes/n1': { ...node, Spec: { ...node.Spec, Availability: 'drain' } },
};
const inactive = { Swarm: { LocalNodeState: 'inactive', NodeID: '' } };
const active = { Swarm: { LocalNodeState: 'active', NodeID: 'n1', ControlAvailable: true } };

describe('service create', () => {
  const routes = (tasks: readonly ApiTask[]): Routes => ({
    'POST /services/create': { status: 201, body: { ID: 'web1', Warnings: ['one warning'] } },
    'GET /services': [web],
    'GET /tasks': [...tasks],
    'GET /nodes': [node],
  });

  it('prints the id alone on standard output and ends with 0 when the service runs', async () => {
    await serve(routes([task('t1', 'running')]));
    const result = await run('service create --no-resolve-image --name web nginx:1');
    expect(result).toMatchObject({ exitCode: 0, output: 'web1\n' });
    expect(result.errors).toContain('warning: one warning');
    expect(result.errors).toContain('service web: converged');
  });

  it('ends with 4 and says which task failed, where, and how', async () => {
    const failed = (id: string) =>
      task(id, 'failed', { Err: 'task: non-zero exit (3)', ContainerStatus: { ContainerID: 'c', PID: 0, ExitCode: 3 } });
    let looks = 0;
    await serve({
      ...routes([]),
      'GET /tasks': ({ filters }: FakeRequest) => {
        if (filters['_up-to-date'] === undefined) return [];
        looks += 1;
        return ['t1', 't2', 't3'].slice(0, looks - 1).map(failed);
      },
      'GET /tasks/t1/logs': {
        stream: (response: ServerResponse) => response.end(framed(2, 'no database\n\u001b[31mgiving up\u001b[0m\n')),
      },
    });
    const result = await run('service create --no-resolve-image --name web nginx:1');
    expect(result.exitCode).toBe(4);
    expect(result.output).toBe('web1\n');
    expect(result.errors).toContain('web.1 (task t1) failed on host1, 3 times: task: non-zero exit (3) [exit code 3]');
    expect(result.errors).toContain('\n    | no database\n    | giving up\n');
    expect(result.errors).toContain('swarm service logs web');
  });

  it('ends with 5 when the update was rolled back, and shows the task of the spec that failed', async () => {
    const rejected = task('t9', 'rejected', { Err: 'No such image: nginx:2' });
    const states = ['updating', 'rollback_completed'] as const;
    let looks = 0;
    await serve({
      ...routes([]),
      'GET /services': () => [{ ...web, UpdateStatus: { State: states[Math.min(looks++, 1)] ?? 'updating' } }],
      'GET /tasks': ({ filters }: FakeRequest) => (filters['_up-to-date'] ? [task('t1', 'running')] : looks < 2 ? [] : [rejected]),
    });
    const result = await run('service create --no-resolve-image --name web nginx:1');
    expect(result.exitCode).toBe(5);
    expect(result.errors).toContain('the update failed, and was rolled back: what ran before runs again');
    expect(result.errors).toContain('web.1 (task t9) rejected on host1: No such image: nginx:2\n    no log: its container was never made');
  });

  it('ends with 6 when the timeout is over, and says what is missing', async () => {
    await serve(routes([task('t1', 'pending', { Err: 'no suitable node (1 node is drained)' })]));
    const result = await run('service create --no-resolve-image --timeout 250ms --name web nginx:1');
    expect(result.exitCode).toBe(6);
    expect(result.errors).toContain('service web: 0 of 1 running\n  1 task pending: no suitable node (1 node is drained)');
    expect(result.errors).toContain('it did not all run within 0.25 s');
  });

  it('does not wait with -d', async () => {
    await serve({ 'POST /services/create': { status: 201, body: { ID: 'web1' } } });
    expect(await run('service create -d --no-resolve-image nginx:1')).toEqual({ exitCode: 0, output: 'web1\n', errors: '' });
  });

  it('ends with 130 on Ctrl-C, and says that the cluster goes on', async () => {
    const interrupt = new AbortController();
    await serve({
      ...routes([]),
      'GET /nodes': () => {
        setImmediate(() => interrupt.abort(new Error('interrupted')));
        return [node];
      },
    });
    const result = await run('service create --no-resolve-image nginx:1', { signal: interrupt.signal });
    expect(result.exitCode).toBe(130);
    expect(result.errors).toContain('swarm service ps web');
  });

  it('pins the digest and platforms that the registry names', async () => {
    await serve({
      'POST /services/create': { status: 201, body: { ID: 'web1' } },
      'GET /distribution/nginx:1/json': { Descriptor: { digest: 'sha256:ab' }, Platforms: [{ architecture: 'amd64', os: 'linux' }] },
    });
    await run('service create -d nginx:1');
    expect(posted()[0]?.body).toMatchObject({
      TaskTemplate: { ContainerSpec: { Image: 'nginx:1@sha256:ab' }, Placement: { Platforms: [{ Architecture: 'amd64', OS: 'linux' }] } },
    });
  });

  it('goes on with a warning when the registry does not answer', async () => {
    await serve({
      'POST /services/create': { status: 201, body: { ID: 'web1' } },
      'GET /distribution/nginx:1/json': { status: 500, body: { message: 'no route' } },
    });
    const result = await run('service create -d nginx:1');
    expect(result.exitCode).toBe(0);
    expect(result.errors).toContain('image nginx:1 could not be looked up at its registry (no route)');
  });

  it('names the secrets that do not exist, and creates nothing', async () => {
    await serve({ 'GET /secrets': [{ ...meta, ID: 's1', Spec: { Name: 'one' } }] });
    const result = await run('service create -d --no-resolve-image --secret one --secret two nginx:1');
    expect(result).toMatchObject({ exitCode: 1, output: '', errors: 'swarm: secret not found: two\n' });
    expect(posted()).toEqual([]);
  });

  it("shows the manager's refusal without its gRPC prefix", async () => {
    await serve({
      'POST /services/create': { status: 409, body: { message: 'rpc error: code = AlreadyExists desc = service web already exists' } },
    });
    expect(await run('service create -d --no-resolve-image --name web nginx:1')).toMatchObject({
      exitCode: 1,
      errors: 'swarm: service web already exists\n',
    });
  });
});

describe('service update, scale and rollback', () => {
  const routes: Routes = {
    'GET /services/web': web,
    'GET /services/web1': web,
    'POST /services/web1/update': { Warnings: null },
  };

  it('post the version that they read', async () => {
    await serve(routes);
    await run('service update -d --env-add A=1 web');
    expect(posted()[0]?.query.get('version')).toBe('7');
    expect(posted()[0]?.body).toMatchObject({ TaskTemplate: { ContainerSpec: { Env: ['A=1'] } } });
  });

  it('say what to do when somebody else was faster', async () => {
    const late = { status: 500, body: { message: 'rpc error: code = Unknown desc = update out of sequence' } };
    await serve({ ...routes, 'POST /services/web1/update': late });
    const told = expect.stringContaining('it was changed by somebody else, or by the cluster, at the same moment: run the command again');
    expect(await run('service update -d --env-add A=1 web')).toMatchObject({ exitCode: 1, errors: told });
  });

  it('scale changes the number only', async () => {
    await serve(routes);
    expect((await run('service scale -d web=5')).output).toBe('web scaled to 5\n');
    expect(posted()[0]?.body).toEqual({ ...web.Spec, Mode: { Replicated: { Replicas: 5 } } });
  });

  it('scale refuses two numbers for one service before it changes any, and takes the same one twice as one', async () => {
    await serve(routes);
    expect(await run('service scale -d web=5 other=1 web=3')).toMatchObject({
      exitCode: 2,
      errors: expect.stringContaining('"web" is given both 5 and 3'),
    });
    expect(posted()).toEqual([]);
    expect((await run('service scale -d web=5 web=5')).output).toBe('web scaled to 5\n');
    expect(posted()).toHaveLength(1);
  });

  it('scale refuses a global service by name', async () => {
    await serve({ ...routes, 'GET /services/web': { ...web, Spec: { ...web.Spec, Mode: { Global: {} } } } });
    const result = await run('service scale -d web=5');
    expect(result).toMatchObject({ exitCode: 1, errors: expect.stringContaining('service web is global') });
    expect(posted()).toEqual([]);
  });

  it('rollback asks for the spec before', async () => {
    await serve(routes);
    await run('service rollback -d web');
    expect(posted()[0]?.query.get('rollback')).toBe('previous');
  });

  it('--rollback takes no other change', async () => {
    await serve(routes);
    expect(await run('service update -d --rollback --image x web')).toMatchObject({
      exitCode: 2,
      errors: expect.stringContaining('cannot be combined with --image'),
    });
  });
});

describe('a --timeout that is none', () => {
  it.each([
    'service create --timeout soon --no-resolve-image nginx:1',
    'service update --timeout 5 --label-add a=b web',
    'service update --timeout 5 --rollback web',
    'service rollback --timeout soon web',
    'service scale --timeout soon web=3',
    'stack rollback --timeout soon app',
  ])('is refused before anything is changed: %s', async (line) => {
    await serve({ 'GET /services/web': web });
    expect(await run(line)).toMatchObject({ exitCode: 2, errors: expect.stringContaining('is no duration') });
    expect(posted()).toEqual([]);
  });
});

describe('service logs', () => {
  const frame = (line: string, type = 1) =>
    Buffer.concat([Buffer.from([type, 0, 0, 0, 0, 0, 0, Buffer.byteLength(line)]), Buffer.from(line)]);
  const details = (id: string) => `com.docker.swarm.node.id=n1,com.docker.swarm.service.id=web1,com.docker.swarm.task.id=${id}`;
  const streaming = (...frames: readonly Buffer[]) => ({
    stream: (response: NodeJS.WritableStream) => {
      for (const one of frames) response.write(one);
      response.end();
    },
  });
  const routes = (...frames: readonly Buffer[]): Routes => ({
    'GET /services/web': web,
    'GET /services': [web],
    'GET /nodes': [node],
    'GET /tasks/t1t1t1t1t1t1t1t1': task('t1t1t1t1t1t1t1t1', 'running'),
    'GET /services/web1/logs': streaming(...frames),
  });

  it('says who wrote each line', async () => {
    await serve(routes(frame(`${details('t1t1t1t1t1t1t1t1')} hello world\n`)));
    expect(await run('service logs web')).toMatchObject({ exitCode: 0, output: 'web.1.t1t1t1t1t1t1@host1    | hello world\n' });
  });

  it('keeps standard error apart', async () => {
    await serve(routes(frame(`${details('t1t1t1t1t1t1t1t1')} oops\n`, 2)));
    expect(await run('service logs --no-task-ids web')).toMatchObject({ output: '', errors: 'web.1@host1    | oops\n' });
  });

  it('gives the bare lines with --raw', async () => {
    await serve(routes(frame('hello world\n')));
    expect((await run('service logs --raw web')).output).toBe('hello world\n');
    expect(api.requests.at(-1)?.query.has('details')).toBe(false);
  });

  it('gives the bytes on as they are, though a character is cut in two', async () => {
    const [start, end] = [Buffer.from([0xc3]), Buffer.from([0xbc, 0x0a])];
    const framed = (text: Buffer) => Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 0, 0, text.length]), text]);
    await serve(routes(framed(start), framed(end)));
    expect((await run('service logs --raw web')).output).toBe('ü\n');
    await api.close();
    const tty = { ...web, Spec: { ...web.Spec, TaskTemplate: { ContainerSpec: { TTY: true } } } };
    const slowly = {
      stream: (response: NodeJS.WritableStream) => {
        response.write(start);
        setImmediate(() => setImmediate(() => response.end(end)));
      },
    };
    await serve({ ...routes(), 'GET /services/web': tty, 'GET /services/web1/logs': slowly });
    expect((await run('service logs web')).output).toBe('ü\n');
  });

  it('reads the blanks of --details as they are escaped', async () => {
    await serve(routes(frame(`${details('t1t1t1t1t1t1t1t1')},tag=a+b%2Bc hello\n`)));
    expect((await run('service logs --details web')).output).toBe('web.1.t1t1t1t1t1t1@host1    | tag=a b+c hello\n');
  });

  it('ends with 1 when a node cannot give its part', async () => {
    await serve(routes(frame(`${details('t1t1t1t1t1t1t1t1')} hello\n`), frame('Error grabbing logs: node n2 is gone\n', 3)));
    const result = await run('service logs web');
    expect(result.output).toContain('| hello');
    expect(result).toMatchObject({ exitCode: 1, errors: expect.stringContaining('node n2 is gone') });
  });
});

it('info of a locked manager calls it one', async () => {
  await serve({ 'GET /info': { Swarm: { LocalNodeState: 'locked', NodeID: 'n1', ControlAvailable: false } } });
  expect((await run('info')).output).toMatch(/^State: +locked\nNode: +n1\nRole: +manager\n/);
});

describe('init and join', () => {
  it('init posts what the flags say and prints how to join', async () => {
    await serve({
      'GET /info': inactive,
      'POST /swarm/init': { status: 200, body: 'n1' },
      'GET /swarm': { JoinTokens: { Worker: 'SWMTKN-1-w', Manager: 'SWMTKN-1-m' } },
      'GET /nodes/n1': node,
    });
    const result = await run(
      'init --advertise-addr 10.0.0.1 --data-path-addr eth1 --availability drain --dispatcher-heartbeat 2s --task-history-limit 3 ' +
        '--data-path-port 5789 --default-addr-pool 10.20.0.0/16 --default-addr-pool 10.30.0.0/16 --default-addr-pool-mask-length 26',
    );
    expect(result.exitCode).toBe(0);
    expect(result.output).toContain('swarm join --token SWMTKN-1-w 10.0.0.1:2377');
    expect(posted()[0]?.body).toEqual({
      ListenAddr: '0.0.0.0:2377',
      AdvertiseAddr: '10.0.0.1',
      DataPathAddr: 'eth1',
      Availability: 'drain',
      DataPathPort: 5789,
      DefaultAddrPool: ['10.20.0.0/16', '10.30.0.0/16'],
      SubnetSize: 26,
      Spec: { Dispatcher: { HeartbeatPeriod: 2e9 }, Orchestration: { TaskHistoryRetentionLimit: 3 } },
    });
  });

  it('init names the flag when the address must be chosen', async () => {
    await serve({ 'POST /swarm/init': { status: 400, body: { message: "could not find the system's IP address" } } });
    expect((await run('init')).errors).toBe("swarm: could not find the system's IP address - specify one with --advertise-addr\n");
  });

  it('join takes labels, and the token from the environment so that it shows in no process list', async () => {
    await serve({ 'POST /swarm/join': { status: 200 }, 'GET /info': { Swarm: { ...active.Swarm, ControlAvailable: false } } });
    const result = await run('join --label zone=a --label disk 10.0.0.1:2377', { environment: { SWARM_JOIN_TOKEN: 'SWMTKN-1-w' } });
    expect(result.output).toBe('This host is now node n1 of the cluster, a worker.\n');
    expect(posted()[0]?.body).toMatchObject({ JoinToken: 'SWMTKN-1-w', RemoteAddrs: ['10.0.0.1:2377'], Labels: { zone: 'a', disk: '' } });
  });

  it('join-token --rotate changes the one token', async () => {
    await serve({
      'GET /swarm': { ...meta, Spec: { Name: 'default' }, JoinTokens: { Worker: 'SWMTKN-1-w', Manager: 'SWMTKN-1-m' } },
      'POST /swarm/update': { status: 200 },
    });
    expect(await run('join-token --rotate -q worker')).toMatchObject({ exitCode: 0, output: 'SWMTKN-1-w\n' });
    expect(Object.fromEntries(posted()[0]?.query ?? [])).toEqual({
      version: '7',
      rotateWorkerToken: 'true',
      rotateManagerToken: 'false',
      rotateManagerUnlockKey: 'false',
    });
  });

  it.each(['join-token worker', 'join-script'])('%s tells a client that is read-only why it sees no token', async (line) => {
    await serve({ 'GET /swarm': { ...meta, Spec: { Name: 'default' } }, 'GET /info': active, 'GET /nodes/n1': node });
    expect(await run(line)).toMatchObject({ exitCode: 1, errors: expect.stringContaining('ask for a client with the role admin') });
  });

  it('join-script puts token, labels and source into a script', async () => {
    await serve({ 'GET /swarm': { JoinTokens: { Worker: "SWMTKN-1-w'x", Manager: 'm' } }, 'GET /info': active, 'GET /nodes/n1': node });
    const script = (await run('join-script --label zone=a --swarm https://example.com/swarm.tar')).output;
    expect(script).toContain(`TOKEN='SWMTKN-1-w'\\''x'`);
    expect(script).toContain(`join '--label' 'zone=a' '--availability' 'active' "$MANAGER"`);
    expect(script).toContain(`SOURCE='https://example.com/swarm.tar'`);
    const userData = (await run('join-script --format cloud-init --install-engine')).output;
    expect(userData).toMatch(/^#cloud-config\n/);
    expect(userData).toContain('      INSTALL_ENGINE=yes\n');
  });
});

describe('nodes', () => {
  it('node update keeps what no flag names', async () => {
    await serve({ 'GET /nodes/host1': node, 'POST /nodes/n1/update': { status: 200 } });
    await run('node update --label-add c=3 --label-rm a --availability drain host1');
    expect(posted()[0]?.body).toEqual({ Labels: { b: '2', c: '3' }, Role: 'worker', Availability: 'drain' });
  });

  it('drain --wait ends when nothing is left', async () => {
    const looks = [[task('t1', 'running')], [task('t1', 'shutdown')]];
    await serve({ ...draining, 'GET /tasks': () => looks.shift() ?? [] });
    const ended = await run('node update --availability drain --wait host1');
    expect(ended).toEqual({
      exitCode: 0,
      output: 'host1\n',
      errors: '1 task is left on node host1\nnode host1 is drained: none of its tasks is left\n',
    });
  });

  it('drain --wait names what is left at the deadline, with what it waits for, and ends with 8', async () => {
    const successor = { ...task('t2', 'pending'), NodeID: undefined, DesiredState: 'running' };
    const explained = (Name: string, Why: string, ...Advice: readonly string[]) => ({ Kind: 'task', Task: { Name, Why: [Why], Advice } });
    await serve({
      ...draining,
      'GET /tasks': ({ filters }: FakeRequest) => (filters.node ? [task('t1', 'running')] : [task('t1', 'running'), successor]),
      'GET /x/explain/tasks/t1': explained('web.1.t1', 'runs'),
      'GET /x/explain/tasks/t2': explained('web.1.t2', 'has no place: no suitable node', 'add a node', 'or wait'),
    });
    const ended = await run('node update --availability drain --wait --deadline 0 host1');
    expect(ended.exitCode).toBe(8);
    expect(ended.errors).toContain(
      '  web.1.t1 (running): stays until its successor t2 runs well; that one has no place: no suitable node\n' +
        '    what helps: add a node\n    what helps: or wait\n',
    );
  });

  it('drain --wait says when one that does not stop is killed', async () => {
    const stopping = { ...task('t1', 'running'), DesiredState: 'shutdown', Spec: { ContainerSpec: { StopGracePeriod: 90e9 } } };
    await serve({
      ...draining,
      'GET /tasks': [stopping],
      'GET /x/explain/tasks/t1': { Kind: 'task', Task: { Name: 'web.1.t1', Why: [], Advice: [] } },
    });
    const ended = await run('node update --availability drain --wait --deadline 0 host1');
    expect(ended.errors).toContain('is asked to stop, and has not yet; it is killed when its stop grace period (1m30s) is over');
  });

  it('drain --wait names what is left at the deadline though some of it ends just then', async () => {
    await serve({ ...draining, 'GET /tasks': [task('t1', 'running')] });
    const ended = await run('node update --availability drain --wait --deadline 0 host1');
    expect(ended).toMatchObject({ exitCode: 8, errors: expect.stringContaining('  t1 is gone by now\n') });
  });

  it('drain --wait ends with 4 when the node is made active again, or removed', async () => {
    await serve({ ...draining, 'GET /nodes/n1': node, 'GET /tasks': [task('t1', 'running')] });
    expect(await run('node update --availability drain --wait host1')).toMatchObject({
      exitCode: 4,
      errors: 'swarm: node host1 is not drained any more: its availability was set to active, and 1 task is left\n',
    });
    await api.close();
    const gone = { status: 404, body: { message: 'node n1 not found' } };
    await serve({ ...draining, 'GET /nodes/n1': gone, 'GET /tasks': gone });
    expect(await run('node update --availability drain --wait host1')).toMatchObject({
      exitCode: 4,
      errors: 'swarm: node host1 was removed while it was drained\n',
    });
  });

  it.each(['node update --wait host1', 'node update --availability drain --deadline 5m host1'])('%s makes no sense', async (line) => {
    await serve({});
    expect((await run(line)).exitCode).toBe(2);
    expect(posted()).toEqual([]);
  });

  it('self is the node of this daemon', async () => {
    await serve({ 'GET /info': active, 'GET /nodes/n1': node });
    expect(JSON.parse((await run('node inspect self')).output)).toEqual([node]);
  });

  it('node rm goes on after a refusal, and ends with 1', async () => {
    await serve({ 'DELETE /nodes/a': { status: 400, body: { message: 'node a is not down' } }, 'DELETE /nodes/b': { status: 200 } });
    expect(await run('node rm a b')).toEqual({ exitCode: 1, output: 'b\n', errors: 'swarm: node a is not down\n' });
  });
});

describe('what is not a daemon', () => {
  it('is told from one that does not run', async () => {
    await serve({});
    const nobody = await runWords(['node', 'ls'], { host: 'unix:///nowhere/docker.sock' });
    expect(nobody).toMatchObject({ exitCode: 3, errors: expect.stringContaining('no swarm daemon runs here') });
    const wrong = await runWords(['node', 'ls'], { host: 'ftp://x', clock: systemClock });
    expect(wrong).toMatchObject({ exitCode: 2, errors: expect.stringContaining('no address of a daemon') });
  });
});
