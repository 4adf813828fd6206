import { systemClock } from '@swarm/shared/runtime/clock';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeApi, type FakeRequest, startFakeApi } from '../client/fake-api.ts';
import { runWords } from '../command/testing.ts';

let api: FakeApi;
afterEach(() => api.close());

async function serve(routes: { readonly [route: string]: unknown }): Promise<void> {
  api = await startFakeApi(({ method, path }: FakeRequest) => {
    const body = routes[`${method} ${path}`];
    if (body === undefined) return undefined;
    return { status: 200, ...(body === 'ok' ? {} : { body }) };
  });
}

const clock = { ...systemClock, now: () => Date.parse('2026-01-01T02:00:00Z') };
const run = (line: string, stdin?: string) => runWords(line.split(' '), { host: api.host, clock, ...(stdin !== undefined && { stdin }) });
const posted = () => api.requests.filter((request) => request.method !== 'GET');

const meta = { Version: { Index: 7 }, CreatedAt: '2026-01-01T00:00:00Z', UpdatedAt: '2026-01-01T01:00:00Z' };
const payloads = [
  { ...meta, ID: 'id10', Spec: { Name: 'pw10', Labels: {} } },
  { ...meta, ID: 'id2', Spec: { Name: 'pw2', Labels: { b: '2', a: '1' } } },
];

describe.each(['secret', 'config'] as const)('%s', (word) => {
  it('create takes standard input, labels and a template driver, and prints the id', async () => {
    await serve({ [`POST /${word}s/create`]: { ID: 'new' } });
    const result = await run(`${word} create --label a=1 -l b --template-driver golang pw -`, 'ü\n');
    expect(result).toEqual({ exitCode: 0, output: 'new\n', errors: '' });
    const Data = Buffer.from('ü\n').toString('base64');
    expect(posted()[0]?.body).toEqual({ Name: 'pw', Labels: { a: '1', b: '' }, Data, Templating: { Name: 'golang' } });
  });

  it.each([
    ['nothing on standard input', '-', '', /standard input is empty/],
    ['a file that is not there', 'no/such/file', '', /no\/such\/file cannot be read: ENOENT/],
    [
      'more than there may be',
      '-',
      'x'.repeat(1_024_000),
      /standard input has 1024000 bytes; a (secret has at most 511999|config has at most 1023999)/,
    ],
  ])('create refuses %s', async (_what, file, stdin, reason) => {
    await serve({});
    const result = await run(`${word} create pw ${file}`, stdin);
    expect(result.exitCode).toBe(2);
    expect(result.errors).toMatch(reason);
    expect(api.requests).toEqual([]);
  });

  it('ls is a table by name, ids, or JSON as Docker prints it', async () => {
    await serve({ [`GET /${word}s`]: payloads });
    const driver = word === 'secret' ? 'DRIVER    ' : '';
    const none = word === 'secret' ? '          ' : '';
    expect((await run(`${word} ls`)).output).toBe(
      `ID        NAME      ${driver}CREATED       UPDATED\nid2       pw2       ${none}2 hours ago   about an hour ago\nid10      pw10      ${none}2 hours ago   about an hour ago\n`,
    );
    expect((await run(`${word} ls -q --filter name=pw`)).output).toBe('id2\nid10\n');
    expect(api.requests.at(-1)?.filters).toEqual({ name: ['pw'] });
    const [first = ''] = (await run(`${word} ls --format json`)).output.split('\n');
    expect(JSON.parse(first)).toEqual({
      ID: 'id2',
      Name: 'pw2',
      CreatedAt: '2 hours ago',
      UpdatedAt: 'about an hour ago',
      Labels: 'a=1,b=2',
      ...(word === 'secret' && { Driver: '' }),
    });
  });

  it('inspect and rm go on after one that is missing, and fail', async () => {
    await serve({ [`GET /${word}s/pw2`]: payloads[1], [`DELETE /${word}s/pw2`]: 'ok' });
    const inspected = await run(`${word} inspect gone pw2`);
    expect(inspected).toMatchObject({ exitCode: 1, errors: expect.stringContaining('gone') });
    expect(JSON.parse(inspected.output)).toEqual([payloads[1]]);
    expect(await run(`${word} rm gone pw2`)).toMatchObject({ exitCode: 1, output: 'pw2\n' });
  });

  it('names are completed', async () => {
    await serve({ [`GET /${word}s`]: payloads });
    expect((await run(`__complete -- ${word} rm pw1`)).output).toBe('pw10\n');
  });
});

