import { createPublicKey } from 'node:crypto';
import https from 'node:https';
import net, { type AddressInfo } from 'node:net';
import tls from 'node:tls';
import { CLUSTER, INACTIVE } from '@swarm/manager/api/testing/cluster';
import { createCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { createRoot, signApiCertificate, signClientCertificate, signNodeCertificate } from '@swarm/shared/identity/certificates';
import { readCertificates, readChain } from '@swarm/shared/identity/chain';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { checkNodeCertificate } from '@swarm/shared/identity/node-certificate';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ask, type Credentials, root, startSecureApi as start } from './world.ts';

/** The Trust section of the design, sentence by sentence, over real TLS. */

const otherRoot = createRoot(Date.now());

const leaf = (key: string) => ({ publicKey: createPublicKey(key), clusterID: CLUSTER.ID, nowMs: Date.now(), lifeMs: 3_600_000 });

/** An engine whose answer is always a raw connection, which says pong to ping. */
async function rawEngine() {
  const engine = net.createServer((socket) => {
    let heard = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      heard += chunk;
      if (heard.includes('/version')) socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
      else if (heard.endsWith('ping')) socket.end('pong');
      else if (heard.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => engine.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void engine.close());
  return { host: '127.0.0.1', port: (engine.address() as AddressInfo).port };
}

describe('the API over TCP', () => {
  test('serves a client that was added, over TLS 1.3 and under the names of the host', async () => {
    const { port, addClient } = await start();
    const client = await addClient('alice');
    expect(client.made).toMatchObject({
      Name: 'alice',
      Role: 'admin',
      RootCertificate: root.certificate,
      Addresses: ['tcp://10.0.0.1:2376'],
    });
    const answer = await ask(port, { ...client, path: '/v1.41/nodes' });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toHaveLength(1);
    await expect(ask(port, { ...client, path: '/nodes', maxVersion: 'TLSv1.2' })).rejects.toThrow();
    await expect(ask(port, { ...client, path: '/nodes', servername: 'elsewhere.example' })).rejects.toThrow(/elsewhere\.example/);
  });

  test('does not answer in plain text, and says what to do', async () => {
    const { port } = await start();
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = net.connect(port, '127.0.0.1', () => socket.write('GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n'));
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*speaks TLS only.*swarm client add/s);
  });

  const key = createPrivateKeyPem();
  test.each<readonly [string, Partial<Credentials>, RegExp]>([
    ['no certificate', {}, /needs a client certificate.*swarm client add NAME/],
    [
      'the certificate of a worker',
      { key, cert: signNodeCertificate(root, { ...leaf(key), nodeID: 'w'.repeat(25), role: 'worker' }) },
      /certificate of a node, not of a client/,
    ],
    [
      'the certificate of a manager',
      { key, cert: signNodeCertificate(root, { ...leaf(key), nodeID: 'm'.repeat(25), role: 'manager' }) },
      /certificate of a node, not of a client/,
    ],
    [
      "the API's own certificate",
      { key, cert: signApiCertificate(root, { ...leaf(key), nodeID: 'm'.repeat(25), names: ['localhost'] }) },
      /subject names no client/,
    ],
    [
      'a certificate of another root',
      { key, cert: signClientCertificate(otherRoot, { ...leaf(key), clientID: 'x' }) },
      /root did not sign it/,
    ],
    [
      'a certificate that expired',
      { key, cert: signClientCertificate(root, { ...leaf(key), clientID: 'x', lifeMs: -1_000 }) },
      /it expired on/,
    ],
    [
      'a client of another cluster of the same root',
      { key, cert: signClientCertificate(root, { ...leaf(key), clusterID: 'other', clientID: 'x' }) },
      /is of cluster other/,
    ],
    ['a client that nobody added', { key, cert: signClientCertificate(root, { ...leaf(key), clientID: 'x' }) }, /not known.*was removed/],
  ])('refuses %s with a reason, upgrades included', async (_, credentials, reason) => {
    const { port } = await start();
    const answer = await ask(port, { ...credentials, path: '/nodes' });
    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.body).message).toMatch(reason);
    const upgrade = await ask(port, {
      ...credentials,
      method: 'POST',
      path: '/containers/x/attach',
      headers: { connection: 'Upgrade', upgrade: 'tcp' },
    });
    expect(upgrade.status).toBe(401);
  });

  test('refuses a certificate whose key another client has now', async () => {
    const { port, addClient, admin } = await start();
    const client = await addClient('alice');
    await admin.store.update((tx) => {
      const stored = tx.clients.get(client.id);
      if (stored !== undefined) tx.clients.update({ ...stored, keyFingerprint: 'of another key' });
    });
    expect((await ask(port, { ...client, path: '/nodes' })).body).toMatch(/for another key than client \\"alice\\" has/);
  });

  test('a client that is removed is refused on a connection that it has, and what it follows ends', async () => {
    const { port, addClient, admin } = await start();
    const client = await addClient('alice');
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    expect((await ask(port, { ...client, agent, path: '/nodes' })).status).toBe(200);
    const followed = new Promise<string>((resolve) => {
      https.get({ host: '127.0.0.1', port, ca: root.certificate, ...client, path: '/events', agent: false }, (response) => {
        void admin.app.inject({ method: 'DELETE', url: '/x/clients/alice' });
        response.on('error', (error) => resolve(error.message));
        response.resume();
      });
    });
    expect(await followed).toBe('aborted');
    await expect(ask(port, { ...client, agent: false, path: '/nodes' })).resolves.toMatchObject({ status: 401 });
  });

  test('of a client that is made read-only what it opened as admin ends, and it goes on with what is left to it', async () => {
    const { port, addClient, admin } = await start(await rawEngine());
    const client = await addClient('alice');
    const follow = (who: Credentials) =>
      new Promise<{ readonly ended: Promise<unknown>; readonly open: () => boolean }>((resolve) => {
        const socket = tls.connect({ host: '127.0.0.1', port, ca: root.certificate, ...who }, () =>
          socket.write('POST /exec/abc/start HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n'),
        );
        socket.on('error', () => undefined);
        socket.once('data', () => resolve({ ended: new Promise((done) => socket.once('close', done)), open: () => !socket.destroyed }));
      });
    const exec = await follow(client);
    const update = { method: 'POST', path: '/x/clients/alice/update', headers: { 'content-type': 'application/json' } };
    // It gives its role up itself, and hears that it has.
    expect((await ask(port, { ...client, ...update }, '{"Role":"read-only"}')).status).toBe(200);
    await exec.ended;
    expect((await ask(port, { ...client, path: '/nodes' })).status).toBe(200);
    expect((await ask(port, { ...client, ...update }, '{"Role":"admin"}')).status).toBe(403);
    const role = (Role: string) =>
      admin.app.inject({ method: 'POST', url: '/x/clients/alice/update', payload: JSON.stringify({ Role }), headers: update.headers });
    expect((await role('admin')).statusCode).toBe(200);
    const again = await follow(client);
    expect((await role('admin')).statusCode).toBe(200);
    expect(again.open()).toBe(true);
    await role('read-only');
    await again.ended;
  });

  test('its roles: what a read-only client sees is without tokens and payloads, and it changes nothing', async () => {
    const { port, addClient, admin } = await start();
    const reader = await addClient('reader', 'read-only');
    const boss = await addClient('boss', 'admin');
    const config = JSON.stringify({ Name: 'c', Data: Buffer.from('payload').toString('base64') });
    await admin.app.inject({ method: 'POST', url: '/configs/create', payload: config, headers: { 'content-type': 'application/json' } });
    const read = async (who: Credentials, path: string) => JSON.parse((await ask(port, { ...who, path })).body);
    expect(await read(boss, '/swarm')).toHaveProperty('JoinTokens');
    expect(await read(reader, '/swarm')).not.toHaveProperty('JoinTokens');
    expect((await read(boss, '/configs/c')).Spec).toHaveProperty('Data');
    expect((await read(reader, '/configs/c')).Spec).toEqual({ Name: 'c', Labels: {} });
    expect((await read(reader, '/configs'))[0].Spec).toEqual({ Name: 'c', Labels: {} });
    for (const [method, path] of [
      ['DELETE', '/configs/c'],
      ['POST', '/exec/x/start'],
      ['GET', '/swarm/unlockkey'],
      ['GET', '/x/clients'],
    ] as const) {
      const answer = await ask(port, { ...reader, method, path });
      expect(answer.status).toBe(403);
      expect(JSON.parse(answer.body).message).toMatch(/a read-only client may not/);
    }
    const upgrade = { method: 'POST', path: '/containers/x/attach', headers: { connection: 'Upgrade', upgrade: 'tcp' } };
    expect((await ask(port, { ...reader, ...upgrade })).status).toBe(403);
    expect(await read(reader, '/configs')).toHaveLength(1);
  });

  test('connections that become raw, asked for in either way, reach the engine through TLS', async () => {
    const { port, addClient } = await start(await rawEngine());
    const client = await addClient('alice');
    for (const headers of ['Content-Length: 0', 'Content-Length: 0\r\nConnection: Upgrade\r\nUpgrade: tcp']) {
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = tls.connect({ host: '127.0.0.1', port, ca: root.certificate, ...client }, () =>
          socket.write(`POST /exec/abc/start HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n`),
        );
        let text = '';
        socket.on('data', (chunk) => {
          if (text === '') socket.write('ping');
          text += chunk;
        });
        socket.on('end', () => resolve(text));
        socket.on('error', reject);
      });
      expect(answer).toMatch(/^HTTP\/1\.1 101 UPGRADED\r\n.*\r\n\r\npong$/s);
    }
  });

  test('nobody is known where no manager runs: the connection ends', async () => {
    const { port, addClient, admin } = await start();
    const client = await addClient('alice');
    admin.local = INACTIVE;
    await expect(ask(port, { ...client, path: '/nodes' })).rejects.toThrow();
  });
});

