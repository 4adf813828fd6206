import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError } from '@swarm/shared/errors/api-error';
import type { GuestPlace, GuestWish } from '@swarm/shared/protocol/guests';
import { asID } from '@swarm/shared/runtime/ids';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MANAGER_ID, startTestApi, type TestApi } from '../testing/cluster.ts';

/** An engine of a few fixed answers that writes down what it is asked, and a worker that gives places. */
const OWN_LABELS = { 'swarm.network.id': 'id-net', 'com.docker.swarm.node.id': MANAGER_ID };
const NETWORKS: Readonly<Record<string, object>> = {
  own: { Name: 'own', Labels: {} },
  net: { Name: 'net', Labels: OWN_LABELS },
  'zz-inner': { Name: 'zz-inner', Labels: { ...OWN_LABELS, 'swarm.network.id': 'id-inner' } },
  db: { Name: 'own', Id: `db${'0'.repeat(62)}`, Labels: {} },
  foreign: { Name: 'foreign', Labels: { ...OWN_LABELS, 'com.docker.swarm.node.id': 'another' } },
};
const container = (Status: string, network: string, more: object = {}) => ({
  Id: 'c'.repeat(64),
  Name: '/box',
  State: { Status },
  Config: { Labels: {} },
  NetworkSettings: { Networks: { [network]: { IPAMConfig: { IPv4Address: '10.0.0.9' }, Aliases: ['b', 'cccccccccccc'] } } },
  ...more,
});
const CONTAINERS: Readonly<Record<string, object>> = {
  ended: container('exited', 'net'),
  made: container('created', 'net'),
  runs: container('running', 'net'),
  elsewhere: container('exited', 'own'),
  lost: container('exited', 'gone'),
  task: container('exited', 'net', { Config: { Labels: { 'com.docker.swarm.task.id': 't' } } }),
  plain: container('running', 'own'),
};

let folder: string;
let engine: Server;
let asked: { readonly call: string; readonly body: unknown; readonly text: string }[];
let api: TestApi;
let wishes: GuestWish[];
let settled: (readonly GuestPlace[])[];
let refusal: ApiError | undefined;
/** What the engine answers to what it is asked to make or change. */
let outcome: { readonly status: number; readonly body: object };

beforeEach(async () => {
  [asked, wishes, settled, refusal, outcome] = [[], [], [], undefined, { status: 201, body: { Id: 'made', Warnings: [] } }];
  folder = mkdtempSync(join(tmpdir(), 'guests-'));
  engine = createServer(async (request, response) => {
    const text = Buffer.concat(await Array.fromAsync(request)).toString('utf8');
    const url = request.url ?? '';
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.method === 'GET') {
      const [, kind, term = ''] = /^\/(networks|containers)\/([^/]+)/.exec(url) ?? [];
      if (url === '/version') return answer(200, { ApiVersion: '1.41', MinAPIVersion: '1.12' });
      if (url.startsWith('/networks?')) {
        const { label } = JSON.parse(new URL(url, 'http://x').searchParams.get('filters') ?? '{}') as { label: readonly string[] };
        return answer(
          200,
          Object.values(NETWORKS).filter((each) => label.every((word) => JSON.stringify(each).includes(word.split('=')[1] ?? ''))),
        );
      }
      const found = kind === 'networks' ? NETWORKS[term] : kind === 'containers' ? CONTAINERS[term] : undefined;
      return found === undefined ? answer(404, { message: `${url} not found` }) : answer(200, found);
    }
    asked.push({ call: `${request.method} ${url}`, body: text === '' ? undefined : JSON.parse(text), text });
    return answer(outcome.status, outcome.body);
  });
  await new Promise<void>((resolve) => engine.listen(join(folder, 'engine.sock'), resolve));
  api = await startTestApi({ engine: { socketPath: join(folder, 'engine.sock') } });
  api.guests = {
    async attach(given) {
      wishes.push(...given);
      if (refusal !== undefined) throw refusal;
      return given.map(({ network }, at) => ({
        guestID: `g${at}`,
        networkID: network,
        address: `10.0.0.${5 + at}`,
        engineNetwork: network.replace('id-inner', 'zz-inner').replace('id-', ''),
        gateway: '10.0.0.2',
      }));
    },
    settle: (places) => void settled.push(places),
  };
});
afterEach(async () => {
  await api.app.close();
  engine.close();
  rmSync(folder, { recursive: true });
});

