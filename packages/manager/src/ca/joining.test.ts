import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { createRoot } from '@swarm/shared/identity/certificates';
import { renew } from '@swarm/shared/identity/enrol';
import { EnrolError, type EnrolErrorKind } from '@swarm/shared/identity/enrol-error';
import { encodeJoinToken, parseJoinToken, rootDigest } from '@swarm/shared/identity/join-token';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { tlsServerOptions } from '@swarm/shared/identity/tls-options';
import { CONTROL_PATHS } from '@swarm/shared/protocol/session';
import { systemClock } from '@swarm/shared/runtime/clock';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { forge, startTestManager, type TestManager, upgrade } from './control-server.fixture.ts';

let manager: TestManager;
beforeAll(async () => {
  manager = await startTestManager();
});
afterAll(() => manager.stop());

const workerToken = () => manager.cluster().JoinTokens.Worker;
const nodeCount = () => manager.store.view((tx) => tx.nodes.size);

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function refusalOf(work: Promise<unknown>): Promise<EnrolError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof EnrolError)) throw new Error(`no EnrolError, but ${String(error)}`);
  return error;
}

describe('joining', () => {
  test('a host joins with the worker token: the node is in the store with what it asked for', async () => {
    const identity = await manager.join({ labels: { zone: 'a' }, availability: 'drain' });
    const node = manager.store.view((tx) => tx.nodes.get(identity.nodeID));
    expect(node).toMatchObject({
      Spec: { Labels: { zone: 'a' }, Role: 'worker', Availability: 'drain' },
      Status: { State: 'unknown', Addr: '127.0.0.1' },
      role: 'worker',
    });
    expect(identity).toMatchObject({ clusterID: manager.cluster().ID, role: 'worker', rootCertificate: manager.cluster().ca.certificate });
  });

  test('a second join with the same key is the same node, and changes nothing', async () => {
    const privateKey = createPrivateKeyPem();
    const first = await manager.join({ privateKey, labels: { zone: 'a' } });
    const version = manager.store.view((tx) => tx.version);
    const second = await manager.join({ privateKey, labels: { zone: 'b' } });
    expect(second.nodeID).toBe(first.nodeID);
    expect(manager.store.view((tx) => tx.version)).toBe(version);
  });

  test('many joins of one key at once make one node', async () => {
    const privateKey = createPrivateKeyPem();
    const before = nodeCount();
    const identities = await Promise.all(Array.from({ length: 5 }, () => manager.join({ privateKey })));
    expect(new Set(identities.map((identity) => identity.nodeID)).size).toBe(1);
    expect(nodeCount()).toBe(before + 1);
  });

  test('an address that cannot be reached is skipped for the next one', async () => {
    const closed = createTcpServer();
    const address = await listen(closed);
    closed.close();
    await once(closed, 'close');
    expect((await manager.join({ addresses: [address, manager.address] })).role).toBe('worker');
  });
});

