import { readFileSync } from 'node:fs';
import type { ServiceSpec } from '@swarm/shared/engine-api/service-spec';
import { describe, expect, it } from 'vitest';
import { defineCommand } from '../command/command.ts';
import { parseWords } from '../command/program.ts';
import { recordingTerminal } from '../command/testing.ts';
import { buildServiceDraft, type CreateOptions } from './create-spec.ts';
import { CREATE_OPTIONS, UPDATE_OPTIONS } from './options.ts';
import { configReference, parseFileReference, parseNetwork, secretReference } from './references.ts';
import { applyUpdate, type UpdateOptions } from './update-spec.ts';

// `--log-opt` without `--log-driver` is dropped in silence there, and refused here.
const SAME = (row: { words: readonly string[] }) => !['--rollback', '--log-opt'].some((word) => row.words.includes(word));

// What Docker's own CLI (28.2) posted to a recording socket for the same words. Ids there are `id-<name>`.
const creates: readonly { words: readonly string[]; posted: ServiceSpec }[] = fixture('docker-create.json');
const updates: { before: ServiceSpec; updates: readonly { words: readonly string[]; posted: ServiceSpec }[] } =
  fixture('docker-update.json');

const environment = { FOO: 'from-env' };
const ENV_FILE = '# comment\nB=2\n\nFOO\nNOPE\nC=x y\n';

function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8'));
}

describe('service create posts what docker service create posts', () => {
  it.each(creates.map((row) => [row.words.join(' '), row] as const))('%s', async (_, { words, posted }) => {
    const { args, options } = await parseCreate(words);
    const { spec, secrets, configs } = buildServiceDraft({
      image: args[0] ?? '',
      args: args.slice(1),
      options,
      environment,
      envFiles: options['env-file'].map(() => ENV_FILE),
    });
    const container = {
      ...spec.TaskTemplate?.ContainerSpec,
      ...(secrets.length > 0 && { Secrets: secrets.map((reference) => secretReference(reference, `id-${reference.source}`)) }),
      ...(configs.length > 0 && { Configs: configs.map((reference) => configReference(reference, `id-${reference.source}`)) }),
    };
    expect(comparable({ ...spec, TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: container } })).toEqual(comparable(posted));
  });
});

describe('service update posts what docker service update posts', () => {
  it.each(updates.updates.filter(SAME).map((row) => [row.words.join(' '), row] as const))('%s', async (_, row) => {
    const { options } = await parseUpdate(row.words);
    const spec = applyUpdate(
      updates.before,
      options,
      {
        secrets: options['secret-add'].map((text) => reference('secret', text, secretReference)),
        configs: options['config-add'].map((text) => reference('config', text, configReference)),
        networks: options['network-add'].map((text) => ({
          ...parseNetwork('network-add', text),
          Target: `id-${parseNetwork('', text).Target}`,
        })),
        leftNetworks: new Set(options['network-rm'].map((name) => `id-${name}`)),
      },
      environment,
    );
    expect(comparable(spec)).toEqual(comparable(row.posted));
  });

  it('changes nothing when it is applied a second time', async () => {
    for (const row of updates.updates.filter(
      (update) => SAME(update) && !update.words.includes('--force') && !update.words.some((word) => word.startsWith('--cap-')),
    )) {
      const { options } = await parseUpdate(row.words);
      const names = { secrets: [], configs: [], networks: [], leftNetworks: new Set<string>() };
      const once = applyUpdate(updates.before, options, names, environment);
      expect(applyUpdate(once, options, names, environment), row.words.join(' ')).toEqual(once);
    }
  });
});

