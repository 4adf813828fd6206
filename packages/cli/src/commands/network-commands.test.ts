import { afterEach, expect, it } from 'vitest';
import { type FakeApi, type FakeRequest, startFakeApi } from '../client/fake-api.ts';
import { runWords } from '../command/testing.ts';

let api: FakeApi;
afterEach(() => api.close());

async function serve(routes: { readonly [route: string]: unknown }): Promise<void> {
  api = await startFakeApi(({ method, path }: FakeRequest) => {
    const body = routes[`${method} ${path}`];
    return body === undefined ? undefined : { status: 200, ...(body === 'ok' ? {} : { body }) };
  });
}
const run = (line: string) => runWords(line.split(' '), { host: api.host });

const network = (Name: string, more: object = {}) => ({
  Name,
  Id: `${Name}x`.padEnd(25, '0'),
  Created: '2026-01-01T00:00:00Z',
  Scope: 'swarm',
  Driver: 'overlay',
  IPAM: { Config: [{ Subnet: '10.1.0.0/24', Gateway: '10.1.0.1' }] },
  Labels: { b: '2', a: '1' },
  ...more,
});

it('create asks for an overlay with what was given, and prints its id', async () => {
  await serve({ 'POST /networks/create': { Id: 'new', Warning: '' } });
  const line =
    'network create --subnet 10.9.0.0/16 --ip-range 10.9.1.0/24 --gateway 10.9.0.1 --aux-address a=10.9.0.9 --attachable --internal -o encrypted --label x=1 back';
  expect(await run(line)).toEqual({ exitCode: 0, output: 'new\n', errors: '' });
  expect(api.requests[0]?.body).toEqual({
    Name: 'back',
    Driver: 'overlay',
    IPAM: { Config: [{ Subnet: '10.9.0.0/16', IPRange: '10.9.1.0/24', Gateway: '10.9.0.1', AuxiliaryAddresses: { a: '10.9.0.9' } }] },
    Attachable: true,
    Internal: true,
    Ingress: false,
    Options: { encrypted: '' },
    Labels: { x: '1' },
  });
});

it.each([
  ['network create --gateway 10.0.0.1 x', /--gateway needs --subnet/],
  ['network prune', /say --force to do it/],
])('%s is refused before anything is asked', async (line, reason) => {
  await serve({});
  const result = await run(line);
  expect(result.exitCode).toBe(2);
  expect(result.errors).toMatch(reason);
  expect(api.requests).toEqual([]);
});

it('ls is a table by name, of the cluster unless asked otherwise', async () => {
  await serve({ 'GET /networks': [network('net10'), network('net2')] });
  expect((await run('network ls')).output).toBe(
    'NETWORK ID     NAME      DRIVER    SCOPE\nnet2x0000000   net2      overlay   swarm\nnet10x000000   net10     overlay   swarm\n',
  );
  expect(api.requests[0]?.filters).toEqual({ scope: ['swarm'] });
  expect(JSON.parse((await run('network ls --format json --filter scope=local')).output.split('\n')[0] ?? '')).toMatchObject({
    Name: 'net2',
    Subnet: '10.1.0.0/24',
    Labels: 'a=1,b=2',
  });
  expect(api.requests[1]?.filters).toEqual({ scope: ['local'] });
});

it('inspect shows what there is and says what is missing; rm and prune name what went', async () => {
  await serve({ 'GET /networks/a': network('a'), 'DELETE /networks/a': 'ok', 'POST /networks/prune': { NetworksDeleted: ['x', 'y'] } });
  const inspected = await run('network inspect a b');
  expect([inspected.exitCode, JSON.parse(inspected.output)]).toEqual([1, [network('a')]]);
  expect((await run('network rm a')).output).toBe('a\n');
  expect((await run('network prune -f --filter label=x')).output).toBe('Deleted Networks:\nx\ny\n');
});
