import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadStack, type StackInput } from '../load-stack.ts';
import { parseAnyYaml } from '../yaml-patient.ts';
import { parseYaml } from '../yaml-source.ts';
import type { Tree, TreeMap } from '../yaml-tree.ts';
import { apiBodies } from './api-bodies.ts';
import { compareKeys, emitYaml } from './emit-yaml.ts';
import { loadConfig } from './load-config.ts';

const fixtures = new URL('../fixtures/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path.split('/').map(encodeURIComponent).join('/'), fixtures));
const readJSON = (path: string) => JSON.parse(String(read(path)));
const { cases } = readJSON('config/printed.json') as {
  cases: Record<string, { files: string[]; env: Record<string, string>; printed: string }>;
};
const manifest = readJSON('manifest.json') as { global_env: Record<string, string> };
const DIRECTORY = '/base/dir';

function input(files: StackInput['files'], environment: StackInput['environment'] = {}): StackInput {
  return {
    stackName: 'st',
    files,
    workingDirectory: DIRECTORY,
    environment,
    parseYaml: parseAnyYaml,
    homeDirectory: '/root',
    readFile: (path) => (posix.basename(path) === 'e.env' ? read('config/e.env') : Buffer.from('A=1\n')),
    strictDocker: true,
  };
}
const text = (yaml: string) => input([{ path: 'stack.yml', bytes: Buffer.from(yaml) }]);
function printed(from: StackInput): string {
  const config = loadConfig(from);
  if (config.kind === 'invalid') throw new Error(config.problems.map((problem) => problem.message).join('\n'));
  return config.text;
}

describe(`${Object.keys(cases).length} files are printed as docker stack config prints them`, () => {
  test.each(Object.entries(cases))('%s', (_name, each) => {
    const from = input(
      each.files.map((path) => ({ path, bytes: read(path) })),
      { HOME: '/root', ...manifest.global_env, ...each.env },
    );
    expect(printed(from).replaceAll(DIRECTORY, '<DIR>')).toBe(each.printed);
    const once = loadStack(from);
    // As with Docker, a `$` is not escaped again, keys newer than an old version may be used, and a ulimit of 0 is lost.
    if (once.kind === 'loaded' && !/\$|ulimits:\n.*\{\}/.test(each.printed)) {
      expect(loadStack(text(each.printed.replaceAll('<DIR>', DIRECTORY).replace(/^version: .*/, 'version: "3.13"')))).toEqual({
        ...once,
        warnings: expect.anything(),
      });
    }
  });
});

test('variables stay as they are written with skipInterpolation', () => {
  const image = ['x$$y $', '{A:-q} $A'].join('');
  const from = { ...text(`services: {a: {image: "${image}"}}`), skipInterpolation: true };
  expect(printed(from)).toBe(`version: "3.13"\nservices:\n  a:\n    image: ${image}\n`);
});

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom('a', ' ', '\n', '\t', ':', '#', '-', '0', '1', '.', 'e', "'", '"', '~', '&', '{', '\r', '\u2028'),
    maxLength: 8,
  }),
  fc.constantFrom('yes', 'null', '0440', '1:20', '2024-01-01', '0x1F', '1_000', '<<', '---', '.5', '+1', '.inf', '~', 'True'),
);

test('any scalar and key is read back as it was', () => {
  fc.assert(
    fc.property(fc.dictionary(anyText, fc.oneof(anyText, fc.array(anyText, { maxLength: 3 })), { noNullPrototype: true }), (object) => {
      const tree: TreeMap = new Map(Object.entries(object).map(([key, value]): [string, Tree] => [key.toWellFormed(), value]));
      expect(parseYaml(Buffer.from(emitYaml(tree)), 'first', parseAnyYaml)[0].tree).toEqual(tree);
    }),
    { numRuns: 500 },
  );
});

