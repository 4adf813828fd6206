import { describe, expect, test } from 'vitest';
import { loadStack, type StackInput, type StackSpec } from './load-stack.ts';
import { parseAnyYaml } from './yaml-patient.ts';

function load(text: string, more: Partial<StackInput> & { data?: Record<string, string> } = {}): StackSpec {
  const { data = {}, ...input } = more;
  const loaded = loadStack({
    stackName: 'st',
    files: [{ path: 'stack.yml', bytes: Buffer.from(text) }],
    workingDirectory: '/p',
    environment: {},
    parseYaml: parseAnyYaml,
    homeDirectory: '/root',
    readFile: (path) => (data[path] === undefined ? undefined : Buffer.from(data[path])),
    strictDocker: false,
    ...input,
  });
  if (loaded.kind === 'invalid') throw new Error(loaded.problems.map((problem) => problem.message).join('\n'));
  return loaded.stack;
}
const FILE = (rotate: string) => `version: "3.8"
services: {a: {image: x, configs: [c, {source: plain, target: /p}], secrets: [s]}}
configs:
  c: {file: ./c, ${rotate}}
  plain: {file: ./c}
secrets:
  s: {file: ./s}
`;
const OPT_IN = FILE('x-swarm: {rotate: true}');
const data = { '/p/c': 'one', '/p/s': 'secret' };

test('a config that rotates has its content in its name, and the service names it', () => {
  const stack = load(OPT_IN, { data });
  const [name = ''] = Object.keys(stack.configs);
  expect(Object.keys(stack.configs)).toEqual([expect.stringMatching(/^st_c-[0-9a-f]{12}$/), 'st_plain']);
  expect(stack.configs[name]?.Labels).toEqual({ 'com.docker.stack.namespace': 'st', 'swarm.rotates': 'st_c' });
  const references = stack.services.st_a?.TaskTemplate?.ContainerSpec?.Configs;
  expect(references?.map(({ ConfigName, File }) => [ConfigName, File?.Name])).toEqual([
    [name, 'c'],
    ['st_plain', '/p'],
  ]);
});

test('the same content has the same name, other content another', () => {
  const name = (content: string) => Object.keys(load(OPT_IN, { data: { ...data, '/p/c': content } }).configs)[0];
  expect(name('one')).toBe(name('one'));
  expect(name('one')).not.toBe(name('two'));
});

test('--rotate takes all but those that say no', () => {
  const stack = load(FILE('x-swarm: {rotate: false}'), { data, rotate: true });
  expect([...Object.keys(stack.configs), ...Object.keys(stack.secrets)]).toEqual([
    'st_c',
    expect.stringMatching(/^st_plain-/),
    expect.stringMatching(/^st_s-/),
  ]);
});

test('content and variables rotate in the Compose dialect too', () => {
  const text = 'services: {a: {image: x, configs: [c]}}\nconfigs: {c: {environment: V, x-swarm: {rotate: true}}}\n';
  const name = (V: string) => Object.keys(load(text, { environment: { V } }).configs)[0];
  expect(name('1')).toMatch(/^st_c-/);
  expect(name('1')).not.toBe(name('2'));
});

test.each([
  ['a name that gets too long', FILE(`name: ${'n'.repeat(60)}, x-swarm: {rotate: true}`), 'is longer than 64 characters'],
  ['a word that is neither true nor false', FILE('x-swarm: {rotate: soon}'), 'x-swarm.rotate must be true or false'],
])('%s is refused', (_what, text, message) => {
  expect(() => load(text, { data })).toThrow(message);
});

describe('env files', () => {
  const envFiles = (...texts: readonly string[]) => texts.map((text, index) => ({ path: `${index}.env`, bytes: Buffer.from(text) }));
  const LEGACY = 'version: "3.8"\nservices: {a: {image: "x:$TAG"}}\n';
  const SPEC = 'name: p\nservices: {a: {image: "x:$TAG"}, b: {image: x, profiles: [debug]}}\n';
  const image = (text: string, more: Partial<StackInput> & { data?: Record<string, string> }) =>
    load(text, more).services.st_a?.TaskTemplate?.ContainerSpec?.Image;

  test.each([
    ['legacy', LEGACY],
    ['spec', SPEC],
  ])('give variables to both dialects, later ones over earlier ones, the environment over all (%s)', (_dialect, text) => {
    expect(image(text, { envFiles: envFiles('TAG=1\nA=2', 'TAG=$A') })).toBe('x:2');
    expect(image(text, { envFiles: envFiles('TAG=1'), environment: { TAG: '9' } })).toBe('x:9');
  });

  test('stand in the place of .env, and may name the profiles', () => {
    expect(image(SPEC, { data: { '/p/.env': 'TAG=dotenv' } })).toBe('x:dotenv');
    const stack = load(SPEC, { data: { '/p/.env': 'TAG=dotenv' }, envFiles: envFiles('TAG=file\nCOMPOSE_PROFILES=debug') });
    expect(stack.services.st_a?.TaskTemplate?.ContainerSpec?.Image).toBe('x:file');
    expect(Object.keys(stack.services)).toEqual(['st_a', 'st_b']);
  });

  test('with a mistake are refused by name', () => {
    expect(() => load(SPEC, { envFiles: envFiles('TAG="open') })).toThrow('0.env');
  });
});
