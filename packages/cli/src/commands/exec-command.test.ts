import type { Duplex } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { type FakeApi, startFakeApi } from '../client/fake-api.ts';
import { runWords } from '../command/testing.ts';

let api: FakeApi;
afterEach(() => api.close());

const frame = (type: number, text: string) => {
  const head = Buffer.alloc(8);
  head[0] = type;
  head.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([head, Buffer.from(text)]);
};

async function serve(raw: (connection: Duplex) => void, ExitCode: number | null = 0): Promise<void> {
  api = await startFakeApi(({ method, path }) => {
    if (method === 'POST' && path === '/containers/web.1/exec') return { status: 201, body: { Id: 'e1' } };
    if (method === 'POST' && path === '/exec/e1/start') return { raw };
    if (method === 'POST' && path === '/exec/e1/resize') return { status: 200 };
    if (path === '/exec/e1/json') return { status: 200, body: { ExitCode } };
    return undefined;
  });
}
const bodyOf = (path: string) => api.requests.find((request) => request.path === path)?.body;

it('shows both outputs apart, and ends with the exit code of the program', async () => {
  await serve((connection) => {
    connection.write(frame(1, 'out\n'));
    connection.end(frame(2, 'err\n'));
  }, 42);
  const result = await runWords(['exec', '-e', 'A=b', '-u', 'nobody', 'web.1', 'ls', '-l', '--all'], { host: api.host });
  expect(result).toEqual({ exitCode: 42, output: 'out\n', errors: 'err\n' });
  expect(bodyOf('/containers/web.1/exec')).toEqual({
    Cmd: ['ls', '-l', '--all'],
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
    Env: ['A=b'],
    User: 'nobody',
  });
});

it('passes input on to its end, which the program may outlive', async () => {
  await serve((connection) => {
    let heard = '';
    connection.on('data', (chunk) => {
      heard += chunk;
    });
    connection.on('end', () => connection.end(frame(1, `heard ${heard}`)));
  });
  const result = await runWords(['exec', '-i', 'web.1', 'cat'], { host: api.host, stdin: 'hello' });
  expect(result).toEqual({ exitCode: 0, output: 'heard hello', errors: '' });
});

it('at a terminal gives the program one, raw and of the same size, and gives it back after', async () => {
  await serve((connection) => {
    connection.on('data', (chunk) => connection.end(`> ${chunk}`));
  });
  const raw: boolean[] = [];
  let listening = 0;
  const tty = {
    setRaw: (on: boolean) => void raw.push(on),
    size: () => ({ rows: 24, columns: 80 }),
    onResize: () => {
      listening += 1;
      return () => {
        listening -= 1;
      };
    },
  };
  const result = await runWords(['exec', 'web.1', 'sh'], { host: api.host, stdin: 'x', tty });
  expect(result).toEqual({ exitCode: 0, output: '> x', errors: '' });
  expect(bodyOf('/containers/web.1/exec')).toMatchObject({ Tty: true, AttachStdin: true });
  expect(raw).toEqual([true, false]);
  expect(listening).toBe(0);
  expect(api.requests.find(({ path }) => path === '/exec/e1/resize')?.query.toString()).toBe('h=24&w=80');
});

it('says that the program runs on when only the connection has ended', async () => {
  await serve((connection) => connection.end(), null);
  const result = await runWords(['exec', 'web.1', 'sleep', '9'], { host: api.host });
  expect(result).toEqual({ exitCode: 1, output: '', errors: 'swarm: the connection to web.1 ended, and its program runs on\n' });
});

it('says what the daemon said when there is no such task', async () => {
  await serve((connection) => connection.end());
  const result = await runWords(['exec', 'db.1', 'ls'], { host: api.host });
  expect(result.exitCode).toBe(1);
  expect(result.errors).toMatch(/the fake has no POST \/containers\/db\.1\/exec/);
});

it('does not ask for a terminal that is not there', async () => {
  await serve((connection) => connection.end());
  const result = await runWords(['exec', '-it', 'web.1', 'sh'], { host: api.host });
  expect(result.exitCode).toBe(2);
  expect(result.errors).toMatch(/standard input and output are no terminal; leave -t out/);
});