describe('a join that cannot be has a clear error, and leaves nothing behind', () => {
  const otherCluster = createRoot(Date.now());
  const tokenParts = () => parseJoinToken(workerToken()) ?? { rootDigest: '', secret: '' };
  const rows: [string, () => Parameters<TestManager['join']>[0], EnrolErrorKind, number, RegExp][] = [
    ['a text that is no token', () => ({ token: 'foo' }), 'malformed-token', 500, /^invalid join token: .*join-token worker/],
    [
      'a token with a wrong CA digest',
      () => ({ token: encodeJoinToken({ ...tokenParts(), rootDigest: rootDigest(otherCluster.certificate) }) }),
      'wrong-root',
      400,
      /^remote CA does not match fingerprint\. Expected: .*another cluster.*join-token worker/,
    ],
    [
      'a token with a wrong secret',
      () => ({ token: encodeJoinToken({ ...tokenParts(), secret: '0'.repeat(25) }) }),
      'wrong-token',
      400,
      /A valid join token is necessary to join this cluster: .*join-token worker/,
    ],
    ['the manager token', () => ({ token: manager.cluster().JoinTokens.Manager }), 'refused', 400, /one manager.*worker token/],
    ['an availability that does not exist', () => ({ availability: 'zzz' }), 'refused', 400, /invalid Availability: "zzz"/],
    ['a label without a name', () => ({ labels: { '': 'x' } }), 'refused', 400, /label needs a name/],
    ['no address', () => ({ addresses: [] }), 'bad-address', 400, /^at least 1 RemoteAddr is required to join$/],
    ['an address that is none', () => ({ addresses: ['http://x:1'] }), 'bad-address', 400, /"http:\/\/x:1" is no address.*host:port/],
    [
      'a name that does not resolve',
      () => ({ addresses: ['nothing.invalid'] }),
      'unreachable',
      503,
      /nothing\.invalid:2377: that name does not resolve/,
    ],
  ];
  test.each(rows)('%s', async (_, changes, kind, status, message) => {
    const before = manager.store.view((tx) => tx.version);
    const error = await refusalOf(manager.join(changes()));
    expect([error.kind, error.httpStatus]).toEqual([kind, status]);
    expect(error.message.replace(/^rpc error: code = \w+ desc = /, '')).toMatch(message);
    expect(manager.store.view((tx) => tx.version)).toBe(before);
  });

  test('a token that was rotated admits nobody, and the new one does', async () => {
    const own = await startTestManager();
    onTestFinished(() => own.stop());
    const old = own.cluster().JoinTokens.Worker;
    const rotated = own.certificates.newJoinToken(own.cluster());
    expect(rotated.slice(0, -25)).toBe(old.slice(0, -25));
    await own.store.update((tx) => tx.clusters.update({ ...own.cluster(), JoinTokens: { ...own.cluster().JoinTokens, Worker: rotated } }));
    expect((await refusalOf(own.join({ token: old }))).kind).toBe('wrong-token');
    expect((await own.join()).role).toBe('worker');
  });

  test('a manager whose journal fails', async () => {
    const own = await startTestManager();
    onTestFinished(() => own.stop());
    own.journal.faults = () => ({ outcome: { kind: 'unknown', reason: 'disk is full' }, written: false });
    const error = await refusalOf(own.join());
    expect([error.kind, error.httpStatus]).toEqual(['busy', 503]);
    expect(error.message).toMatch(/cannot serve this now; try again/);
  });

  test('a member that joins with a token for another role', async () => {
    const privateKey = createPrivateKeyPem();
    await manager.join({ privateKey });
    const error = await refusalOf(manager.join({ privateKey, token: manager.cluster().JoinTokens.Manager }));
    expect(error.message).toMatch(/node \w+ of the cluster already, as worker.*leave the cluster first/);
  });
});

