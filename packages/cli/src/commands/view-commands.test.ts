import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@swarm/shared/runtime/clock';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FakeAnswer, type FakeApi, startFakeApi } from '../client/fake-api.ts';
import { runWords } from '../command/testing.ts';

let api: FakeApi;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'swarm-cli-view-'));
});
afterEach(async () => {
  await api.close();
  await rm(folder, { recursive: true });
});

async function serve(routes: { readonly [route: string]: FakeAnswer }): Promise<void> {
  api = await startFakeApi(({ method, path }) => routes[`${method} ${path}`]);
}
const clock = { ...systemClock, now: () => Date.parse('2026-01-01T02:00:00Z') };
const run = (...words: string[]) => runWords(words, { host: api.host, clock });

describe('versions and stacks', () => {
  it('version --format json tells what version tells', async () => {
    await serve({ 'GET /info': { status: 200, body: { ServerVersion: '20.10.24' } } });
    expect((await run('version')).output).toMatch(/^Client: {2}swarm \S+, Node \S+\nDaemon: {2}API \S+\nEngine: {2}20\.10\.24\n$/);
    const { exitCode, output } = await run('version', '--format', 'json');
    expect([exitCode, JSON.parse(output)]).toEqual([
      0,
      {
        Client: { Version: expect.any(String), Node: expect.any(String) },
        Daemon: { ApiVersion: expect.any(String) },
        Engine: { Version: '20.10.24' },
      },
    ]);
  });

  it('stack ls -q prints the names', async () => {
    const service = (ID: string, stack: string) => ({ ID, Spec: { Name: ID, Labels: { 'com.docker.stack.namespace': stack } } });
    await serve({ 'GET /services': { status: 200, body: [service('a', 'shop'), service('b', 'shop'), service('c', 'mail')] } });
    expect((await run('stack', 'ls', '-q')).output).toBe('mail\nshop\n');
  });
});

describe('top', () => {
  const meta = { Version: { Index: 7 }, CreatedAt: '2026-01-01T00:00:00Z', UpdatedAt: '2026-01-01T01:00:00Z' };
  const task = (ID: string, Slot: number, State = 'running') => ({
    ...meta,
    ID,
    Slot,
    ServiceID: 's1',
    NodeID: 'n1',
    Spec: {},
    DesiredState: 'running',
    Status: { State },
  });
  const stats = (used: number, memory: number) => ({
    cpu_stats: { cpu_usage: { total_usage: 1_000 + used }, system_cpu_usage: 20_000, online_cpus: 2 },
    precpu_stats: { cpu_usage: { total_usage: 1_000 }, system_cpu_usage: 10_000 },
    memory_stats: { usage: memory + 4_096, limit: 64 * 1024 * 1024, stats: { inactive_file: 4_096 } },
    pids_stats: { current: 3 },
    networks: { eth0: { rx_bytes: 1_500, tx_bytes: 2 } },
  });
  const routes: { readonly [route: string]: FakeAnswer } = {
    'GET /tasks': { status: 200, body: [task('t1', 1), task('t2', 2), task('t3', 3), task('t4', 4, 'starting')] },
    'GET /services': { status: 200, body: [{ ...meta, ID: 's1', Spec: { Name: 'web' } }] },
    'GET /nodes': { status: 200, body: [{ ...meta, ID: 'n1', Spec: {}, Description: { Hostname: 'h1' } }] },
    'GET /containers/t1/stats': { status: 200, body: stats(1_000, 1024 * 1024) },
    'GET /containers/t2/stats': { status: 200, body: stats(5_000, 32 * 1024 * 1024) },
    'GET /containers/t3/stats': { status: 503, body: { message: 'node h1 is not connected' } },
  };

  it('shows what running tasks use, the busiest first, and names those that cannot be measured', async () => {
    await serve(routes);
    const result = await run('top');
    expect(result.exitCode).toBe(0);
    expect(result.output).toBe(
      'TASK      NODE      CPU %     MEM USAGE / LIMIT   MEM %     NET I/O      PIDS\n' +
        'web.2     h1        100.00%   32MiB / 64MiB       50.00%    1.5kB / 2B   3\n' +
        'web.1     h1        20.00%    1MiB / 64MiB        1.56%     1.5kB / 2B   3\n',
    );
    expect(result.errors).toBe('swarm: web.3 on h1: node h1 is not connected\n');
  });

  it('takes services, an order and JSON', async () => {
    await serve(routes);
    const result = await run('top', '--sort', 'name', '--format', 'json', 'web');
    expect(
      result.output
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).Task),
    ).toEqual(['web.1', 'web.2']);
    expect((await run('top', '--sort', 'colour')).errors).toMatch(/"colour" is not one of cpu, mem, name/);
  });
});

