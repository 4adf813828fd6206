import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { loadStack, type StackLoad, type StackSpec } from '@swarm/shared/compose/load-stack';
import { parseAnyYaml } from '@swarm/shared/compose/yaml-patient';
import { afterAll, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../testing/cluster.ts';

/** Stack files of real projects, from the file to the manager's store: each deploys, or is refused for what it names itself. */
interface RealCase {
  readonly case: string;
  readonly files: readonly string[];
  /** In the repository it comes from: relative paths stand against the first one's directory. */
  readonly paths: readonly string[];
  readonly env: { readonly [name: string]: string };
  readonly docker_28_2_2: 'accepted' | 'rejected';
}

const fixtures = new URL('../../../../shared/src/compose/fixtures/', import.meta.url);
const fixture = (path: string) => new URL(path, fixtures);
const manifest = JSON.parse(readFileSync(fixture('manifest.json'), 'utf8')) as { global_env: Record<string, string>; cases: RealCase[] };

/** What no cluster, or no reader, can do with the file as it stands; the rest must deploy. */
const REFUSED: { readonly [start: string]: readonly string[] } = {
  'dockersamples+example-voting-app__docker-compose.yml': ['result', 'vote', 'worker'].map(withoutImage),
  'docker+awesome-compose__plex': ['services.plex.volumes.0: invalid spec: :/media/: empty section between colons'],
  'docker+awesome-compose__traefik-golang': [withoutImage('backend')],
  'docker+cli__cli__compose__loader__full-example': [
    'service foo: undefined volume "datavolume"',
    'service foo: undefined network "other-other-network"',
  ],
  'compose-spec+compose-go__loader__testdata__include': ['file /base/dir/loader/testdata/include/included.yaml not found'],
  'compose-spec+compose-go__loader__testdata__combined': ['file /base/dir/loader/testdata/combined/dir/included.yaml not found'],
  // Its images' tags come from a variable that is not set.
  'n8n-io+n8n-hosting__docker-compose__withPostgresAndWorker': [
    ['n8n', 'docker.n8n.io/n8nio/n8n:'],
    ['n8n-runner', 'n8nio/runners:'],
    ['n8n-worker', 'docker.n8n.io/n8nio/n8n:'],
    ['n8n-worker-runner', 'n8nio/runners:'],
  ].map(([service, image]) => `invalid image reference for service ${service}: invalid reference format ("${image}")`),
};

function withoutImage(service: string): string {
  return `invalid image reference for service ${service}: no image specified; name one under "image", as a cluster builds none`;
}

interface Verdict {
  readonly strict: 'accepted' | 'refused';
  readonly dialect: 'legacy' | 'spec' | 'none';
  /** `deployed`, or all that is wrong with it. */
  readonly outcome: string;
}
const verdicts: Verdict[] = [];

test.each(manifest.cases.map((each) => [each.case, each] as const))('%s', async (name, each) => {
  const strict = load(each, true);
  const lenient = load(each, false);
  const verdict: Verdict = {
    strict: strict.kind === 'loaded' ? 'accepted' : 'refused',
    dialect: lenient.kind === 'loaded' ? lenient.dialect : 'none',
    outcome: lenient.kind === 'loaded' ? await deploy(lenient.stack) : lenient.problems.map(({ message }) => message).join('\n'),
  };
  verdicts.push(verdict);
  const isDockers = each.docker_28_2_2 === 'accepted';
  expect(verdict.strict).toBe(isDockers ? 'accepted' : 'refused');
  if (isDockers) expect(verdict.dialect).toBe('legacy');
  expect(verdict.outcome).toBe(
    Object.entries(REFUSED)
      .find(([start]) => name.startsWith(start))?.[1]
      .join('\n') ?? 'deployed',
  );
});

afterAll(() => {
  const count = (is: (verdict: Verdict) => boolean) => verdicts.filter(is).length;
  const deployed = count(({ outcome }) => outcome === 'deployed');
  console.log(
    `real stack files: ${verdicts.length} of ${manifest.cases.length} looked at; as Docker reads them ${count(({ strict }) => strict === 'accepted')} accepted, by the Compose Specification ${count(({ dialect }) => dialect === 'spec')} more; ${deployed} deploy, ${verdicts.length - deployed} name what is wrong with them`,
  );
});

function load(each: RealCase, strictDocker: boolean): StackLoad {
  const workingDirectory = posix.join('/base/dir', posix.dirname(each.paths[0] ?? ''));
  return loadStack({
    stackName: 'st',
    files: each.files.map((path) => ({ path, bytes: readFileSync(fixture(`real/${encodeURIComponent(path)}`)) })),
    workingDirectory,
    environment: { HOME: '/root', ...manifest.global_env, ...each.env },
    homeDirectory: '/root',
    parseYaml: parseAnyYaml,
    // What stands beside it was not recorded: any content serves, but for what would be a stack file itself.
    readFile: (path) => (BESIDE.test(path) ? undefined : Buffer.from('STUB=1\n')),
    strictDocker,
  });
}

const BESIDE = /\/(?:included\.yaml|\.env)$/;

/** `deployed`, or the manager's own words. What the file expects to exist is made first. */
async function deploy(stack: StackSpec): Promise<string> {
  const api = await startTestApi();
  // Every cluster has one from its beginning.
  await post(api, '/networks/create', { Name: 'ingress', Driver: 'overlay', Ingress: true });
  for (const Name of stack.external.networks.filter((network) => !PREDEFINED.has(network)))
    await post(api, '/networks/create', { Name, Driver: 'overlay', Attachable: true });
  for (const kind of ['secrets', 'configs'] as const)
    for (const Name of stack.external[kind]) await post(api, `/${kind}/create`, { Name, Data: 'AAAA' });
  const { status, message } = await post(api, `/x/stacks/${stack.name}`, { stack });
  if (status !== 200) return `by the manager: ${message}`;
  const stored = api.store.view((tx) => tx.services.all().map((service) => service.Spec.Name));
  return stored.sort().join() === Object.keys(stack.services).sort().join() ? 'deployed' : `stored: ${stored.join()}`;
}

const PREDEFINED = new Set(['host', 'bridge', 'none']);

async function post(api: TestApi, url: string, body: object): Promise<{ readonly status: number; readonly message: string }> {
  const reply = await api.app.inject({
    method: 'POST',
    url,
    payload: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return { status: reply.statusCode, message: reply.json<{ message?: string }>().message ?? '' };
}
