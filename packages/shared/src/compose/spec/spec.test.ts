import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadStack, type StackInput, type StackLoad } from '../load-stack.ts';
import { parseAnyYaml } from '../yaml-patient.ts';
import { parseDotenv } from './dotenv.ts';
import { substitute } from './interpolate.ts';

const DIRECTORY = '/project';

function load(
  text: string,
  options: { files?: Record<string, string>; env?: Record<string, string>; profiles?: string[]; more?: string[] } = {},
): StackLoad {
  const files: Record<string, string> = { ...options.files };
  return loadStack({
    stackName: 'st',
    files: [text, ...(options.more ?? [])].map((each, index) => ({ path: `compose-${index}.yaml`, bytes: Buffer.from(each) })),
    workingDirectory: DIRECTORY,
    environment: options.env ?? {},
    parseYaml: parseAnyYaml,
    homeDirectory: '/root',
    readFile: (path) => (files[path] === undefined ? undefined : Buffer.from(files[path])),
    strictDocker: false,
    ...(options.profiles === undefined ? {} : { profiles: options.profiles }),
  });
}

function serviceOf(result: StackLoad, name = 'st_a') {
  if (result.kind === 'invalid') throw new Error(result.problems.map((problem) => problem.message).join('\n'));
  expect(result.dialect).toBe('spec');
  return result.stack.services[name];
}

/** `name:` at the top makes any file one that docker stack refuses. */
const a = (body: string) => `name: p\nservices:\n  a:\n    image: x\n${body.replace(/^/gm, '    ')}\n`;

describe('keys that version 3 refuses reach the task', () => {
  test.each([
    [
      'published ports may be strings and ranges',
      'ports: [{target: 80, published: "8080-8081"}]',
      {
        EndpointSpec: {
          Ports: [
            { PublishedPort: 8080, TargetPort: 80 },
            { PublishedPort: 8081, TargetPort: 80 },
          ],
        },
      },
    ],
    ['environment takes booleans', 'environment: {A: true}', { TaskTemplate: { ContainerSpec: { Env: ['A=true'] } } }],
    [
      'cpus and mem_limit are limits',
      'cpus: 0.5\nmem_limit: 64m',
      { TaskTemplate: { Resources: { Limits: { NanoCPUs: 500_000_000, MemoryBytes: 67_108_864 } } } },
    ],
    [
      'mem_reservation is a reservation',
      'mem_reservation: 1g',
      { TaskTemplate: { Resources: { Reservations: { MemoryBytes: 2 ** 30 } } } },
    ],
    ['scale is replicas', 'scale: 3', { Mode: { Replicated: { Replicas: 3 } } }],
    [
      'tmpfs is a mount',
      'tmpfs: /t:size=1m,mode=700',
      {
        TaskTemplate: { ContainerSpec: { Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o700 } }] } },
      },
    ],
    [
      'shm_size is a tmpfs on /dev/shm',
      'shm_size: 64m\nprofiles: []',
      { TaskTemplate: { ContainerSpec: { Mounts: [{ Type: 'tmpfs', Target: '/dev/shm', TmpfsOptions: { SizeBytes: 67_108_864 } }] } } },
    ],
    [
      'security_opt no-new-privileges is kept',
      'security_opt: ["no-new-privileges:true"]',
      { TaskTemplate: { ContainerSpec: { Privileges: { NoNewPrivileges: true } } } },
    ],
    [
      'group_add, dns_opt and oom_score_adj are kept',
      'group_add: [1000]\ndns_opt: [ndots:0]\noom_score_adj: 5',
      { TaskTemplate: { ContainerSpec: { Groups: ['1000'], DNSConfig: { Options: ['ndots:0'] }, OomScoreAdj: 5 } } },
    ],
    [
      'platform restricts the nodes',
      'platform: linux/arm64',
      { TaskTemplate: { Placement: { Platforms: [{ OS: 'linux', Architecture: 'arm64' }] } } },
    ],
    ['durations may have days', 'stop_grace_period: 1d', { TaskTemplate: { ContainerSpec: { StopGracePeriod: 86_400e9 } } }],
    ['network_mode host attaches to the host network', 'network_mode: host', { TaskTemplate: { Networks: [{ Target: 'host' }] } }],
    [
      'a config mode as a string is octal',
      'configs: [{source: c, mode: "0440"}]\n',
      { TaskTemplate: { ContainerSpec: { Configs: [{ ConfigName: 'st_c', File: { Mode: 0o440 } }] } } },
    ],
  ])('%s', (_name, body, expected) => {
    const result = load(`${a(body)}configs: {c: {content: hello}}\n`);
    expect(serviceOf(result)).toMatchObject(expected);
  });
});

