import { asID } from '@swarm/shared/runtime/ids';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../testing/cluster.ts';
import { type FixedEngine, startFixedEngine } from '../testing/fixed-engine.ts';

/** An engine that, as Docker's does, finds a network by its name and by the beginning of its id. */
const LOCAL: Readonly<Record<string, object>> = {
  'GET /networks/db': { Name: 'bridge', Id: `db${'0'.repeat(62)}`, Scope: 'local' },
  'GET /networks/web': { Name: 'web', Id: `c${'0'.repeat(63)}`, Scope: 'local' },
  'DELETE /networks/web': {},
  // What a network of the cluster had here, which has just been removed.
  'GET /networks/gone': { Name: 'gone', Id: `e${'0'.repeat(63)}`, Scope: 'local', Labels: { 'swarm.network.id': 'before' } },
};

let engine: FixedEngine;
let api: TestApi;

beforeEach(async () => {
  engine = await startFixedEngine((call) => LOCAL[call]);
  api = await startTestApi({ engine: engine.address });
});
afterEach(async () => {
  await api.app.close();
  await engine.stop();
});

test.each([
  { it: 'a name that begins the id of a local network is free', Name: 'db', status: 201 },
  { it: 'the name of a local network is taken', Name: 'web', status: 409 },
  { it: 'the name of a network of the cluster that this host has not given up yet is free', Name: 'gone', status: 201 },
])('$it', async ({ Name, status }) => {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ Name, Driver: 'overlay' });
  expect((await api.app.inject({ method: 'POST', url: '/networks/create', payload: body, headers })).statusCode).toBe(status);
  const stack = JSON.stringify({ stack: { networks: { [Name]: {} } } });
  await api.store.update((tx) => {
    for (const { ID } of tx.networks.all()) tx.networks.remove(ID);
  });
  const deployed = await api.app.inject({ method: 'POST', url: '/x/stacks/st', payload: stack, headers });
  expect(deployed.statusCode).toBe(status === 201 ? 200 : status);
});

test.each([
  { it: 'options for other networks are of this host, whatever their driver', body: { ConfigOnly: true, Driver: 'overlay' } },
  { it: 'a driver in capitals is for the engine to know', body: { Driver: 'OVERLAY' } },
])('$it', async ({ body }) => {
  await api.app.inject({
    method: 'POST',
    url: '/networks/create',
    payload: JSON.stringify({ Name: 'options', ...body }),
    headers: { 'content-type': 'application/json' },
  });
  expect(engine.calls.filter((call) => call.startsWith('POST'))).toEqual(['POST /networks/create']);
  expect(api.store.view((tx) => tx.networks.size)).toBe(0);
});

test.each([
  { it: 'the name of a local network removes that one, not one of the cluster whose id begins so', term: 'web', left: 1 },
  { it: 'the beginning of an id removes the network of the cluster', term: 'webx', left: 0 },
])('$it', async ({ term, left }) => {
  await api.store.update((tx) => tx.networks.create({ ID: asID(`webx${'0'.repeat(21)}`), Spec: { Name: 'shop', Driver: 'overlay' } }));
  await api.app.inject({ method: 'DELETE', url: `/networks/${term}` });
  expect(api.store.view((tx) => tx.networks.size)).toBe(left);
  expect(engine.calls.filter((call) => call.startsWith('DELETE'))).toEqual(left === 1 ? ['DELETE /networks/web'] : []);
});
