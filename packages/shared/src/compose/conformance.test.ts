import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadStack, type StackInput, type StackLoad } from './load-stack.ts';
import { parseAnyYaml } from './yaml-patient.ts';

/** What the docker CLI 28.2.2 did with each case: recorded once, against a stand-in manager. */
interface MicroCase {
  readonly name: string;
  readonly files: { readonly [path: string]: string };
  readonly order: readonly string[];
  readonly env: { readonly [name: string]: string };
  readonly ok: boolean;
  readonly stderr: string;
  readonly created: { readonly [kind: string]: { readonly [name: string]: unknown } };
}
interface RealCase {
  readonly case: string;
  readonly files: readonly string[];
  /** In the repository it comes from: relative paths stand against the first one's directory. */
  readonly paths: readonly string[];
  readonly env: { readonly [name: string]: string };
  readonly stub_files: readonly string[];
  readonly docker_28_2_2: 'accepted' | 'rejected';
  readonly stderr: string;
  readonly golden: string;
}

const fixtures = new URL('./fixtures/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path.split('/').map(encodeURIComponent).join('/'), fixtures));
const micro = JSON.parse(String(read('micro-cases.json'))) as { cases: MicroCase[] };
const manifest = JSON.parse(String(read('manifest.json'))) as { global_env: Record<string, string>; stack_name: string; cases: RealCase[] };
const DIRECTORY = '/base/dir';
/** What the real companion files hold, where it shows in a service. The content of configs and secrets is not compared. */
const COMPANIONS: { readonly [name: string]: string } = {
  'config.monitoring': 'GF_SECURITY_ADMIN_PASSWORD=foobar\nGF_USERS_ALLOW_SIGN_UP=false\n',
};

function load(
  files: { readonly [path: string]: Uint8Array },
  order: readonly string[],
  environment: StackInput['environment'],
  stubs?: { directory: string },
): StackLoad {
  const workingDirectory = posix.join(DIRECTORY, stubs?.directory ?? '');
  return loadStack({
    stackName: 'st',
    files: order.map((path) => ({ path, bytes: files[path] ?? new Uint8Array() })),
    workingDirectory,
    environment: { HOME: '/root', ...environment },
    parseYaml: parseAnyYaml,
    homeDirectory: '/root',
    readFile: (path) => files[path.slice(DIRECTORY.length + 1)] ?? (stubs && Buffer.from(COMPANIONS[posix.basename(path)] ?? 'STUB=1\n')),
    strictDocker: true,
  });
}

const bytesOf = (files: MicroCase['files']) => Object.fromEntries(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)]));

/** Without what Go's encoder adds to every body (nulls, zero values of fixed keys) and without the stand-in's ids. */
function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value === 'string')
    return value
      .replaceAll(DIRECTORY, '<DIR>')
      .replaceAll(posix.dirname(DIRECTORY), '<DIR>')
      .replace(/^id:(?:config|secret):/, '');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(
        ([key, item]) => item !== null && !(item === false && GO_ZERO.has(key)) && !(item === '' && GO_ZERO.has(key)) && !IDS.has(key),
      )
      .map(([key, item]) => [key, comparable(item)]),
  );
}
const GO_ZERO = new Set([
  'NoNewPrivileges',
  'Internal',
  'Attachable',
  'Ingress',
  'ConfigOnly',
  'Scope',
  'Driver',
  'Order',
  'Config',
  'File',
  'Registry',
]);
const IDS = new Set(['SecretID', 'ConfigID']);

const withoutData = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (key, item: unknown) => (key === 'Data' ? typeof item : item)));

function objectsOf(result: StackLoad) {
  if (result.kind === 'invalid') return result.problems;
  const { networks, secrets, configs, services } = result.stack;
  const sections = Object.entries({ networks, secrets, configs, services }).filter(([, section]) => Object.keys(section).length > 0);
  return comparable(Object.fromEntries(sections));
}

const expected = (created: MicroCase['created']) =>
  comparable(Object.fromEntries(Object.entries(created).filter(([, section]) => Object.keys(section).length > 0)));

describe(`${micro.cases.length} small cases give what the docker CLI makes of them`, () => {
  test.each(micro.cases.map((each) => [each.name, each] as const))('%s', (_name, each) => {
    const result = load(bytesOf(each.files), each.order, each.env);
    if (each.ok) expect(objectsOf(result)).toEqual(expected(each.created));
    else expect(result, each.stderr).toMatchObject({ kind: 'invalid' });
  });
});

describe(`${manifest.cases.length} real stack files give what the docker CLI makes of them`, () => {
  const files = Object.fromEntries(readdirSync(new URL('./real/', fixtures)).map((name) => [name, read(`real/${name}`)]));
  test.each(manifest.cases.map((each) => [each.case, each] as const))('%s', (_name, each) => {
    const result = load(files, each.files, { ...manifest.global_env, ...each.env }, { directory: posix.dirname(each.paths[0] ?? '') });
    if (each.docker_28_2_2 === 'rejected') {
      expect(result, each.stderr).toMatchObject({ kind: 'invalid' });
      return;
    }
    const { networks, secrets, configs, services } = JSON.parse(String(read(each.golden))) as MicroCase['created'];
    const created = { networks: networks ?? {}, secrets: secrets ?? {}, configs: configs ?? {}, services: services ?? {} };
    expect(withoutData(objectsOf(result))).toEqual(withoutData(expected(created)));
  });
});