describe('files build on one another', () => {
  test('a later file wins key by key, and lists with an identity replace by it', () => {
    const result = load(a('environment: {A: 1, B: 1}\nports: ["80:80", "53:53/udp"]\ncommand: one'), {
      more: ['services:\n  a:\n    environment: {B: 2}\n    ports: ["80:80", "53:53/tcp"]\n    command: [two]\n'],
    });
    expect(serviceOf(result)).toMatchObject({ TaskTemplate: { ContainerSpec: { Env: ['A=1', 'B=2'], Args: ['two'] } } });
    expect(serviceOf(result)?.EndpointSpec?.Ports?.map((port) => `${port.PublishedPort}/${port.Protocol}`)).toEqual([
      '53/udp',
      '53/tcp',
      '80/tcp',
    ]);
  });

  test('!reset removes what came before, !override replaces it', () => {
    const result = load(a('ports: ["80:80"]\nenvironment: {A: 1, B: 1}'), {
      more: [`services:\n  a:\n    ports: !reset []\n    environment: !override {C: 3, D: "\${D}"}\n`],
      env: { D: 'four' },
    });
    expect(serviceOf(result)).toMatchObject({ EndpointSpec: {}, TaskTemplate: { ContainerSpec: { Env: ['C=3', 'D=four'] } } });
    expect(serviceOf(result)?.EndpointSpec).toEqual({});
  });

  test('extends takes a service of another file, whose paths stand against its own directory', () => {
    const result = load('services:\n  a:\n    extends: {service: base, file: lib/base.yaml}\n    environment: {B: 2}\n', {
      files: {
        '/project/lib/base.yaml': 'services:\n  base:\n    image: x\n    env_file: vars.env\n    volumes: ["./d:/d"]\n',
        '/project/lib/vars.env': 'A="one two" # said\n',
      },
    });
    expect(serviceOf(result)).toMatchObject({
      TaskTemplate: { ContainerSpec: { Env: ['A=one two', 'B=2'], Mounts: [{ Source: '/project/lib/d' }] } },
    });
  });

  test('included files may both define what they share, if they say the same', () => {
    const part = (name: string, driver: string) =>
      `services:\n  ${name}: {image: x, networks: [n]}\n  db: {image: db, dns: [1.1.1.1]}\nnetworks: {n: {driver: ${driver}}}\n`;
    const both = (driver: string) =>
      load('include: [b.yaml, c.yaml]\n', {
        files: { '/project/b.yaml': part('b', 'overlay'), '/project/c.yaml': part('c', driver) },
      });
    expect(serviceOf(both('overlay'), 'st_db')?.TaskTemplate).toMatchObject({
      ContainerSpec: { DNSConfig: { Nameservers: ['1.1.1.1'] } },
    });
    expect(both('bridge')).toMatchObject({
      problems: [{ message: expect.stringContaining('networks.n is defined in both /project/b.yaml and /project/c.yaml, and not alike') }],
    });
  });

  test('one number of CPUs may be written twice, in two ways', () => {
    const service = serviceOf(load(a('cpus: 0.5\ndeploy: {resources: {limits: {cpus: "0.50"}}}')));
    expect(service?.TaskTemplate?.Resources).toEqual({ Limits: { NanoCPUs: 500_000_000 } });
  });

  test('a device and an address that a task cannot have are named', () => {
    const devices = 'deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}';
    const result = load(`${a(`${devices}\nnetworks: {n: {ipv4_address: 10.0.9.9}}`)}networks: {n: }\n`);
    expect(result.kind === 'loaded' && result.warnings.map(({ line, message }) => [line, message])).toEqual([
      [6, 'services.a.networks.n.ipv4_address is ignored: addresses are given by the cluster'],
      [5, expect.stringMatching(/^services\.a\.deploy\.resources\.reservations\.devices is ignored: use /)],
    ]);
  });

  test('a file does not change what it includes without a word; one that is given after it may', () => {
    const files = { '/project/b.yaml': 'services:\n  b: {image: x, environment: {A: "1"}}\n' };
    const over = 'services:\n  b: {image: other}\n';
    expect(load(`include: [b.yaml]\n${over}`, { files })).toMatchObject({
      problems: [{ line: 3, message: expect.stringContaining('services.b is defined in both /project/b.yaml and') }],
    });
    expect(serviceOf(load('include: [b.yaml]\n', { files, more: [over] }), 'st_b')?.TaskTemplate).toMatchObject({
      ContainerSpec: { Image: 'other:latest', Env: ['A=1'] },
    });
  });

  test('label files are under the labels of the service', () => {
    const body = a('label_file: [l.env]\nlabels: {B: "2"}');
    const service = serviceOf(load(body, { files: { '/project/l.env': '# c\nA="1"\nB=0\n' } }));
    expect(service?.TaskTemplate).toMatchObject({ ContainerSpec: { Labels: { A: '1', B: '2' } } });
    expect(load(body)).toMatchObject({ problems: [{ message: 'label file /project/l.env not found; create it', line: 5 }] });
  });

  test('include brings a whole file, with the .env beside it', () => {
    const result = load('include: [sub/compose.yaml]\nservices:\n  a: {image: x}\n', {
      files: { '/project/sub/compose.yaml': `services:\n  b: {image: "y:\${TAG}"}\n`, '/project/sub/.env': 'TAG=7\n' },
    });
    expect(serviceOf(result, 'st_b')).toMatchObject({ TaskTemplate: { ContainerSpec: { Image: 'y:7' } } });
  });

  test('.env of the project gives variables, the environment wins over it', () => {
    const result = load(a(`hostname: "\${H}-\${I}"`), { env: { H: 'shell' }, files: { '/project/.env': 'H=file\nI=file\n' } });
    expect(serviceOf(result)).toMatchObject({ TaskTemplate: { ContainerSpec: { Hostname: 'shell-file' } } });
  });

  test('profiles choose services', () => {
    const text = 'services:\n  a: {image: x}\n  d: {image: x, profiles: [debug]}\n';
    const names = (result: StackLoad) => (result.kind === 'loaded' ? Object.keys(result.stack.services) : result.problems);
    expect(names(load(text))).toEqual(['st_a']);
    expect(names(load(text, { profiles: ['debug'] }))).toEqual(['st_a', 'st_d']);
  });
});

