import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import { listenApi } from '@swarm/manager/api/listen-api';
import { startTestApi, type TestApi } from '@swarm/manager/api/testing/cluster';
import { loadStack } from '@swarm/shared/compose/load-stack';
import { parseAnyYaml } from '@swarm/shared/compose/yaml-patient';
import { asID } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runWords } from '../command/testing.ts';

/**
 * `docker stack deploy` itself and `swarm stack deploy` of the same files against the same manager: what is stored is
 * equal, and a deploy by either after the other renews no task. Every docker CLI of this machine is tried.
 */
const clients = ['/usr/local/bin/docker', '/usr/bin/docker'].filter((path) => existsSync(path));
const run = promisify(execFile);

interface Case {
  readonly name: string;
  /** Path below the case's directory → content. */
  readonly files: { readonly [path: string]: string | Uint8Array };
  /** The stack files, in order. The first one's directory is the working directory. */
  readonly order: readonly string[];
  readonly env: { readonly [name: string]: string };
}

const fixtures = new URL('../../../shared/src/compose/fixtures/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path.split('/').map(encodeURIComponent).join('/'), fixtures));
const micro = JSON.parse(String(read('micro-cases.json'))) as { readonly cases: readonly (Case & { readonly ok: boolean })[] };
interface RealCase {
  readonly case: string;
  readonly files: readonly string[];
  readonly paths: readonly string[];
  readonly env: { readonly [name: string]: string };
  readonly docker_28_2_2: 'accepted' | 'rejected';
}
const real = JSON.parse(String(read('manifest.json'))) as { readonly global_env: Case['env']; readonly cases: readonly RealCase[] };

const cases: readonly Case[] = [
  ...micro.cases.filter(({ ok }) => ok),
  ...real.cases
    .filter(({ docker_28_2_2 }) => docker_28_2_2 === 'accepted')
    .map((each) => ({
      name: each.case,
      files: {
        ...Object.fromEntries(each.paths.map((path, index) => [path, read(`real/${each.files[index]}`)])),
      },
      order: each.paths,
      env: { ...real.global_env, ...each.env },
    })),
];

let api: TestApi;
let directory: string;
let socket: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'stack-differential-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('a docker CLI is installed: without one this file says nothing', () => {
  expect(clients).not.toEqual([]);
});

async function freshManager(): Promise<void> {
  await api?.app.close();
  api = await startTestApi();
  // As every cluster has one.
  await api.store.update((tx) =>
    tx.networks.create({ ID: asID('ingress'), Spec: { Name: 'ingress', Driver: 'overlay', Ingress: true, Labels: {} } }),
  );
  socket = join(directory, 'docker.sock');
  rmSync(socket, { force: true });
  await listenApi(api.app, socket, silentLogger);
}

/** CLIs before 24 take no file without a version; the same file is then given to both. */
function withVersion(content: string | Uint8Array): string {
  const text = Buffer.from(content).toString('utf8');
  return /^version:/m.test(text) ? text : `version: "3.9"\n${text}`;
}
const needsVersion = new Map<string, boolean>();
for (const client of clients) {
  const { stdout } = await run(client, ['--version']);
  needsVersion.set(client, Number(/version (\d+)/.exec(stdout)?.[1]) < 24);
}

function writeCase(client: string, each: Case): { readonly root: string; readonly paths: readonly string[] } {
  const root = mkdtempSync(join(directory, 'case-'));
  for (const [path, content] of Object.entries(each.files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), needsVersion.get(client) && each.order.includes(path) ? withVersion(content) : content);
  }
  const working = join(root, posix.dirname(each.order[0] ?? ''));
  return { root: working, paths: each.order.map((path) => join(root, path)) };
}

/** What the stack takes for granted is made first, by the names that our loader finds. */
async function makeExternals(each: Case, root: string, paths: readonly string[]): Promise<void> {
  const load = loadStack({
    stackName: 'st',
    files: paths.map((path) => ({ path, bytes: readFileSync(path) })),
    workingDirectory: root,
    environment: each.env,
    parseYaml: parseAnyYaml,
    homeDirectory: directory,
    readFile: (path) => (existsSync(path) ? readFileSync(path) : undefined),
    strictDocker: true,
  });
  if (load.kind === 'invalid') return;
  const { networks, secrets, configs } = load.stack.external;
  await api.store.update((tx) => {
    for (const Name of networks) if (Name !== 'ingress') tx.networks.create({ ID: asID(`net-${Name}`), Spec: { Name, Driver: 'overlay' } });
    for (const Name of secrets) tx.secrets.create({ ID: asID(`secret-${Name}`), Spec: { Name, Labels: {}, Data: 'eA==' } });
    for (const Name of configs) tx.configs.create({ ID: asID(`config-${Name}`), Spec: { Name, Labels: {}, Data: 'eA==' } });
  });
}