describe('clients', () => {
  test('are listed without certificates, and have a name of their own', async () => {
    const { admin, addClient, post } = await start();
    const { id } = await addClient('alice', 'read-only');
    const listed = (await admin.app.inject('/x/clients')).json();
    expect(listed).toEqual([
      { ID: id, Name: 'alice', Role: 'read-only', CreatedAt: expect.any(String), ExpiresAt: expect.any(String), OldRoot: false },
    ]);
    const CSR = createCertificateRequest(createPrivateKeyPem());
    expect((await post({ Name: 'ALICE', CSR })).statusCode).toBe(409);
    expect((await post({ Name: 'a/b', CSR })).statusCode).toBe(400);
    expect((await post({ Name: 'bob', Role: 'king', CSR })).json().message).toMatch(/admin or read-only/);
    expect((await post({ Name: 'bob', CSR: 'nonsense' })).json().message).toMatch(/certificate request is not acceptable/);
    expect((await admin.app.inject('/x/clients')).json()).toHaveLength(1);
    expect((await admin.app.inject({ method: 'DELETE', url: '/x/clients/nobody' })).statusCode).toBe(404);
  });

  test('are no nodes: the control port does not take their certificates, nor those of the API', async () => {
    const { addClient } = await start();
    const client = await addClient('alice');
    const check = (pem: string) => checkNodeCertificate(readChain(pem), readCertificates(root.certificate), Date.now());
    expect(check(client.cert)).toMatchObject({ kind: 'refused' });
    const key = createPrivateKeyPem();
    expect(check(signApiCertificate(root, { ...leaf(key), nodeID: 'm'.repeat(25), names: ['localhost'] }))).toMatchObject({
      kind: 'refused',
    });
  });
});