test('what a service waits for is a label on it; a dependency that is not deployed is left out', () => {
  const text = `services:
  a: {image: x, depends_on: {c: {condition: service_healthy, restart: true}, b: {condition: service_completed_successfully}, d: {condition: service_started, required: false}}}
  b: {image: x}
  c: {image: x}
  d: {image: x, profiles: [debug]}
`;
  const label = (result: StackLoad) => serviceOf(result)?.Labels?.['swarm.depends_on'];
  expect(label(load(text))).toBe('st_b:service_completed_successfully,st_c:service_healthy:restart');
  expect(label(load(text, { profiles: ['debug'] }))).toBe(
    'st_b:service_completed_successfully,st_c:service_healthy:restart,st_d:service_started:optional',
  );
  const loaded = load(text);
  expect(loaded.kind === 'loaded' && loaded.warnings).toEqual([]);
});

test('the list of a version 3 file orders nothing, as with Docker', () => {
  const loaded = load('services: {a: {image: x, depends_on: [b]}, b: {image: x}}\n');
  expect(loaded.kind === 'loaded' && loaded.dialect).toBe('legacy');
  expect(loaded.kind === 'loaded' && Object.keys(loaded.stack.services.st_a?.Labels ?? {})).toEqual([
    'com.docker.stack.namespace',
    'com.docker.stack.image',
  ]);
});

