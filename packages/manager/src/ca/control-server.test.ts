import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { renew } from '@swarm/shared/identity/enrol';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { tlsServerOptions } from '@swarm/shared/identity/tls-options';
import { CONTROL_PATHS } from '@swarm/shared/protocol/session';
import { systemClock } from '@swarm/shared/runtime/clock';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dial, forge, forgeWithForeignRoot, send, startTestManager, type TestManager, upgrade } from './control-server.fixture.ts';

let manager: TestManager;
beforeAll(async () => {
  manager = await startTestManager();
});
afterAll(() => manager.stop());

const refusal = (body: string) => (JSON.parse(body) as { code: string }).code;
const EVERY_UPGRADE = [CONTROL_PATHS.session, `${CONTROL_PATHS.streams}/one`, CONTROL_PATHS.ca, CONTROL_PATHS.enrol, '/'];

describe('deny by default', () => {
  test.each([
    ['GET', '/'],
    ['GET', CONTROL_PATHS.session],
    ['GET', `${CONTROL_PATHS.streams}/one`],
    ['GET', CONTROL_PATHS.enrol],
    ['POST', CONTROL_PATHS.ca],
    ['GET', `${CONTROL_PATHS.ca}/`],
    ['GET', '/v1/../v1/ca'],
    ['DELETE', '/nodes/x'],
    ['GET', '/v1.41/info'],
    ['OPTIONS', '*'],
  ])('without a client certificate %s %s is refused', async (method, path) => {
    const answer = await send(manager, method, path);
    expect([answer.status, refusal(answer.body)]).toEqual([401, 'no-certificate']);
  });

  test('upgrades included: without a client certificate no WebSocket reaches the handler, whatever its path', async () => {
    const before = manager.upgrades.length;
    for (const path of EVERY_UPGRADE) expect((await upgrade(manager, path)).status).toBe(401);
    expect(manager.upgrades.length).toBe(before);
  });

  test("without a client certificate the CA's certificate is open", async () => {
    expect(await send(manager, 'GET', CONTROL_PATHS.ca)).toEqual({ status: 200, body: manager.cluster().ca.certificate });
  });

  test('without a client certificate the signing of a join request is open, its token checked', async () => {
    const csr = createCertificateRequest(createPrivateKeyPem());
    const post = (body: object) => send(manager, 'POST', CONTROL_PATHS.enrol, { body: JSON.stringify(body) });
    expect((await post({ csr, token: manager.cluster().JoinTokens.Worker })).status).toBe(200);
    const other = createCertificateRequest(createPrivateKeyPem());
    expect(refusal((await post({ csr: other, token: 'SWMTKN-1-x' })).body)).toBe('wrong-token');
    expect(refusal((await post({ csr: other })).body)).toBe('unknown-node');
    expect(refusal((await post({ csr: 'none', token: manager.cluster().JoinTokens.Worker })).body)).toBe('malformed');
  });

  test("a worker's certificate is never an API client's: nothing of the Engine API is served here", async () => {
    const identity = await manager.join();
    for (const path of ['/info', '/v1.41/nodes', '/_ping']) {
      const answer = await send(manager, 'GET', path, { identity });
      expect([answer.status, refusal(answer.body)]).toEqual([404, 'not-found']);
    }
  });
});