/** Everything stored, with names in the place of the ids that each manager gives anew. */
function stored(): unknown {
  return api.store.view((tx) => {
    const names = new Map<string, string>();
    for (const table of [tx.networks, tx.secrets, tx.configs] as const) for (const { ID, Spec } of table.all()) names.set(ID, Spec.Name);
    const specs = (list: readonly { readonly Spec: { readonly Name: string } }[]) =>
      Object.fromEntries(list.map(({ Spec }) => [Spec.Name, Spec]));
    const all = {
      networks: specs(tx.networks.all()),
      secrets: specs(tx.secrets.all()),
      configs: specs(tx.configs.all()),
      services: specs(tx.services.all()),
    };
    return JSON.parse(JSON.stringify(all, (_key, value: unknown) => (typeof value === 'string' ? (names.get(value) ?? value) : value)));
  });
}
const templates = () => api.store.view((tx) => tx.services.all().map(({ Spec, templateID }) => `${Spec.Name} ${templateID}`));

interface Outcome {
  readonly ok: boolean;
  readonly text: string;
}

/** With companion files made as they are found to be missing: the real ones are not kept here. */
async function byDocker(client: string, each: Case, root: string, paths: readonly string[]): Promise<Outcome> {
  for (;;) {
    const outcome = await tryDocker(client, each, root, paths);
    const missing = outcome.ok ? undefined : /open (\S+): no such file or directory/.exec(outcome.text)?.[1];
    if (missing === undefined || !missing.startsWith(directory) || existsSync(missing)) return outcome;
    mkdirSync(dirname(missing), { recursive: true });
    writeFileSync(missing, 'STUB=1\n');
  }
}

async function tryDocker(client: string, each: Case, root: string, paths: readonly string[]): Promise<Outcome> {
  const files = paths.flatMap((path) => ['-c', path]);
  try {
    const { stdout } = await run(client, ['stack', 'deploy', '--resolve-image', 'never', ...files, 'st'], {
      cwd: root,
      env: { ...each.env, DOCKER_HOST: `unix://${socket}`, HOME: directory, PATH: '/usr/bin:/bin' },
    });
    return { ok: true, text: stdout };
  } catch (error) {
    return { ok: false, text: (error as { readonly stderr?: string }).stderr ?? String(error) };
  }
}

async function bySwarm(each: Case, root: string, paths: readonly string[]): Promise<Outcome> {
  const words = ['stack', 'deploy', '-d', '--strict-docker', '--resolve-image', 'never', ...paths.flatMap((path) => ['-c', path]), 'st'];
  const { exitCode, errors, output } = await runWords(words, {
    host: `unix://${socket}`,
    environment: each.env,
    workingDirectory: root,
    homeDirectory: directory,
  });
  return { ok: exitCode === 0, text: exitCode === 0 ? output : errors };
}

/** Per client: an older one refuses newer versions of the format, and a case that it refuses compares nothing. */
const compared = new Map<string, number>();
const refusals: string[] = [];
afterAll(() => console.log(refusals.join('\n')));

/** Where CLIs before 24 and newer ones disagree between themselves, we follow the newer. */
const OLD_WAYS = new Set([
  'env scalar: 2024-01-01',
  'merge: volumes keyed by target',
  'merge: command/entrypoint',
  'merge: healthcheck test appended',
  'merge: zero durations lose',
]);

describe.each(clients)('%s', (client) => {
  const own = cases.filter(({ name }) => !needsVersion.get(client) || !OLD_WAYS.has(name));
  test.each(own.map((each) => [each.name, each] as const))('%s', async (_name, each) => {
    const { root, paths } = writeCase(client, each);
    await freshManager();
    await makeExternals(each, root, paths);
    const theirs = await byDocker(client, each, root, paths);
    if (!theirs.ok) {
      // An older CLI knows fewer versions of the format; what the manager refuses, it refuses in either way.
      refusals.push(`${client} ${each.name}: ${theirs.text.trim().split('\n').slice(-2).join(' ')}`);
      if (/error (response )?from daemon/i.test(theirs.text)) expect(await bySwarm(each, root, paths)).toMatchObject({ ok: false });
      return;
    }
    compared.set(client, (compared.get(client) ?? 0) + 1);
    const made = stored();
    const before = templates();
    expect(await bySwarm(each, root, paths)).toMatchObject({ ok: true });
    expect([stored(), templates()]).toEqual([made, before]);

    await freshManager();
    await makeExternals(each, root, paths);
    expect(await bySwarm(each, root, paths)).toMatchObject({ ok: true });
    expect(stored()).toEqual(made);
    const ours = templates();
    expect(await byDocker(client, each, root, paths)).toMatchObject({ ok: true });
    expect([stored(), templates()]).toEqual([made, ours]);
  });

  test('most cases were compared', () => {
    expect(compared.get(client) ?? 0).toBeGreaterThan(cases.length * 0.4);
  });
});