describe('a problem names its place and the way out', () => {
  test.each([
    [
      'services that extend one another',
      {},
      'services:\n  a: {extends: b, image: x}\n  b: {extends: a}\n',
      'services.a extends itself: b → a → b',
    ],
    ['a base whose file is missing', {}, 'services:\n  a: {extends: {file: gone.yaml, service: b}}\n', 'file /project/gone.yaml not found'],
    ['a cycle of includes', { '/project/b.yaml': 'include: [b.yaml]\n' }, 'include: [b.yaml]\n', 'include one another'],
    ['a cycle of extends', {}, 'services: {a: {extends: b}, b: {extends: a}}\n', 'extends itself'],
    ['a missing base', {}, 'services: {a: {extends: nope}}\n', 'does not define'],
    [
      'an undefined dependency',
      {},
      'services: {a: {image: x, depends_on: {b: {condition: service_started}}}}\n',
      'depends on undefined service "b"',
    ],
    [
      'a dependency whose profile is off',
      {},
      'services: {a: {image: x, depends_on: [b]}, b: {image: x, profiles: [p]}}\n',
      'profile is not active',
    ],
    [
      'services that wait for each other',
      {},
      'services: {a: {image: x, depends_on: {b: {condition: service_healthy}}}, b: {image: x, depends_on: [c]}, c: {image: x, depends_on: [a]}}\n',
      'in a circle, so that none of them would ever start: a → b → c → a',
    ],
    ['two sources of one config', {}, 'services: {a: {image: x}}\nconfigs: {c: {content: x, environment: E}}\n', 'mutually exclusive'],
    [
      'a variable that is required',
      {},
      `services: {a: {image: "\${NOPE?say which}", profiles: []}}\n`,
      'required variable NOPE is missing a value: say which',
    ],
    ['an unclosed brace', {}, `services: {a: {image: "\${NOPE", profiles: []}}\n`, 'is not closed'],
    ['two words for one limit', {}, 'services: {a: {image: x, cpus: 1, deploy: {resources: {limits: {cpus: "2"}}}}}\n', 'keep one of them'],
    ['a file that is missing', {}, 'include: [gone.yaml]\n', 'file /project/gone.yaml not found'],
  ])('%s', (_name, files, text, message) => {
    const result = load(text, { files: files as Record<string, string> });
    expect(result).toMatchObject({ kind: 'invalid' });
    expect(result.kind === 'invalid' && result.problems.map((problem) => problem.message).join('\n')).toContain(message);
    expect(result.kind === 'invalid' && result.problems[0]?.line).toBeGreaterThan(0);
  });

  test('several mistakes are told at once, each with its line', () => {
    const result = load('version: "3.8"\nservices:\n  a:\n    image: x\n    bogus: 1\n    ports: ["x:y"]\n');
    expect(result.kind === 'invalid' && result.problems.map((problem) => problem.line)).toEqual([5, 6]);
  });
});