describe('managers check role and node against the store on every connection, not only at issue', () => {
  test('a node that joined is let in, and the handler is told who it is', async () => {
    const identity = await manager.join();
    expect((await upgrade(manager, CONTROL_PATHS.session, identity)).status).toBe(101);
    expect(manager.upgrades.at(-1)).toMatchObject({ nodeID: identity.nodeID, role: 'worker', address: '127.0.0.1' });
  });

  test('a removed node is refused with its next connection, and gets no new certificate', async () => {
    const identity = await manager.join();
    await manager.store.update((tx) => tx.nodes.remove(identity.nodeID));
    expect(refusal((await upgrade(manager, CONTROL_PATHS.session, identity)).body)).toBe('unknown-node');
    await expect(renew({ identity, addresses: [manager.address], clock: systemClock })).rejects.toMatchObject({ kind: 'unknown-node' });
  });

  test('a certificate of a role that the node has not now is refused', async () => {
    const identity = await manager.join();
    const asManager = forge(manager.cluster().ca, identity, 'manager');
    expect(refusal((await upgrade(manager, CONTROL_PATHS.session, asManager)).body)).toBe('role-changed');
  });

  test("a certificate in a node's name for another key is refused", async () => {
    const identity = await manager.join();
    const stolenName = forge(manager.cluster().ca, { ...identity, privateKey: createPrivateKeyPem() }, 'worker');
    expect(refusal((await upgrade(manager, CONTROL_PATHS.session, stolenName)).body)).toBe('certificate-refused');
  });

  test('a certificate of another root is refused, even with the right names and key', async () => {
    const identity = forgeWithForeignRoot(await manager.join());
    expect(refusal((await upgrade(manager, CONTROL_PATHS.session, identity)).body)).toBe('certificate-refused');
  });

  test('an expired certificate is refused, and says so', async () => {
    const identity = await manager.join();
    const expired = forge(manager.cluster().ca, identity, 'worker', -1000);
    expect(refusal((await upgrade(manager, CONTROL_PATHS.session, expired)).body)).toBe('certificate-expired');
  });

  test('no connection is resumed: each proves its key anew', async () => {
    const identity = await manager.join();
    const sessions: Buffer[] = [];
    const first = await dial(manager, identity);
    first.on('session', (session) => sessions.push(session));
    first.end('GET /v1/ca HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n').resume();
    await once(first, 'close');
    const [session] = sessions;
    const second = await dial(manager, identity, { ...(session && { session }) });
    expect(second.isSessionReused()).toBe(false);
    second.destroy();
  });
});

test('a client that speaks less than TLS 1.3 is refused', async () => {
  await expect(dial(manager, undefined, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/);
});

test('workers require the role swarm-manager in the server certificate: another node of the cluster is no server', async () => {
  const [impostor, worker] = [await manager.join(), await manager.join()];
  const server = createServer(tlsServerOptions(impostor), () => expect.unreachable('a request reached the impostor'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const addresses = [`127.0.0.1:${(server.address() as AddressInfo).port}`];
  await expect(renew({ identity: worker, addresses, clock: systemClock })).rejects.toThrow(/is a worker/);
  server.close();
});

test('join requests are rate-limited per address, wrong tokens more so', async () => {
  // No time passes: what was used up does not come back however slow this machine is.
  const own = await startTestManager({ clock: { ...systemClock, monotonicMs: () => 0 } });
  const body = JSON.stringify({ csr: createCertificateRequest(createPrivateKeyPem()), token: 'wrong' });
  const answers = [];
  for (let n = 0; n < 15; n += 1) answers.push(await send(own, 'POST', CONTROL_PATHS.enrol, { body }));
  expect(answers.slice(0, 10).map((answer) => answer.status)).toEqual(Array(10).fill(403));
  expect(refusal(answers.at(-1)?.body ?? '')).toBe('too-many-requests');
  await own.stop();
});

describe('a join request that is no good changes nothing', () => {
  const csr = createCertificateRequest(createPrivateKeyPem());
  test.each([
    ['no JSON', 'x', 400, 'malformed'],
    ['no object', '[]', 400, 'malformed'],
    ['no request', JSON.stringify({ token: 'x' }), 400, 'malformed'],
    ['labels that are no strings', JSON.stringify({ csr, labels: { a: 1 } }), 400, 'malformed'],
    ['a body over 16 KiB', JSON.stringify({ csr, hostname: 'x'.repeat(16_384) }), 413, 'too-large'],
  ])('%s', async (_, body, status, code) => {
    const before = manager.store.view((tx) => tx.version);
    const answer = await send(manager, 'POST', CONTROL_PATHS.enrol, { body });
    expect([answer.status, refusal(answer.body)]).toEqual([status, code]);
    expect(manager.store.view((tx) => tx.version)).toBe(before);
  });
});

test('a new certificate is used by the connections that follow', async () => {
  const own = await startTestManager();
  const before = await dial(own, undefined);
  const issued = await own.certificates.issue(own.cluster(), {
    csr: createCertificateRequest(own.identity.privateKey),
    nodeID: own.identity.nodeID,
    role: 'manager',
  });
  own.server.replaceIdentity({ ...own.identity, certificate: issued.certificate });
  const after = await dial(own, undefined);
  expect(after.getPeerX509Certificate()?.serialNumber).not.toBe(before.getPeerX509Certificate()?.serialNumber);
  expect((await own.join()).role).toBe('worker');
  await own.stop();
});