describe('events', () => {
  const event = {
    Type: 'service',
    Action: 'create',
    Actor: { ID: 'id1', Attributes: { name: 'web', a: 'b' } },
    scope: 'swarm',
    time: 1,
    timeNano: 1_500_000_000,
  };
  const stream: FakeAnswer = { stream: (response) => void response.end(`${JSON.stringify(event)}\n`) };

  it('are shown one per line, as text or as they are', async () => {
    await serve({ 'GET /events': stream });
    expect(await run('events', '--since', '2h', '--until', '2026-01-01T02:00:00Z', '--filter', 'type=service')).toEqual({
      exitCode: 0,
      output: '1970-01-01T00:00:01.500Z service create id1 (a=b, name=web)\n',
      errors: '',
    });
    const { query, filters } = api.requests[0] ?? { query: new URLSearchParams(), filters: {} };
    expect([query.get('since'), query.get('until'), filters]).toEqual(['1767225600', '1767232800', { type: ['service'] }]);
    expect((await run('events', '--format', 'json')).output).toBe(`${JSON.stringify(event)}\n`);
  });

  it('of a time that is none are refused', async () => {
    await serve({});
    expect((await run('events', '--since', 'noon')).errors).toMatch(/--since: "noon" is neither a time/);
  });
});

describe('client add', () => {
  const made = {
    ID: 'c1',
    Name: 'alice',
    Role: 'read-only',
    CreatedAt: '2026-01-01T00:00:00Z',
    ExpiresAt: '2027-01-01T00:00:00Z',
    Certificate: 'CERT',
    RootCertificate: 'ROOT',
    Addresses: ['tcp://10.0.0.1:2376'],
  };

  it('makes a bundle whose key only its owner can read, and prints the docker context', async () => {
    await serve({ 'POST /x/clients': { status: 201, body: made } });
    const target = join(folder, 'bundle');
    const result = await run('client', 'add', 'alice', '--role', 'read-only', '-o', target);
    expect(result.exitCode).toBe(0);
    expect(result.output).toContain(
      `docker context create alice --docker host=tcp://10.0.0.1:2376,ca=${target}/ca.pem,cert=${target}/cert.pem,key=${target}/key.pem\n`,
    );
    expect((await stat(join(target, 'key.pem'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(target, 'ca.pem'), 'utf8')).toBe('ROOT');
    const body = api.requests[0]?.body;
    expect(body).toMatchObject({ Name: 'alice', Role: 'read-only', CSR: expect.stringContaining('CERTIFICATE REQUEST') });
    expect(JSON.stringify(body)).not.toContain('PRIVATE');
    expect((await run('client', 'add', 'alice', '-o', target)).errors).toMatch(/is there already; name another folder/);
  });

  it('leaves no files behind when it is refused', async () => {
    await serve({ 'POST /x/clients': { status: 409, body: { message: 'client alice already exists' } } });
    const result = await run('client', 'add', 'alice', '-o', join(folder, 'bundle'));
    expect(result).toMatchObject({ exitCode: 1, errors: 'swarm: client alice already exists\n' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('says how to have an address when there is none', async () => {
    await serve({ 'POST /x/clients': { status: 201, body: { ...made, Addresses: [] } } });
    const result = await run('client', 'add', 'alice', '-o', join(folder, 'bundle'));
    expect(result.errors).toMatch(/listens on no TCP address yet; start it with --host tcp:\/\/0\.0\.0\.0:2376/);
  });

  it('and its role is one of two', async () => {
    await serve({});
    expect(await run('client', 'add', 'alice', '--role', 'king')).toMatchObject({ exitCode: 2 });
  });
});

it('client ls and rm', async () => {
  const clients = [
    { ID: 'c2', Name: 'bob', Role: 'admin', CreatedAt: '2026-01-01T00:00:00Z', ExpiresAt: '2025-01-01T00:00:00Z' },
    { ID: 'c1', Name: 'alice', Role: 'read-only', CreatedAt: '2026-01-01T00:00:00Z', ExpiresAt: '2027-01-01T00:00:00Z', OldRoot: false },
    { ID: 'c3', Name: 'carl', Role: 'admin', CreatedAt: '2026-01-01T00:00:00Z', ExpiresAt: '2027-01-01T00:00:00Z', OldRoot: true },
  ];
  await serve({ 'GET /x/clients': { status: 200, body: clients }, 'DELETE /x/clients/bob': { status: 204 } });
  expect((await run('client', 'ls')).output).toBe(
    'ID        NAME      ROLE        CREATED       EXPIRES\nc1        alice     read-only   2 hours ago   2027-01-01\nc2        bob       admin       2 hours ago   expired\nc3        carl      admin       2 hours ago   2027-01-01 (old root: renew)\n',
  );
  expect(await run('client', 'rm', 'bob', 'carol')).toMatchObject({ exitCode: 1, output: 'bob\n' });
});

describe('completion', () => {
  const meta = { Version: { Index: 7 }, CreatedAt: '2026-01-01T00:00:00Z', UpdatedAt: '2026-01-01T01:00:00Z' };
  it('knows tasks and clients by name', async () => {
    await serve({
      'GET /tasks': { status: 200, body: [{ ...meta, ID: 't1', Slot: 1, ServiceID: 's1', Spec: {}, Status: { State: 'running' } }] },
      'GET /services': { status: 200, body: [{ ...meta, ID: 's1', Spec: { Name: 'web' } }] },
      'GET /nodes': { status: 200, body: [] },
      'GET /x/clients': { status: 200, body: [{ Name: 'alice' }, { Name: 'bob' }] },
    });
    expect((await run('__complete', '--', 'exec', '')).output).toBe('web.1\n');
    expect((await run('__complete', '--', 'client', 'rm', 'b')).output).toBe('bob\n');
  });

  it('asks the daemon that the words name, for the revisions of the stack that they name', async () => {
    await serve({ 'GET /x/stacks/shop/revisions': { status: 200, body: [{ number: 12 }, { number: 7 }] } });
    const words = ['__complete', '--', '--host', api.host, 'stack', 'rollback', 'shop', ''];
    expect(await runWords(words, { host: 'unix:///nowhere', clock })).toMatchObject({ exitCode: 0, output: '12\n7\n' });
  });
});

describe('client renew and update', () => {
  const made = {
    ID: 'c1',
    Name: 'alice',
    Role: 'admin',
    CreatedAt: '2026-01-01T00:00:00Z',
    ExpiresAt: '2027-01-01T00:00:00Z',
    OldRoot: false,
    Certificate: 'CERT',
    RootCertificate: 'ROOT',
    Addresses: [],
  };

  it('keeps the key, and replaces the certificate and the roots', async () => {
    await serve({
      'POST /x/clients': { status: 201, body: made },
      'POST /x/clients/alice/renew': { status: 200, body: { ...made, Certificate: 'NEW' } },
    });
    const target = join(folder, 'bundle');
    await run('client', 'add', 'alice', '-o', target);
    const key = await readFile(join(target, 'key.pem'), 'utf8');
    expect(await run('client', 'renew', 'alice', '-f', target)).toMatchObject({
      exitCode: 0,
      output: 'Client alice may use the API until 2027-01-01.\n',
    });
    expect(await readFile(join(target, 'key.pem'), 'utf8')).toBe(key);
    expect(await readFile(join(target, 'cert.pem'), 'utf8')).toBe('NEW');
    expect(await readdir(target)).toEqual(['ca.pem', 'cert.pem', 'key.pem']);
  });

  it('says where it looked for the key', async () => {
    await serve({});
    expect(await run('client', 'renew', 'alice', '-f', join(folder, 'none'))).toMatchObject({
      exitCode: 2,
      errors: expect.stringMatching(/none\/key\.pem.*with -f/),
    });
  });

  it('changes the role', async () => {
    await serve({ 'POST /x/clients/alice/update': { status: 200 } });
    expect(await run('client', 'update', 'alice', '--role', 'read-only')).toMatchObject({ exitCode: 0 });
    expect(api.requests[0]?.body).toEqual({ Role: 'read-only' });
    expect(await run('client', 'update', 'alice')).toMatchObject({ exitCode: 2, errors: expect.stringContaining('nothing to change') });
  });
});

describe('ca', () => {
  const tls = (root: string, issuer: string) => ({ TrustRoot: root, CertIssuerSubject: issuer, CertIssuerPublicKey: issuer });
  const meta = { Version: { Index: 7 }, CreatedAt: '', UpdatedAt: '' };
  const swarm = (TLSInfo: object, RootRotationInProgress = false) => ({
    ...meta,
    ID: 'c',
    Spec: { Labels: { a: 'b' }, CAConfig: { ForceRotate: 2, NodeCertExpiry: 1 } },
    TLSInfo,
    RootRotationInProgress,
    JoinTokens: {},
  });
  const node = (Hostname: string, TLSInfo: object, State = 'ready') => ({
    ...meta,
    ID: Hostname,
    Spec: {},
    Description: { Hostname, TLSInfo },
    Status: { State },
  });

  it('prints the root', async () => {
    await serve({ 'GET /swarm': { status: 200, body: swarm(tls('ROOT\n', 'r')) } });
    expect(await run('ca')).toMatchObject({ exitCode: 0, output: 'ROOT\n' });
    expect(await run('ca', '--cert-expiry', '2h')).toMatchObject({
      exitCode: 2,
      errors: expect.stringContaining('--cert-expiry changes the root; give --rotate'),
    });
    expect(await run('ca', '--rotate', '--ca-cert', 'x')).toMatchObject({
      exitCode: 2,
      errors: expect.stringContaining('belong together'),
    });
    expect(await run('ca', '--rotate', '--external-ca', 'x')).toMatchObject({
      exitCode: 2,
      errors: expect.stringContaining('external CAs are not available'),
    });
  });

  it('replaces it, names the nodes it waits for, and prints the new one when all have renewed', async () => {
    const looks = [
      { swarm: swarm(tls('OLD', 'old')), nodes: [] },
      { swarm: swarm(tls('OLD', 'new'), true), nodes: [node('a', tls('OLD', 'new')), node('b', tls('OLD', 'old'), 'down')] },
      { swarm: swarm(tls('NEW', 'new')), nodes: [node('a', tls('OLD', 'new')), node('b', tls('NEW', 'new'))] },
      { swarm: swarm(tls('NEW', 'new')), nodes: [node('a', tls('NEW', 'new')), node('b', tls('NEW', 'new'))] },
    ];
    let look = -1;
    let updated: unknown;
    api = await startFakeApi(({ method, path, body }) => {
      if (path === '/swarm/update') updated = body;
      if (method === 'POST') return { status: 200 };
      if (path === '/swarm') look += 1;
      return { status: 200, body: path === '/swarm' ? looks[look]?.swarm : looks[look]?.nodes };
    });
    const result = await run('ca', '--rotate', '--cert-expiry', '2h');
    expect(result).toMatchObject({
      exitCode: 0,
      output: 'NEW\n',
      errors: '1 of 2 nodes are ready; waiting for b (down)\n1 of 2 nodes are ready; waiting for a\n',
    });
    expect(updated).toEqual({ Labels: { a: 'b' }, CAConfig: { ForceRotate: 3, NodeCertExpiry: 7_200_000_000_000 } });
  });
});