test('real files that docker stack refuses load here, or name what a cluster cannot do', () => {
  const fixtures = new URL('../fixtures/', import.meta.url);
  const manifest = JSON.parse(readFileSync(new URL('manifest.json', fixtures), 'utf8')) as {
    global_env: Record<string, string>;
    cases: { case: string; files: string[]; env: Record<string, string>; docker_28_2_2: string }[];
  };
  const names = readdirSync(new URL('real/', fixtures));
  const rejected = manifest.cases.filter((each) => each.docker_28_2_2 === 'rejected');
  const verdicts = rejected.map((each) => {
    const read = (name: string) => (names.includes(name) ? readFileSync(new URL(`real/${encodeURIComponent(name)}`, fixtures)) : undefined);
    const result = loadStack({
      stackName: 'st',
      files: each.files.map((path) => ({ path, bytes: read(path) ?? new Uint8Array() })),
      workingDirectory: DIRECTORY,
      environment: { ...manifest.global_env, ...each.env },
      parseYaml: parseAnyYaml,
      homeDirectory: '/root',
      readFile: (path) =>
        posix.basename(path) === '.env' || path.endsWith('.yaml') || path.endsWith('.yml') ? undefined : Buffer.from('STUB=1\n'),
      strictDocker: false,
    });
    return [each.case.slice(0, 40), result.kind === 'loaded' ? result.dialect : (result.problems[0]?.message ?? '').slice(0, 90)];
  });
  expect(verdicts).toMatchInlineSnapshot(`
    [
      [
        "dockersamples+example-voting-app__docker",
        "invalid image reference for service result: no image specified; name one under "image", as",
      ],
      [
        "dockersamples+example-voting-app__docker",
        "spec",
      ],
      [
        "BretFisher+dogvscat__stack-elk.yml+1more",
        "version mismatched between two composefiles : 3.7 and 3.3",
      ],
      [
        "JackieTreeh0rn+Docker-Swarm-Stacks__Orch",
        "spec",
      ],
      [
        "docker+awesome-compose__plex__compose.ya",
        "services.plex.volumes.0: invalid spec: :/media/: empty section between colons",
      ],
      [
        "docker+awesome-compose__traefik-golang__",
        "invalid image reference for service backend: no image specified; name one under "image", a",
      ],
      [
        "fastapi+full-stack-fastapi-template__com",
        "spec",
      ],
      [
        "fastapi+full-stack-fastapi-template__com",
        "spec",
      ],
      [
        "docker+cli__cli__compose__loader__full-e",
        "service foo: undefined volume "datavolume"",
      ],
      [
        "compose-spec+compose-go__loader__testdat",
        "file /project/included.yaml not found",
      ],
      [
        "compose-spec+compose-go__loader__testdat",
        "spec",
      ],
      [
        "compose-spec+compose-go__loader__testdat",
        "file /project/dir/included.yaml not found",
      ],
      [
        "n8n-io+n8n-hosting__docker-compose__with",
        "invalid image reference for service n8n: invalid reference format ("docker.n8n.io/n8nio/n8",
      ],
    ]
  `);
});

describe('substitution', () => {
  const env: Record<string, string> = { SET: 'val', EMPTY: '' };
  test.each([
    ['$SET', 'val'],
    [`\${UNSET:-\${SET}}`, 'val'],
    [`\${SET:+alt}`, 'alt'],
    [`\${UNSET+alt}`, ''],
    [`\${EMPTY+alt}`, 'alt'],
    ['$SET-x', 'val-x'],
    ['$', '$'],
    ['a$', 'a$'],
    ['$1', '$1'],
    ['$(cmd)', '$(cmd)'],
    ['$$SET', '$SET'],
    [`\${UNSET:-{{.Node.Hostname}}}`, '{{.Node.Hostname}}'],
  ])('%s gives %s', (text, expected) => {
    expect(substitute(text, (name) => env[name])).toBe(expected);
  });
});

test('.env values: quotes, escapes, comments, export, several lines', () => {
  const text = 'A=1 # one\nexport B=\'$A\'\nC="a\\nb $A"\nD="x\ny"\nE=$A#2\n# all of this\nF=\nBARE\n';
  const variables = parseDotenv('.env', text, (name) => (name === 'BARE' ? 'own' : undefined));
  expect([...variables]).toEqual([
    ['A', '1'],
    ['B', '$A'],
    ['C', 'a\nb 1'],
    ['D', 'x\ny'],
    ['E', '1#2'],
    ['F', ''],
    ['BARE', 'own'],
  ]);
});

