import { execFile } from 'node:child_process';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listenApi } from './listen-api.ts';
import { startTestApi, type TestApi } from './testing/cluster.ts';
import { startTrivialWorker } from './testing/trivial-worker.ts';

/** The docker CLI itself against our API, with tasks that run at once and no engine. Every CLI of this machine is tried. */
const CANDIDATES = ['/usr/local/bin/docker', '/usr/bin/docker'];
const present = await Promise.all(
  CANDIDATES.map((path) =>
    access(path).then(
      () => [path],
      () => [],
    ),
  ),
);
const clients = present.flat();
const run = promisify(execFile);

let api: TestApi;
let directory: string;
let stopWorker: () => void;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'docker-cli-'));
  api = await startTestApi();
  stopWorker = startTrivialWorker(api.store);
  await listenApi(api.app, join(directory, 'docker.sock'), silentLogger);
});

afterAll(async () => {
  stopWorker();
  await api.app.close();
  await rm(directory, { recursive: true });
});

test('a docker CLI is installed: without one this file says nothing', () => {
  expect(clients).not.toEqual([]);
});

describe.each(clients)('%s', (client) => {
  async function docker(...args: readonly string[]): Promise<string> {
    const { stdout } = await run(client, args, {
      env: { DOCKER_HOST: `unix://${join(directory, 'docker.sock')}`, HOME: directory, PATH: '/usr/bin:/bin' },
    });
    return stdout.trim();
  }
  const refused = (...args: readonly string[]) =>
    docker(...args).then(
      () => '',
      (error: { stderr: string }) => error.stderr,
    );

  test('create, wait, update, scale, roll back and remove a service', async () => {
    await docker('service', 'create', '--name', 'web', '--replicas', '2', '--no-resolve-image', '--update-monitor', '1ms', 'busybox');
    expect(await docker('service', 'ls', '--format', '{{.Name}} {{.Mode}} {{.Replicas}}')).toBe('web replicated 2/2');
    expect(await docker('service', 'ps', 'web', '--format', '{{.Name}} {{.Node}} {{.DesiredState}}')).toBe(
      'web.1 boss Running\nweb.2 boss Running',
    );
    await docker('service', 'update', '--env-add', 'A=1', '--no-resolve-image', 'web');
    expect(await docker('service', 'inspect', 'web', '--format', '{{.Spec.TaskTemplate.ContainerSpec.Env}}')).toBe('[A=1]');
    await docker('service', 'scale', 'web=3');
    expect(await docker('service', 'ls', '--format', '{{.Replicas}}')).toBe('3/3');
    await docker('service', 'rollback', 'web');
    expect(await docker('service', 'ls', '--format', '{{.Replicas}}')).toBe('2/2');
    expect(await docker('service', 'inspect', '--pretty', 'web')).toMatch(/Service Mode:\s+Replicated/);
    await docker('service', 'rm', 'web');
    expect(await docker('service', 'ls', '-q')).toBe('');
  });

  test('deploy a stack twice: the second time restarts nothing; then remove it', async () => {
    const file = join(directory, 'stack.yml');
    const stack = {
      version: '3.8',
      services: {
        web: {
          image: 'busybox',
          configs: ['c'],
          secrets: ['s'],
          ports: [{ target: 80, published: 8080, mode: 'host' }],
          deploy: { replicas: 2 },
        },
      },
      configs: { c: { file } },
      secrets: { s: { file } },
    };
    await writeFile(file, JSON.stringify(stack));
    const deploy = () => docker('stack', 'deploy', '--resolve-image=never', '-c', file, 'st');
    await deploy();
    const before = await docker('stack', 'ps', '-q', 'st');
    await deploy();
    expect(await docker('stack', 'ps', '-q', 'st')).toBe(before);
    expect(await docker('stack', 'services', 'st', '--format', '{{.Name}} {{.Replicas}}')).toBe('st_web 2/2');
    expect(await docker('stack', 'ls', '--format', '{{.Name}} {{.Services}}')).toBe('st 1');
    expect(await docker('network', 'ls', '--filter', 'scope=swarm', '--format', '{{.Name}}')).toBe('st_default');
    await docker('stack', 'rm', 'st');
    for (const list of ['service', 'secret', 'config', 'network']) expect(await docker(list, 'ls', '-q')).toBe('');
  });

  test('the cluster, its nodes and its tokens', async () => {
    expect(await docker('node', 'ls', '--format', '{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}} {{.Self}}')).toBe(
      'boss Ready Active Leader true',
    );
    await docker('node', 'update', '--label-add', 'zone=a', 'boss');
    expect(await docker('node', 'inspect', 'self', '--format', '{{.Spec.Labels}}')).toBe('map[zone:a]');
    const token = await docker('swarm', 'join-token', '-q', 'worker');
    expect(await docker('swarm', 'join-token', '-q', '--rotate', 'worker')).not.toBe(token);
    expect(await refused('node', 'demote', 'boss')).toContain('attempting to demote the last manager of the swarm');
    expect(await refused('swarm', 'init')).toContain('This node is already part of a swarm');
  });

  test('what is refused is said in words that help', async () => {
    const create = (name: string, ...flags: string[]) => [
      'service',
      'create',
      '-d',
      '--name',
      name,
      ...flags,
      '--no-resolve-image',
      'busybox',
    ];
    expect(await refused(...create('p', '-p', '80:80'))).toContain('no ingress network is present');
    expect(await refused('service', 'inspect', 'nope')).toMatch(/no such service: nope/i);
    expect(await refused(...create('p', '--network', 'nope'))).toMatch(/network nope not found|no such network: nope/i);
  });
});