async function post(url: string, body?: object | string) {
  const payload = typeof body === 'string' ? body : JSON.stringify(body ?? {});
  const reply = await api.app.inject({
    method: 'POST',
    url,
    ...(body !== undefined && { payload, headers: { 'content-type': 'application/json' } }),
  });
  return { status: reply.statusCode, body: reply.body === '' ? undefined : reply.json() };
}
const inNetwork = (NetworkMode: string, endpoint: object = {}) => ({
  Image: 'x',
  HostConfig: { NetworkMode },
  NetworkingConfig: { EndpointsConfig: { [NetworkMode]: endpoint } },
});

test('a client that goes away while its container gets a place leaves no place held', async () => {
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = api.app.server.address() as AddressInfo;
  const closed = new Promise((resolve) => api.app.server.once('connection', (socket: Socket) => void socket.once('close', resolve)));
  const request = httpRequest({ host: '127.0.0.1', port, method: 'POST', path: '/containers/ended/start' });
  request.on('error', () => undefined);
  const given = api.guests;
  const held = new Promise<readonly GuestPlace[]>((resolve) => {
    api.guests = {
      async attach(asked) {
        request.destroy();
        await closed;
        return given?.attach(asked) ?? [];
      },
      settle: resolve,
    };
  });
  request.end();
  expect(await held).toHaveLength(1);
});

describe('a container that is made in a network of the cluster', () => {
  test('has its place before the engine is asked, and the engine’s answer goes back as it came', async () => {
    expect(await post('/v1.41/containers/create?name=box', inNetwork('net', { Aliases: ['b'] }))).toEqual(outcome);
    expect(wishes).toEqual([{ network: 'id-net', name: 'box', aliases: ['b'] }]);
    expect(asked.map(({ call }) => call)).toEqual(['POST /v1.41/containers/create?name=box']);
    expect(asked[0]?.body).toMatchObject({
      HostConfig: { NetworkMode: 'net', Dns: ['10.0.0.2'] },
      NetworkingConfig: { EndpointsConfig: { net: { IPAMConfig: { IPv4Address: '10.0.0.5' }, Aliases: ['b'] } } },
    });
    expect(settled.flat().map(({ guestID }) => guestID)).toEqual(['g0']);
  });

  test('gives its place back when the engine refuses it', async () => {
    outcome = { status: 409, body: { message: 'the name is taken' } };
    expect(await post('/containers/create?name=box', inNetwork('net'))).toEqual(outcome);
    expect(settled).toHaveLength(1);
  });

  test('is not made when it gets no place, for the reason that the cluster gives', async () => {
    refusal = new ApiError('permission-denied', 'network net not manually attachable');
    expect(await post('/containers/create', inNetwork('net'))).toEqual({ status: 403, body: { message: refusal.message } });
    expect(asked).toEqual([]);
  });

  test('in a network that this host does not have is for the cluster to say; what it does not know either goes to the engine as it came', async () => {
    await post('/containers/create', inNetwork('unseen'));
    expect(asked[0]?.body).toMatchObject({ HostConfig: { NetworkMode: 'unseen', Dns: ['10.0.0.2'] } });
    refusal = new ApiError('not-found', 'network nowhere not found');
    const body = ` ${JSON.stringify(inNetwork('nowhere'))}`;
    await post('/containers/create', body);
    expect([wishes.at(-1)?.network, asked[1]?.text]).toEqual(['nowhere', body]);
  });

  test('in one that another daemon of this machine has made is asked for by the name', async () => {
    await post('/containers/create', inNetwork('foreign'));
    expect(wishes).toMatchObject([{ network: 'foreign' }]);
  });

  test('in one that has the name with which the id of a network of the host begins is in the cluster’s, and else in that of the host', async () => {
    await post('/containers/create', inNetwork('db'));
    expect(wishes).toEqual([]);
    await api.store.update((tx) => tx.networks.create({ ID: asID('id-db'), Spec: { Name: 'db', Attachable: true } }));
    await post('/containers/create', inNetwork('db'));
    await post('/networks/db/connect', { Container: 'plain' });
    expect(wishes.map(({ network }) => network)).toEqual(['db', 'db']);
  });

  test.each(['own', 'bridge', 'host', 'none', 'default', 'container:x'])('elsewhere goes to the engine as it came: %s', async (mode) => {
    const body = ` ${JSON.stringify(inNetwork(mode))}`;
    await post('/containers/create', body);
    expect([wishes, asked.map(({ text }) => text)]).toEqual([[], [body]]);
  });

  test('on a host of no cluster goes to the engine as it came', async () => {
    api.guests = undefined;
    await post('/containers/create', inNetwork('net'));
    expect([wishes, asked[0]?.body]).toEqual([[], inNetwork('net')]);
  });
});