it.each([
  ['as a stack makes it', { Resources: {}, Placement: {} }],
  ['as service create makes it', { Resources: { Limits: {}, Reservations: {} }, Placement: {} }],
  ['with a limit only', { Resources: { Limits: { MemoryBytes: 8_000_000 } } }],
  ['with a reservation only', { Resources: { Reservations: { MemoryBytes: 8_000_000 } } }],
  ['with nothing', {}],
])('a label that is added changes nothing of the tasks: a service %s', async (_what, task) => {
  const names = { secrets: [], configs: [], networks: [], leftNetworks: new Set<string>() };
  const before: ServiceSpec = { ...updates.before, TaskTemplate: { ContainerSpec: { Image: 'x' }, ForceUpdate: 0, ...task } };
  const { options } = await parseUpdate(['--label-add', 'a=b', 'web']);
  expect(applyUpdate(before, options, names, {}).TaskTemplate).toEqual(before.TaskTemplate);
});

describe('service update takes away what Docker takes away', () => {
  const Hosts = ['1.1.1.1 a', '2.2.2.2 b c', '3.3.3.3 a'];
  const Ports = [
    { Protocol: 'tcp', TargetPort: 80, PublishedPort: 8080, PublishMode: 'ingress' },
    { Protocol: 'udp', TargetPort: 80, PublishedPort: 8080, PublishMode: 'ingress' },
  ] as const;
  const names = { secrets: [], configs: [], networks: [], leftNetworks: new Set<string>() };
  const updated = async (words: string) => {
    const before: ServiceSpec = { ...updates.before, TaskTemplate: { ContainerSpec: { Image: 'x', Hosts } }, EndpointSpec: { Ports } };
    const { TaskTemplate, EndpointSpec } = applyUpdate(before, (await parseUpdate([...words.split(' '), 'web'])).options, names, {});
    return { hosts: TaskTemplate.ContainerSpec?.Hosts, ports: EndpointSpec?.Ports?.map(({ Protocol }) => Protocol) };
  };

  it.each([
    ['--host-rm a:1.1.1.1', ['2.2.2.2 b c', '3.3.3.3 a']],
    ['--host-rm a', ['2.2.2.2 b c']],
    ['--host-rm b:2.2.2.2', ['1.1.1.1 a', '2.2.2.2 c', '3.3.3.3 a']],
    ['--host-rm b --host-rm c', ['1.1.1.1 a', '3.3.3.3 a']],
    ['--host-rm a:9.9.9.9', Hosts],
  ])('%s', async (words, hosts) => {
    expect((await updated(words)).hosts).toEqual(hosts);
  });

  it.each([
    ['--publish-rm 80', ['udp']],
    ['--publish-rm 80/udp', ['tcp']],
    ['--publish-rm 8080:80', ['udp']],
    ['--publish-rm published=8080,target=80', ['udp']],
    ['--publish-rm 8080', ['tcp', 'udp']],
  ])('%s', async (words, ports) => {
    expect((await updated(words)).ports).toEqual(ports);
  });
});

const WRONG: readonly (readonly [words: string, message: RegExp])[] = [
  ['--mode global --replicas 2 nginx', /--replicas makes no sense with --mode global/],
  ['--mode foo nginx', /"foo" is not one of replicated, global/],
  ['--max-concurrent 2 nginx', /--mode replicated-job only/],
  ['--generic-resource card=UUID1 nginx', /give a kind and a number/],
  ['--no-healthcheck --health-cmd x nginx', /drop one or the other/],
  ['--limit-cpu abc nginx', /"abc" is no number of CPUs/],
  ['--limit-cpu 0.0000000001 nginx', /up to nine decimal places/],
  ['--limit-cpu -1 nginx', /"-1" is negative/],
  ['--ulimit nofiles=5 nginx', /"nofiles" is no limit that there is; known are core, .*nofile/],
  ['--entrypoint a\\ nginx', /a backslash stands last/],
  ['--limit-memory abc nginx', /"abc" is no size/],
  ['-p 127.0.0.1:80:80 nginx', /names a host address/],
  ['-p abc nginx', /"abc" is no port/],
  ['-p 80-81:90-92 nginx', /not equally long/],
  ['-p published=1,mode=host nginx', /names no target/],
  ['--mount type=bind,source=/a nginx', /names no target/],
  ['--mount bogus=1 nginx', /no key of a mount/],
  ['--mount type=bind,target=/a,tmpfs-size=1m nginx', /type=tmpfs or drop them/],
  ['--restart-delay 5 nginx', /give a number with its unit/],
  ['--replicas -1 nginx', /no whole number of 0 or more/],
  ['--host nocolon nginx', /give name:ip/],
  ['--ulimit x nginx', /no ulimit/],
  ['--ulimit nofile=5:2 nginx', /above the hard one/],
  ['--secret s1 --secret s1 nginx', /two secrets have the target s1/],
  ['--label =x nginx', /no key before/],
  ['--env =x nginx', /no name before/],
  ['--dns foo nginx', /no IP address/],
  ['--placement-pref zone nginx', /spread is the only strategy/],
  ['--log-opt a=b nginx', /needs --log-driver/],
  ['--update-order sideways nginx', /stop-first, start-first/],
];