describe('autolock', () => {
  const KEY = `SWMKEY-1-${'a'.repeat(43)}`;
  const cluster = (AutoLockManagers: boolean) => ({
    ...meta,
    Spec: { Name: 'default', Orchestration: { TaskHistoryRetentionLimit: 3 }, EncryptionConfig: { AutoLockManagers } },
  });

  it('update keeps what no flag names, and shows the new key', async () => {
    await serve({ 'GET /swarm': cluster(false), 'POST /swarm/update': 'ok', 'GET /swarm/unlockkey': { UnlockKey: KEY } });
    expect((await run('update --autolock --dispatcher-heartbeat 7s')).output).toContain(`\n    ${KEY}\n`);
    expect(posted()[0]?.body).toEqual({ ...cluster(true).Spec, Dispatcher: { HeartbeatPeriod: 7e9 } });
    expect((await run('update --autolock=false')).output).toBe('The cluster is updated.\n');
    expect(posted()[1]?.body).toEqual(cluster(false).Spec);
  });

  it('update without flags says which there are', async () => {
    await serve({});
    expect(await run('update')).toMatchObject({ exitCode: 2, errors: expect.stringContaining('--autolock, --cert-expiry') });
  });

  it('unlock-key shows the key, rotates it, and says when there is none', async () => {
    await serve({ 'GET /swarm': cluster(true), 'POST /swarm/update': 'ok', 'GET /swarm/unlockkey': { UnlockKey: KEY } });
    expect((await run('unlock-key -q')).output).toBe(`${KEY}\n`);
    expect(posted()).toEqual([]);
    expect((await run('unlock-key --rotate')).output).toContain(KEY);
    expect(posted()[0]?.query.get('rotateManagerUnlockKey')).toBe('true');
    await api.close();
    await serve({ 'GET /swarm': cluster(false), 'GET /swarm/unlockkey': { UnlockKey: '' } });
    for (const line of ['unlock-key', 'unlock-key --rotate']) {
      expect(await run(line)).toMatchObject({ exitCode: 1, errors: expect.stringContaining('autolock is off') });
    }
    expect(posted()).toEqual([]);
  });

  it.each([
    ['what is typed', `${KEY}\r`],
    ['what is left of it', `wrong\x15${KEY}xy\x7f\x08\r`],
    ['what came before its end', `${KEY}\x04`],
  ])('unlock takes %s at a terminal, which does not show it and is itself again afterwards', async (_what, stdin) => {
    await serve({ 'GET /info': { Swarm: { LocalNodeState: 'locked' } }, 'POST /swarm/unlock': 'ok' });
    const raw: boolean[] = [];
    const result = await runWords(['unlock'], { host: api.host, stdin, keyboard: { setRaw: (on) => void raw.push(on) } });
    expect(result).toMatchObject({ exitCode: 0, output: '' });
    expect([posted()[0]?.body, raw]).toEqual([{ UnlockKey: KEY }, [true, false]]);
  });

  it('unlock ends without a call when Ctrl-C is typed instead of the key', async () => {
    await serve({ 'GET /info': { Swarm: { LocalNodeState: 'locked' } } });
    const raw: boolean[] = [];
    const result = await runWords(['unlock'], { host: api.host, stdin: 'SWM\x03', keyboard: { setRaw: (on) => void raw.push(on) } });
    expect(result).toMatchObject({ exitCode: 130, errors: expect.stringContaining('interrupted') });
    expect([posted(), raw]).toEqual([[], [true, false]]);
  });

  it('unlock reads the key from standard input, of a locked node only', async () => {
    await serve({ 'GET /info': { Swarm: { LocalNodeState: 'locked' } }, 'POST /swarm/unlock': 'ok' });
    expect(await run('unlock', `${KEY}\n`)).toMatchObject({ exitCode: 0, output: '' });
    expect(posted()[0]?.body).toEqual({ UnlockKey: KEY });
    await api.close();
    await serve({ 'GET /info': { Swarm: { LocalNodeState: 'active' } } });
    expect(await run('unlock', KEY)).toMatchObject({ exitCode: 1, errors: expect.stringContaining('not locked') });
    expect(posted()).toEqual([]);
  });
});
