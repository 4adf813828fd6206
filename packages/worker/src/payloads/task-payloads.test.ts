import type { ContainerSpec } from '@swarm/shared/engine-api/container-spec';
import type { PlaceholderContext } from '@swarm/shared/templates/expand-container-spec';
import { describe, expect, test } from 'vitest';
import { payload } from '../testing/worker-world.ts';
import { buildTaskPayloads } from './task-payloads.ts';

const CONTEXT: PlaceholderContext = {
  service: { ID: 's', Name: 'web', Labels: {} },
  node: { ID: 'n', Hostname: 'host1', Platform: { Architecture: 'x86_64', OS: 'linux' } },
  task: { ID: 't', Name: 'web.3.t', Slot: '3' },
};
const binary = { ...payload('binary', ''), spec: { Name: 'binary', Data: Buffer.from([0xff, 0xfe]).toString('base64') } };

function build(spec: ContainerSpec, texts: { readonly [id: string]: string } = {}) {
  const given = new Map([
    ...Object.entries(texts).map(([id, text]) => [id, payload(id, text, true)] as const),
    ['binary', binary] as const,
  ]);
  return buildTaskPayloads(spec, CONTEXT, { folder: '/f/t', secrets: given, configs: given });
}

const file = (Name: string, more = {}) => ({ Name, UID: '0', GID: '0', Mode: 0o444, ...more });
const secret = (id: string, target = id, more = {}) => ({ SecretID: id, SecretName: id, File: file(target, more) });
const config = (id: string, target = id, more = {}) => ({ ConfigID: id, ConfigName: id, File: file(target, more) });
/** The text of the config `c` whose template is `source`. */
function expand(source: string, spec: ContainerSpec = {}): string {
  const { files } = build(
    { ...spec, Configs: [config('c'), ...(spec.Configs ?? [])] },
    { c: source, pw: 'hunter2 {{.Task.Slot}}', other: 'o' },
  );
  return Buffer.from(files.find(({ name }) => name === 'config-0')?.data ?? []).toString();
}

describe('where the files go', () => {
  test.each([
    ['a secret with a relative name lies in /run/secrets', { Secrets: [secret('a', 'pw')] }, '/run/secrets/pw'],
    ['so does one in a folder', { Secrets: [secret('a', 'db/pw')] }, '/run/secrets/db/pw'],
    ['an absolute name is where it says', { Secrets: [secret('a', '/etc/pw')] }, '/etc/pw'],
    ['a config with a relative name lies at the root', { Configs: [config('a', 'site.conf')] }, '/site.conf'],
    ['an absolute one where it says', { Configs: [config('a', '/etc/site.conf')] }, '/etc/site.conf'],
  ] as [string, ContainerSpec, string][])('%s', (_sentence, spec, Target) => {
    const { files, mounts } = build(spec, { a: 'x' });
    expect(mounts).toEqual([{ Type: 'bind', Source: `/f/t/${files[0]?.name}`, Target, ReadOnly: true }]);
  });

  test('a config for the runtime is no file', () => {
    expect(build({ Configs: [{ ConfigID: 'a', ConfigName: 'a', Runtime: {} }] }, { a: 'x' })).toEqual({ files: [], mounts: [] });
  });

  test('a payload that is named twice is two files', () => {
    const { files } = build({ Secrets: [secret('a', 'one', { UID: '33', Mode: 0o400 }), secret('a', 'two')] }, { a: 'x' });
    expect(files.map(({ name, uid, mode }) => [name, uid, mode])).toEqual([
      ['secret-0', 33, 0o400],
      ['secret-1', 0, 0o444],
    ]);
  });

  test('no bits but those of permission are given', () => {
    expect(build({ Secrets: [secret('a', 'a', { Mode: 0o6755 })] }, { a: 'x' }).files[0]?.mode).toBe(0o755);
  });

  test('the credential spec that a config holds is read, not mounted', () => {
    const spec = { Privileges: { CredentialSpec: { Config: 'a' } }, Configs: [{ ConfigID: 'a', ConfigName: 'a', Runtime: {} }] };
    expect(build(spec, { a: '{"CmsPlugins":[]}' })).toEqual({ files: [], mounts: [], credentialSpec: '{"CmsPlugins":[]}' });
  });

  test('what is no template is given as it is, text or not', () => {
    expect([...(build({ Secrets: [secret('binary')] }).files[0]?.data ?? [])]).toEqual([0xff, 0xfe]);
  });
});

describe('templates', () => {
  const using: ContainerSpec = { Secrets: [secret('pw', '/etc/pw')], Configs: [config('other')], Env: ['MODE=a=b', 'BARE'] };

  test.each([
    ['placeholders of service, node and task', '{{.Service.Name}} {{.Node.Hostname}} {{.Task.Slot}}', 'web host1 3'],
    ['a secret by its target, not expanded again', '{{secret "/etc/pw"}}', 'hunter2 {{.Task.Slot}}'],
    ['a config by its target', '[{{config "other"}}]', '[o]'],
    ['a variable, up to its first =', '{{env "MODE"}}', 'a=b'],
    ['a variable that is not set is empty', '<{{env "NONE"}}{{env "BARE"}}>', '<>'],
    ["Go's own functions and Docker Swarm's join", '{{if eq (env "MODE") "a=b"}}{{join "-" "x" "y"}}{{end}}', 'x-y'],
  ])('know %s', (_what, source, text) => {
    expect(expand(source, using)).toBe(text);
  });

  test.each([
    [
      'a secret the task has not',
      '{{secret "unknowntarget"}}',
      'failed to expand templated config c: template: expansion:1:2: executing "expansion" at <secret "unknowntarget">: error calling secret: secret target unknowntarget not found',
    ],
    ['a config the task has not', 'x {{config "no"}}', /error calling config: config target no not found$/],
    ['a field there is not', '{{.Foo}}', /failed to expand templated config c: template: expansion:1:2: executing "expansion" at <\.Foo>/],
    ['a function there is not', '{{nope}}', /function "nope" not defined/],
    ['a secret that is no text', '{{secret "binary"}}', /secret binary is not text in UTF-8/],
  ])("refuse %s in Go's words", (_what, source, reason) => {
    expect(() => expand(source, { Secrets: [secret('binary')] })).toThrow(reason);
  });
});

describe('refused, with the way out', () => {
  test.each([
    ['a secret that is gone', { Secrets: [secret('gone')] }, /secret "gone" \(gone\) is no longer in the cluster.*update the service/],
    ['a config that is gone', { Configs: [config('gone')] }, /config "gone" \(gone\) is no longer in the cluster/],
    ['an owner by name', { Secrets: [secret('a', 'a', { UID: 'www-data' })] }, /secret "a": File.UID "www-data" is not a number/],
    ['an owner past the last id', { Configs: [config('a', 'a', { GID: '4294967295' })] }, /File.GID "4294967295"/],
  ] as [string, ContainerSpec, RegExp][])('%s', (_what, spec, reason) => {
    expect(() => build(spec, { a: 'x' })).toThrow(reason);
  });
});