describe('a wrong flag is refused with what is right', () => {
  it.each(WRONG)('%s', async (words, message) => {
    const { args, options } = await parseCreate(words.split(' '));
    expect(() => buildServiceDraft({ image: args[0] ?? '', args: [], options, environment, envFiles: [] })).toThrow(message);
  });
});

function reference<Ref>(flag: string, text: string, build: (reference: ReturnType<typeof parseFileReference>, id: string) => Ref): Ref {
  const parsed = parseFileReference(flag, text);
  return build(parsed, `id-${parsed.source}`);
}

async function parseCreate(words: readonly string[]): Promise<{ args: readonly string[]; options: CreateOptions }> {
  let seen: { args: readonly string[]; options: CreateOptions } | undefined;
  await parseAs(words, (run) =>
    defineCommand({
      path: ['create'],
      summary: '',
      arguments: [{ name: 'IMAGE' }, { name: 'ARG', optional: true, variadic: true }],
      stopAtArguments: true,
      options: CREATE_OPTIONS,
      run: async ({ args, options }) => {
        seen = { args, options };
        return run();
      },
    }),
  );
  if (seen === undefined) throw new Error(`not parsed: ${words.join(' ')}`);
  return seen;
}

async function parseUpdate(words: readonly string[]): Promise<{ options: UpdateOptions }> {
  let seen: { options: UpdateOptions } | undefined;
  await parseAs(words, (run) =>
    defineCommand({
      path: ['update'],
      summary: '',
      arguments: [{ name: 'SERVICE' }],
      options: UPDATE_OPTIONS,
      run: async ({ options }) => {
        seen = { options };
        return run();
      },
    }),
  );
  if (seen === undefined) throw new Error(`not parsed: ${words.join(' ')}`);
  return seen;
}

async function parseAs(words: readonly string[], build: (run: () => number) => ReturnType<typeof defineCommand>): Promise<void> {
  const command = build(() => 0);
  const terminal = recordingTerminal();
  const parsed = await parseWords([command], [command.path[0] ?? '', ...words], terminal, '0');
  if (parsed.kind !== 'run') throw new Error(terminal.errors);
  await parsed.command.run(parsed.args, parsed.values, refuseContext);
}

const refuseContext = new Proxy({} as never, {
  get: () => {
    throw new Error('parsing touches nothing outside');
  },
});

/**
 * Without what says nothing: empty objects, false and 0 where that is the default. Targets of networks are names here
 * and ids there; lists whose order says nothing are sorted.
 */
function comparable(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => comparable(item));
    return ['Ports', 'Env'].includes(key) ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (typeof value !== 'object' || value === null) return key === 'Target' && typeof value === 'string' ? value.replace(/^id-/, '') : value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, item]) => [name, comparable(item, name)] as const)
      .filter(([name, item]) => item !== undefined && !isEmptyObject(item) && !(item === false && ['TTY', 'ReadOnly'].includes(name)))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}
