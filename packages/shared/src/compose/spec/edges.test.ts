import { describe, expect, test } from 'vitest';
import { loadStack } from '../load-stack.ts';
import { parseAnyYaml } from '../yaml-patient.ts';

function load(text: string, environment: Readonly<Record<string, string>> = {}, path = 'stack.yml') {
  return loadStack({
    stackName: 'st',
    files: [{ path, bytes: Buffer.from(`name: p\n${text}`) }],
    workingDirectory: '/project',
    environment,
    parseYaml: parseAnyYaml,
    homeDirectory: '/root',
    readFile: (file) => (file === '/project/stack.yml' ? Buffer.from(`name: p\n${text}`) : undefined),
    strictDocker: false,
  });
}

describe('a boolean of a network, volume, config or secret may be a text, as a variable makes it', () => {
  test.each([
    ['an external network is not made', 'networks: {n: {external: "true", name: out}}', { networks: {}, external: { networks: ['out'] } }],
    ['one that is not external is', 'networks: {n: {external: "$NO"}}', { networks: { st_n: {} }, external: { networks: [] } }],
    ['attachable', 'networks: {n: {attachable: "$YES"}}', { networks: { st_n: { Attachable: true } } }],
    ['internal', 'networks: {n: {internal: "$YES"}}', { networks: { st_n: { Internal: true } } }],
    ['an external secret needs no content', 'networks: {n: }\nsecrets: {s: {external: "$YES"}}', { external: { secrets: ['s'] } }],
    ['an external config needs none', 'networks: {n: }\nconfigs: {s: {external: "yes"}}', { external: { configs: ['s'] } }],
  ])('%s', (_what, top, stack) => {
    const uses = top.includes('secrets') ? ', secrets: [s]' : top.includes('configs') ? ', configs: [s]' : '';
    expect(load(`services: {a: {image: x, networks: [n]${uses}}}\n${top}\n`, { YES: 'true', NO: 'false' })).toMatchObject({
      kind: 'loaded',
      stack,
    });
  });

  test('another word is a problem with its place', () => {
    const result = load('services: {a: {image: x, networks: [n]}}\nnetworks: {n: {internal: perhaps}}\n');
    expect(result).toMatchObject({
      kind: 'invalid',
      problems: [{ line: 3, message: 'networks.n.internal: "perhaps" is not true or false' }],
    });
  });
});

describe('what would be dropped or taken for something else is refused', () => {
  test.each([
    ['a ratio that is no number', 'deploy: {update_config: {max_failure_ratio: half}}', 'max_failure_ratio: "half" is not a number'],
    ['a negative number of replicas', 'deploy: {replicas: -1}', 'services.a.deploy.replicas: "-1" is negative'],
    ['a negative scale', 'scale: "-2"', 'services.a.scale: "-2" is negative'],
    ['negative retries', 'healthcheck: {test: x, retries: -1}', 'services.a.healthcheck.retries: "-1" is negative'],
    [
      'a mount from nowhere, which is not the directory of the file',
      'volumes: [{type: bind, source: "$UNSET", target: /x}]',
      'field Source must not be empty',
    ],
  ])('%s', (_what, body, message) => {
    const result = load(`services:\n  a:\n    image: x\n    ${body}\n`);
    expect(result.kind).toBe('invalid');
    expect(JSON.stringify(result).replaceAll('\\"', '"')).toContain(message);
  });
});

test('the name of the stack is a variable, unless it is set', () => {
  const text = 'services: {a: {image: "x:$COMPOSE_PROJECT_NAME"}}\n';
  expect(load(text)).toMatchObject({ warnings: [], stack: { services: { st_a: { TaskTemplate: { ContainerSpec: { Image: 'x:st' } } } } } });
  expect(load(text, { COMPOSE_PROJECT_NAME: 'own' })).toMatchObject({
    stack: { services: { st_a: { TaskTemplate: { ContainerSpec: { Image: 'x:own' } } } } },
  });
});

test.each(['stack.yml', 'project/stack.yml', '/project/stack.yml'])(
  'a service may extend one of its own file by the name of the file: %s',
  (path) => {
    const text = 'services:\n  b: {image: base, user: u}\n  a: {extends: {file: stack.yml, service: b}, image: x}\n';
    expect(load(text, {}, path)).toMatchObject({
      stack: { services: { st_a: { TaskTemplate: { ContainerSpec: { Image: 'x:latest', User: 'u' } } } } },
    });
  },
);

test('a service that extends itself by the name of its file is refused', () => {
  expect(load('services:\n  a: {extends: {file: stack.yml, service: a}, image: x}\n')).toMatchObject({
    kind: 'invalid',
    problems: [{ message: expect.stringContaining('extends itself') }],
  });
});

test('an env_file that is not required, by a variable, may be missing', () => {
  expect(load('services: {a: {image: x, env_file: [{path: none.env, required: "$NO"}]}}\n', { NO: 'false' })).toMatchObject({
    kind: 'loaded',
  });
});

test('a list of labels of the service may be replaced or taken away', () => {
  expect(load('services: {a: {image: x, deploy: {labels: !override [a=b]}}}\n')).toMatchObject({
    stack: { services: { st_a: { Labels: { a: 'b' } } } },
  });
});