describe('no input crashes the loader', () => {
  const input = (bytes: Uint8Array): StackInput => ({
    stackName: 'st',
    files: [{ path: 'f', bytes }],
    workingDirectory: DIRECTORY,
    environment: {},
    parseYaml: parseAnyYaml,
    homeDirectory: '/root',
    readFile: () => undefined,
    strictDocker: false,
  });
  const words = [
    'services',
    'a',
    'image',
    'x',
    'deploy',
    'ports',
    'extends',
    'include',
    'environment',
    'networks',
    'volumes',
    '<<',
    'configs',
    'depends_on',
    'version',
    '3.8',
    'healthcheck',
    'test',
    'file',
    'path',
    'labels',
    'ulimits',
    'resources',
    'limits',
    'name',
    'external',
  ];
  const value = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(...words),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.string(),
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom(...words), tie('tree'), { maxKeys: 6 }),
    ),
  })).tree;

  test('whatever the tree', () => {
    fc.assert(
      fc.property(value, (tree) => {
        expect(['loaded', 'invalid']).toContain(loadStack(input(Buffer.from(JSON.stringify(tree) ?? 'null'))).kind);
      }),
      { numRuns: 500 },
    );
  });

  test('whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(['loaded', 'invalid']).toContain(loadStack(input(bytes)).kind);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    [
      'aliases that multiply',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
        .split('')
        .map((key, index) => `${key}: &${key} [${Array(10).fill(`*${'abcdefghi'[index]}`).join(',')}]`)
        .join('\n')}\n`,
    ],
    ['deep flow nesting', '['.repeat(100_000)],
    ['deep block nesting', Array.from({ length: 5_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')],
    ['an alias of itself', 'a: &a [*a]\n'],
    ['10 MB of entries in a list', `a:\n${'- x\n'.repeat(2_500_000)}`],
    ['10 MB of entries in a line', `a: [${'x,'.repeat(5_000_000)}]`],
    ['10 MB of keys', Array.from({ length: 900_000 }, (_, index) => `key-${index}: \n`).join('')],
    ['10 MB of documents', '---\n'.repeat(2_500_000)],
    ['10 MB of comments', '#\n'.repeat(5_000_000)],
    ['17 MB of anything', `# ${'x'.repeat(17 * 2 ** 20)}\n`],
    ['nested substitutions', `services: {a: {image: "${'${A:-'.repeat(5_000)}${'}'.repeat(5_000)}", profiles: []}}\n`],
  ])('%s is refused in a sentence', (_name, text) => {
    const result = loadStack(input(Buffer.from(text)));
    expect(result).toMatchObject({ kind: 'invalid' });
  });

  test('10 MB of text in one value are read', () => {
    const text = `services: {a: {image: x}}\nx-text: |\n${'  some text\n'.repeat(870_000)}`;
    expect(loadStack(input(Buffer.from(text)))).toMatchObject({ kind: 'loaded' });
  });
});

describe('a key that nobody knows is told with its place, and with what was most likely meant', () => {
  const warningsOf = (text: string) => {
    const loaded = load(text);
    return loaded.kind === 'loaded' ? loaded.warnings.map(({ line, column, message }) => `${line}:${column} ${message}`) : loaded.problems;
  };

  test('in a file that says version 3, after what docker stack deploy would have said', () => {
    const [first, ...more] = warningsOf('version: "3.8"\nservices:\n  a:\n    image: x\n    comand: sleep 1\nnetwoks: {}\n');
    expect(first).toBe(
      '5:5 the file says version 3, but docker stack deploy refuses it: "services.a Additional property comand is not allowed" and ' +
        '"(root) Additional property netwoks is not allowed". So it is read by the Compose Specification; if that is not what you want, ' +
        'mend this, or refuse such files with --strict-docker',
    );
    expect(more).toEqual([
      '5:5 services.a.comand is ignored: the Compose Specification has no such key; did you mean "command"?',
      '6:1 netwoks is ignored: the Compose Specification has no such key; did you mean "networks"?',
    ]);
  });

  test('of many reasons to refuse it, two are quoted and the rest is counted', () => {
    const [first] = warningsOf('version: "3.8"\nname: st\nservices:\n  a: {image: x, one: 1, two: 2, three: 3}\n');
    expect(first).toMatch(/^\d+:\d+ .*refuses it: ".*" and ".*" and 2 more\. So/);
  });

  test('in a file that does not say version 3, without a word about Docker', () => {
    expect(warningsOf(a('comand: sleep 1\nrather_long_and_unlike: 1'))).toEqual([
      '5:5 services.a.comand is ignored: the Compose Specification has no such key; did you mean "command"?',
      '6:5 services.a.rather_long_and_unlike is ignored: the Compose Specification has no such key',
    ]);
  });

  test('a name that nobody can have is a mistake: the service would be left out', () => {
    expect(load('name: p\nservices:\n  "a b": {image: x}\n')).toMatchObject({ kind: 'invalid', problems: [{ line: 3, column: 3 }] });
  });
});
