import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HelperAnswer, type LoginSources, openRegistryLogins, registryOf, runCredentialHelper } from './registry-auth.ts';

const HUB = 'https://index.docker.io/v1/';
const basic = (text: string) => Buffer.from(text).toString('base64');

describe('the registry of an image', () => {
  it.each([
    ['nginx', HUB],
    ['nginx:1.25', HUB],
    ['team/app:1', HUB],
    ['docker.io/library/nginx', HUB],
    ['registry.example.com/app', 'registry.example.com'],
    ['registry.example.com:5000/team/app:1@sha256:ab', 'registry.example.com:5000'],
    ['localhost/app', 'localhost'],
    ['localhost:5000/app', 'localhost:5000'],
  ])('of %s is %s', (image, registry) => {
    expect(registryOf(image)).toBe(registry);
  });
});

describe('the login for an image', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'swarm-auth-test-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const refuseHelper: LoginSources['runHelper'] = async (helper) => {
    throw new Error(`nobody asked for ${helper}`);
  };

  const warnings: string[] = [];
  beforeEach(() => void warnings.splice(0));

  async function login(
    image: string,
    config: object | string | undefined,
    runHelper = refuseHelper,
    environmentLogins?: string,
  ): Promise<unknown> {
    if (config !== undefined) await writeFile(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
    const logins = await openRegistryLogins({
      configDirectory: folder,
      runHelper,
      warn: (message) => warnings.push(message),
      ...(environmentLogins !== undefined && { environmentLogins }),
    });
    const header = await logins.forImage(image);
    if (header === undefined) return undefined;
    // Padded, as Go's decoder of URLs wants it: the engine takes anything else for no login.
    expect(header).toMatch(/^(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}==|[A-Za-z0-9_-]{3}=)?$/);
    return JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
  }

  const helper = (answers: { readonly [registry: string]: HelperAnswer }) => async (name: string, registry: string) =>
    answers[`${name} ${registry}`] ?? { kind: 'none' as const };

  it('is none without a configuration', async () => {
    expect(await login('nginx', undefined)).toBeUndefined();
  });

  it('is what docker login stored, colons in the password included', async () => {
    const auths = { 'r.example.com': { auth: basic('me:se:cret?>~') } };
    expect(await login('r.example.com/app', { auths })).toEqual({ username: 'me', password: 'se:cret?>~', serveraddress: 'r.example.com' });
    expect(await login('other.example.com/app', { auths })).toBeUndefined();
  });

  it('is found by host when it is stored as an address', async () => {
    const auths = { 'https://r.example.com/v1/': { auth: basic('me:x') } };
    expect(await login('r.example.com/app', { auths })).toMatchObject({ username: 'me' });
  });

  it("is Docker Hub's for images without a registry", async () => {
    expect(await login('team/app', { auths: { [HUB]: { auth: basic('me:x') } } })).toEqual({
      username: 'me',
      password: 'x',
      serveraddress: HUB,
    });
  });

  it('is that of DOCKER_AUTH_CONFIG before those of files and helpers, which serve the other registries', async () => {
    const environment = JSON.stringify({ auths: { 'r.example.com': { auth: basic('ci:t:oken') }, [HUB]: { auth: basic('ci:hub') } } });
    const config = { credHelpers: { 'r.example.com': 'own' }, auths: { 'file.example.com': { auth: basic('me:file') } } };
    expect(await login('r.example.com/app', config, refuseHelper, environment)).toEqual({
      username: 'ci',
      password: 't:oken',
      serveraddress: 'r.example.com',
    });
    expect(await login('nginx', config, refuseHelper, environment)).toEqual({ username: 'ci', password: 'hub', serveraddress: HUB });
    expect(await login('file.example.com/app', config, refuseHelper, environment)).toMatchObject({ username: 'me', password: 'file' });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['that is no JSON', '{'],
    ['whose login lacks its auth', '{"auths":{"r.example.com":{"username":"ci"}}}'],
    ['whose auth holds no password', `{"auths":{"r.example.com":{"auth":"${basic('ci')}"}}}`],
    ['whose auths are no object', '{"auths":"r.example.com"}'],
  ])('is that of the file beside a DOCKER_AUTH_CONFIG %s, with a warning', async (_name, environment) => {
    const config = { auths: { 'r.example.com': { auth: basic('me:file') } } };
    expect(await login('r.example.com/app', config, refuseHelper, environment)).toMatchObject({ username: 'me' });
    expect(warnings).toEqual([expect.stringContaining('DOCKER_AUTH_CONFIG is ignored: ')]);
  });

  it('is that of the file where DOCKER_AUTH_CONFIG is empty', async () => {
    expect(await login('r.example.com/app', { auths: { 'r.example.com': { auth: basic('me:x') } } }, refuseHelper, '')).toMatchObject({
      username: 'me',
    });
  });

  it('is an identity token where one was stored', async () => {
    const auths = { 'r.example.com': { identitytoken: 'tok' } };
    expect(await login('r.example.com/app', { auths })).toEqual({ identitytoken: 'tok', serveraddress: 'r.example.com' });
  });

  it("comes from the registry's own helper before the general one, and from the file when the helper has none", async () => {
    const config = {
      credsStore: 'store',
      credHelpers: { 'r.example.com': 'own' },
      auths: { 'file.example.com': { auth: basic('me:file') } },
    };
    const run = helper({
      'own r.example.com': { kind: 'login', username: 'me', secret: 'own' },
      'store s.example.com': { kind: 'login', username: '<token>', secret: 'tok' },
    });
    expect(await login('r.example.com/app', config, run)).toMatchObject({ password: 'own' });
    expect(await login('s.example.com/app', config, run)).toEqual({ identitytoken: 'tok', serveraddress: 's.example.com' });
    expect(await login('file.example.com/app', config, run)).toMatchObject({ password: 'file' });
  });

  it('is refused when the file is damaged', async () => {
    await expect(login('nginx', '{oops')).rejects.toThrow(/config\.json is no JSON/);
  });

  it('is asked of a real program, which may have none', async () => {
    const before = process.env.PATH;
    process.env.PATH = `${folder}:${before}`;
    try {
      const write = async (name: string, script: string) => {
        await writeFile(join(folder, `docker-credential-${name}`), `#!/bin/sh\n${script}\n`);
        await chmod(join(folder, `docker-credential-${name}`), 0o755);
      };
      await write('good', 'read registry; echo "{\\"Username\\":\\"me@$registry\\",\\"Secret\\":\\"$1\\"}"');
      await write('empty', 'echo "credentials not found in native keychain"; exit 1');
      await write('bad', 'echo "keychain is locked" >&2; exit 1');
      expect(await runCredentialHelper('good', 'r1')).toEqual({ kind: 'login', username: 'me@r1', secret: 'get' });
      expect(await runCredentialHelper('empty', 'r1')).toEqual({ kind: 'none' });
      await expect(runCredentialHelper('bad', 'r1')).rejects.toThrow(/docker-credential-bad failed for r1: keychain is locked/);
      await expect(runCredentialHelper('missing', 'r1')).rejects.toThrow(/docker-credential-missing.*cannot be run/);
    } finally {
      process.env.PATH = before;
    }
  });
});