describe('an address that is no swarm manager is told as what it is', () => {
  const expectMessage = async (address: string, kind: EnrolErrorKind, message: RegExp) => {
    const error = await refusalOf(manager.join({ addresses: [address] }));
    expect(error.kind).toBe(kind);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(address);
  };

  test('a closed port', async () => {
    const server = createTcpServer();
    const address = await listen(server);
    server.close();
    await once(server, 'close');
    await expectMessage(address, 'unreachable', /connection error: .*nothing listens there; check the address/);
  });

  test('an HTTP server', async () => {
    await expectMessage(await listen(createHttpServer((_, response) => response.end())), 'not-a-manager', /no swarm manager: .*TLS 1\.3/);
  });

  test('an HTTPS server of someone else', async () => {
    const server = createHttpsServer(tlsServerOptions(manager.identity), (_, response) => {
      response.statusCode = 404;
      response.end('<html>');
    });
    await expectMessage(await listen(server), 'not-a-manager', /another server answers there \(HTTP status 404\)/);
  });

  test('a server that hangs up', async () => {
    await expectMessage(await listen(createTcpServer((socket) => socket.destroy())), 'unreachable', /connection was closed/);
  });

  test('a server that never answers', async () => {
    const clock = new VirtualClock();
    const address = await listen(createTcpServer((socket) => socket.once('data', () => clock.advance(60_000))));
    const error = await refusalOf(manager.join({ addresses: [address], clock }));
    expect(error.kind).toBe('unreachable');
    expect(error.message).toMatch(/no answer within 8 s; check the address/);
  });

  test('another cluster, for a node that renews', async () => {
    const other = await startTestManager();
    onTestFinished(() => other.stop());
    const identity = await manager.join();
    const error = await refusalOf(renew({ identity, addresses: [other.address], clock: systemClock }));
    expect(error.kind).toBe('not-a-manager');
    expect(error.message).toMatch(/none of this cluster's root/);
  });

  test('someone between who answers with the root but cannot be it: the token is never shown to it', async () => {
    const bodies: string[] = [];
    const impostor = createRoot(Date.now());
    const own = forge(impostor, manager.identity, 'manager');
    const server = createHttpsServer(tlsServerOptions(own), (request, response) => {
      if (request.url === CONTROL_PATHS.ca) response.end(manager.cluster().ca.certificate);
      else request.on('data', (chunk) => bodies.push(String(chunk)));
    });
    await expectMessage(await listen(server), 'not-a-manager', /none of this cluster's root/);
    expect(bodies).toEqual([]);
  });
});

describe('renewal', () => {
  test('a valid certificate is replaced by one that lasts longer, for the same node and key', async () => {
    const joined = await manager.join();
    const old = forge(manager.cluster().ca, joined, 'worker', 60_000);
    const renewed = await renew({ identity: { ...joined, ...old }, addresses: [manager.address], clock: systemClock });
    expect(renewed).toMatchObject({ nodeID: joined.nodeID, privateKey: joined.privateKey, role: 'worker' });
    expect(renewed.certificate).not.toBe(old.certificate);
    expect((await upgrade(manager, CONTROL_PATHS.session, renewed)).status).toBe(101);
  });

  test('an expired certificate is replaced too: the key is the proof', async () => {
    const joined = await manager.join();
    const expired = forge(manager.cluster().ca, joined, 'worker', -1000);
    const renewed = await renew({ identity: { ...joined, ...expired }, addresses: [manager.address], clock: systemClock });
    expect(renewed.nodeID).toBe(joined.nodeID);
    expect((await upgrade(manager, CONTROL_PATHS.session, renewed)).status).toBe(101);
  });

  test('a removed node gets none, and is told what to do', async () => {
    const identity = await manager.join();
    await manager.store.update((tx) => tx.nodes.remove(identity.nodeID));
    const error = await refusalOf(renew({ identity, addresses: [manager.address], clock: systemClock }));
    expect(error.kind).toBe('unknown-node');
    expect(error.message).toMatch(/swarm leave --force.*swarm join/);
  });

  test('a certificate cannot be renewed for another key', async () => {
    const [mine, other] = [await manager.join(), await manager.join()];
    const mixed = { ...other, privateKey: mine.privateKey, certificate: mine.certificate };
    const error = await refusalOf(renew({ identity: mixed, addresses: [manager.address], clock: systemClock }));
    // The manager renews the node whose key it is; the client sees that this is not who it says it is.
    expect(error.message).toMatch(/another node/);
  });

  test('a manager whose own certificate expired while it was off can be reached, and renews', async () => {
    const own = await startTestManager({ ownCertificateLifeMs: -1000 });
    onTestFinished(() => own.stop());
    const expired = forge(own.cluster().ca, own.identity, 'manager', -1000);
    const renewed = await renew({ identity: { ...own.identity, ...expired }, addresses: [own.address], clock: systemClock });
    expect(renewed).toMatchObject({ nodeID: own.identity.nodeID, role: 'manager' });
    expect((await own.join()).role).toBe('worker');
  });
});