describe('a container that starts', () => {
  test.each(['start', 'restart'])('again asks for its place, and is moved where that is another one: %s', async (verb) => {
    await post(`/v1.41/containers/ended/${verb}?t=1`);
    expect(wishes).toEqual([{ network: 'id-net', name: 'box', containerID: 'c'.repeat(64), aliases: ['b'], preferred: '10.0.0.9' }]);
    expect(asked.map(({ call }) => call)).toEqual([
      'POST /networks/net/disconnect',
      'POST /networks/net/connect',
      `POST /v1.41/containers/ended/${verb}?t=1`,
    ]);
    expect(asked[1]?.body).toMatchObject({ EndpointConfig: { IPAMConfig: { IPv4Address: '10.0.0.5' }, Aliases: ['b', 'cccccccccccc'] } });
    expect(settled).toHaveLength(1);
  });

  test.each(['made', 'runs', 'elsewhere', 'task', 'unknown'])('and does not need one is left to the engine: %s', async (name) => {
    await post(`/containers/${name}/start`);
    expect([wishes, asked.map(({ call }) => call)]).toEqual([[], [`POST /containers/${name}/start`]]);
  });

  test('in a network that has left the host meanwhile gets it again', async () => {
    await post('/containers/lost/start');
    expect(wishes).toMatchObject([{ network: 'gone', preferred: '10.0.0.9' }]);
    expect(asked.map(({ call }) => call)).toEqual([
      'POST /networks/gone/disconnect',
      'POST /networks/gone/connect',
      'POST /containers/lost/start',
    ]);
  });
});

describe('a container that is connected', () => {
  test('has its place first, by the engine’s own name of the network', async () => {
    await post('/v1.41/networks/zz-inner/connect', { Container: 'plain', EndpointConfig: { IPAMConfig: { IPv4Address: '10.0.0.5' } } });
    expect(wishes).toEqual([{ network: 'id-inner', name: 'box', containerID: 'c'.repeat(64), aliases: [], address: '10.0.0.5' }]);
    expect(asked.map(({ call }) => call)).toEqual(['POST /v1.41/networks/zz-inner/connect']);
  });

  test.each<[string, string, string, number, RegExp]>([
    ['is there already', 'net', 'ended', 403, /already exists in network net/],
    ['is a task’s', 'net', 'task', 400, /is a task's/],
    ['is unknown', 'net', 'nobody', 404, /No such container: nobody/],
  ])('and %s is refused', async (_, network, name, status, message) => {
    expect(await post(`/networks/${network}/connect`, { Container: name })).toEqual({
      status,
      body: { message: expect.stringMatching(message) },
    });
    expect([wishes, asked]).toEqual([[], []]);
  });

  test('to a network of the host, or none that anybody knows, is as the engine has it', async () => {
    await post('/networks/own/connect', { Container: 'plain' });
    expect([wishes, asked.length]).toEqual([[], 1]);
    refusal = new ApiError('not-found', 'network nowhere not found');
    expect(await post('/networks/nowhere/connect', { Container: 'plain' })).toMatchObject({ status: 404 });
  });

  test('and disconnected is looked at at once', async () => {
    await post('/networks/net/disconnect', { Container: 'ended' });
    await post('/networks/own/disconnect', { Container: 'plain' });
    expect(asked.map(({ call }) => call)).toEqual(['POST /networks/net/disconnect', 'POST /networks/own/disconnect']);
    expect(settled).toEqual([[]]);
  });
});