/** JSON is YAML but for what YAML takes as an escape only: control characters and marks of byte order. */
const asYaml = (value: object) =>
  JSON.stringify(value).replace(/[\x7f-\x9f\ufeff\ufffe\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

test('a stack that is printed and read again is the same stack', () => {
  const value = anyText.filter((each) => !each.includes('$'));
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.stringMatching(/^[A-Z]{1,3}$/),
        value.filter((each) => each !== ''),
        { noNullPrototype: true, maxKeys: 4 },
      ),
      fc.array(value, { maxLength: 3 }),
      fc.record({ replicas: fc.nat(5), delay: fc.nat(10 ** 12), memory: fc.nat(10 ** 9), tty: fc.boolean() }),
      (environment, command, { replicas, delay, memory, tty }) => {
        const service = {
          image: 'x',
          environment,
          command,
          tty,
          deploy: { replicas, update_config: { delay: `${delay}ns` }, resources: { limits: { memory: `${memory}` } } },
        };
        const from = text(asYaml({ services: { a: service } }));
        const before = loadStack(from);
        expect(before.kind).toBe('loaded');
        expect(loadStack(text(printed(from)))).toEqual(before);
      },
    ),
    { numRuns: 200 },
  );
});

test('keys are in the order of the encoder: numbers by value, letters behind', () => {
  expect(['b.c', 'a10', 'b-c', 'a2', 'a', 'B', '1', 'a_1'].sort(compareKeys)).toEqual(['1', 'B', 'a', 'a_1', 'a2', 'a10', 'b-c', 'b.c']);
});

test('as docker 28.2.2 prints it: sections without services, and addresses without their brackets', () => {
  expect(printed(text('version: "3"\n'))).toBe('version: "3.13"\nservices: {}\n');
  const hosts = 'services: {a: {image: x, extra_hosts: ["a:[::1]", "b=[::2]", "c:1.2.3.4"]}}\n';
  expect(printed(text(hosts))).toContain('extra_hosts:\n      - a:::1\n      - b:::2\n      - c:1.2.3.4\n');
});

test('the order of services is printed, and read again as it is', () => {
  const waits = 'depends_on: {b: {condition: service_healthy, restart: true}, c: {condition: service_started, required: false}}';
  const from = { ...text(`services:\n  a: {image: x, ${waits}}\n  b: {image: x}\n  c: {image: x}\n`), strictDocker: false };
  const once = printed(from);
  expect(once).toContain('depends_on:\n      b:\n        condition: service_healthy\n        restart: true\n      c:\n');
  expect(printed({ ...text(once), strictDocker: false })).toBe(once);
});

describe('the API bodies are those that the docker CLI posts, nulls and zero values included', () => {
  const micro = readJSON('micro-cases.json') as {
    cases: {
      name: string;
      files: Record<string, string>;
      order: string[];
      env: Record<string, string>;
      ok: boolean;
      created: Record<string, object>;
    }[];
  };
  const withoutIDs = (body: unknown): unknown =>
    JSON.parse(
      JSON.stringify(body)
        .replaceAll(/"(SecretID|ConfigID)":"[^"]*"/g, '"$1":""')
        .replaceAll('"Config":"id:config:', '"Config":"')
        .replaceAll(DIRECTORY, '<DIR>')
        .replaceAll(posix.dirname(DIRECTORY), '<DIR>'),
    );
  test.each(micro.cases.filter((each) => each.ok).map((each) => [each.name, each] as const))('%s', (_name, each) => {
    const bytes = (path: string) => Buffer.from(each.files[path] ?? '');
    const load = loadStack({
      ...input(
        each.order.map((path) => ({ path, bytes: bytes(path) })),
        { HOME: '/root', ...each.env },
      ),
      readFile: (path) => (path.slice(DIRECTORY.length + 1) in each.files ? bytes(path.slice(DIRECTORY.length + 1)) : undefined),
    });
    if (load.kind === 'invalid') throw new Error(load.problems[0].message);
    expect(withoutIDs(apiBodies(load.stack))).toEqual(
      withoutIDs({ networks: {}, secrets: {}, configs: {}, services: {}, ...each.created }),
    );
  });
});
