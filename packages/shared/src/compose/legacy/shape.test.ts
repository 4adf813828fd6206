import { describe, expect, test } from 'vitest';
import { loadStack, type StackLoad } from '../load-stack.ts';
import { parseAnyYaml } from '../yaml-patient.ts';

/** What the docker CLI 28.2.2 takes and refuses; each row was tried with it. */
function load(body: string, version = '3.13'): StackLoad {
  return loadText(`version: "${version}"
services:
  a:
    image: x
${body.replace(/^/gm, '    ')}
networks: {n1: }
volumes: {v1: }
secrets: {s1: {file: /f}}
configs: {c1: {file: /f}}
`);
}

function loadText(text: string): StackLoad {
  return loadStack({
    stackName: 'st',
    files: [{ path: 'stack.yml', bytes: Buffer.from(text) }],
    workingDirectory: '/project',
    environment: { EMPTY: '', MINUS: '-1' },
    parseYaml: parseAnyYaml,
    homeDirectory: '/root',
    readFile: () => Buffer.from('data'),
    strictDocker: true,
  });
}

const VOLUME = 'type: volume, source: v1, target: /x';

describe('docker stack deploy takes it, and so it is read as version 3', () => {
  test.each([
    ['keys that nobody knows in a config of a service', 'configs: [{source: c1, external: true}]'],
    ['keys that nobody knows in a secret of a service', 'secrets: [{source: s1, required: true}]'],
    ['keys that nobody knows in the options of a volume', `volumes: [{${VOLUME}, volume: {driver: local}}]`],
    ['keys that nobody knows in the options of a bind mount', 'volumes: [{type: bind, source: /s, target: /x, bind: {uid: 1}}]'],
    ['keys that nobody knows in the options of a tmpfs', 'volumes: [{type: tmpfs, target: /x, tmpfs: {uid: 1}}]'],
    ['an exposed port that is no number', 'expose: [http, ""]'],
    ['the same volume twice, which the manager refuses unless another file replaces it', 'volumes: ["v1:/x", "v1:/x"]'],
    ['an empty word in a long port', 'ports: [{target: 80, protocol: $EMPTY, mode: ""}]'],
    ['an empty credential spec', 'credential_spec: {}'],
    ['a port whose protocol is empty', 'ports: ["80:80/$EMPTY"]'],
    ['a limit that nobody knows', 'ulimits: {NOFILE: 1, no_file: {soft: 1, hard: 2}}'],
  ])('%s', (_what, body) => {
    expect(load(body, '3.8')).toMatchObject({ kind: 'loaded', dialect: 'legacy' });
  });

  test.each([
    ['.5g', 2 ** 29],
    ['5.', 5],
    ['1e3k', 1_024_000],
    ['+1', 1],
  ])('%s of memory', (memory, MemoryBytes) => {
    expect(load(`deploy: {resources: {limits: {memory: "${memory}"}}}`)).toMatchObject({
      stack: { services: { st_a: { TaskTemplate: { Resources: { Limits: { MemoryBytes } } } } } },
    });
  });
});

describe('docker stack deploy refuses it, and so it is no version 3', () => {
  test.each([
    [
      'a memory limit that is empty, as that of an empty variable is',
      'deploy: {resources: {limits: {memory: "$EMPTY"}}}',
      "invalid size: ''",
    ],
    ['a size of /dev/shm that is a number', 'shm_size: 67108864', 'services.a.shm_size must be a string'],
    ['the same volume twice in version 3.1', 'volumes: ["v1:/x", "v1:/x"]', 'must be unique'],
    ['x- keys in the network of a service', 'networks: {n1: {x-note: 1}}', 'Additional property x-note is not allowed'],
    ['a negative number of replicas', 'deploy: {replicas: -1}', 'services.a.deploy.replicas must not be negative; it is -1'],
    ['a negative number from a variable', 'deploy: {update_config: {parallelism: $MINUS}}', 'parallelism must not be negative; it is -1'],
    ['a tmpfs of negative size', 'volumes: [{type: tmpfs, target: /x, tmpfs: {size: -1}}]', 'size must not be negative; it is -1'],
    ['four ports in a row', 'ports: ["80:80:80:80"]', "Does not match format 'ports'"],
    ['a port of an address with zeros ahead', 'ports: ["01.2.3.4:80:80"]', "Does not match format 'ports'"],
    ['a port of an address in brackets that names no published one', 'ports: ["[::]:80"]', "Does not match format 'ports'"],
    ['a negative port', 'ports: [{target: 80, published: -1}]', 'published must not be negative; it is -1'],
  ])('%s', (_what, body, message) => {
    const result = load(body, body.startsWith('volumes: ["') ? '3.1' : '3.13');
    expect(result).toMatchObject({ kind: 'invalid' });
    expect(JSON.stringify(result).replaceAll('\\"', '"')).toContain(message);
  });
});

test('an empty credential spec asks for none', () => {
  expect(load('credential_spec: {}')).toMatchObject({
    stack: { services: { st_a: { TaskTemplate: { ContainerSpec: { Privileges: {} } } } } },
  });
});

test.each([
  ['UNSET', ''],
  ['{UNSET:-}', ''],
  ['{UNSET-}', ''],
  ['{EMPTY:-}x', 'x'],
  ['{MINUS:-}x', '-1x'],
])('a default may be empty: $%s', (user, expected) => {
  const result = load(`hostname: "h$${user}"`);
  expect(result).toMatchObject({
    dialect: 'legacy',
    stack: { services: { st_a: { TaskTemplate: { ContainerSpec: { Hostname: `h${expected}` } } } } },
  });
});

test.each(['networks', 'volumes', 'secrets', 'configs'])('%s: two names of something external are refused', (section) => {
  const top = `${section}: {n: {external: {name: a}, name: b}}`;
  const text = `version: "3.13"\nservices: {a: {image: x}}\n${top}\n`;
  expect(loadText(text)).toMatchObject({
    kind: 'invalid',
    problems: [{ line: 3, message: expect.stringContaining('conflict; only use "name"') }],
  });
});

test('a command is split at blanks, tabs and line ends only', () => {
  expect(load('command: "a\\u00a0b\\fc \\t\\r\\nd"')).toMatchObject({
    stack: { services: { st_a: { TaskTemplate: { ContainerSpec: { Args: ['a\u00a0b\fc', 'd'] } } } } },
  });
});
