import tls from 'node:tls';
import { completeRotation } from '@swarm/manager/ca/root-rotation';
import type { Cluster } from '@swarm/shared/domain/objects';
import type { ClientReply, NewClientReply } from '@swarm/shared/engine-api/client-spec';
import { createCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { expect, onTestFinished, test } from 'vitest';
import { ask, type Credentials, root, startSecureApi } from './world.ts';

/** What docs/clients.md says of a client's certificate over time, over real TLS. */

async function start() {
  const world = await startSecureApi();
  const { admin, certificates, port } = world;
  const change = (to: (cluster: Cluster) => Cluster) =>
    admin.store.update((tx) => {
      const [cluster] = tx.clusters.all();
      if (cluster !== undefined) tx.clusters.update(to(cluster));
    });
  return {
    ...world,
    beginRotation: () => change((cluster) => certificates.replaceRoot(cluster)),
    endRotation: () => change(completeRotation),
    call: (url: string, body: object) =>
      admin.app.inject({ method: 'POST', url, payload: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    list: async (): Promise<readonly ClientReply[]> => (await admin.app.inject('/x/clients')).json(),
    status: async (client: Credentials, ca = root.certificate) => (await ask(port, { ...client, ca, path: '/nodes' })).status,
  };
}

test('files made before the root is replaced are good during the change and after it, both ways', async () => {
  const { addClient, beginRotation, endRotation, status, list } = await start();
  const client = await addClient('alice');
  await beginRotation();
  expect(await status(client)).toBe(200);
  await endRotation();
  expect(await status(client)).toBe(200);
  expect(await list()).toMatchObject([{ Name: 'alice', OldRoot: true }]);
  await beginRotation();
  await endRotation();
  expect(await status(client)).toBe(200);
});

test('files made while the root is replaced are good whatever becomes of that', async () => {
  const { addClient, beginRotation, endRotation, status } = await start();
  await beginRotation();
  const client = await addClient('alice');
  const { RootCertificate } = client.made;
  expect(await status(client, RootCertificate)).toBe(200);
  // Another root overtakes it, and the one that signed these never comes into force.
  await beginRotation();
  expect(await status(client, RootCertificate)).toBe(200);
  await endRotation();
  expect(await status(client, RootCertificate)).toBe(200);
});

test('a client is renewed with the key that it has, and its old certificate stays good beside the new one', async () => {
  const { addClient, beginRotation, endRotation, status, list, call } = await start();
  const client = await addClient('alice');
  await beginRotation();
  await endRotation();
  const reply = await call('/x/clients/alice/renew', { CSR: createCertificateRequest(client.key) });
  expect(reply.statusCode).toBe(200);
  const made: NewClientReply = reply.json();
  expect(made).toMatchObject({ ID: client.id, Name: 'alice', OldRoot: false });
  expect(made.RootCertificate).not.toBe(root.certificate);
  expect(await status({ cert: made.Certificate, key: client.key }, made.RootCertificate)).toBe(200);
  expect(await status(client)).toBe(200);
  expect(await list()).toMatchObject([{ Name: 'alice', OldRoot: false }]);
});

test('nobody is renewed with another key, and nobody who is not known', async () => {
  const { addClient, call } = await start();
  await addClient('alice');
  const CSR = createCertificateRequest(createPrivateKeyPem());
  expect((await call('/x/clients/alice/renew', { CSR })).json().message).toMatch(/signed by another key than client alice has/);
  expect((await call('/x/clients/alice/renew', { CSR: '' })).statusCode).toBe(400);
  expect((await call('/x/clients/bob/renew', { CSR })).statusCode).toBe(404);
});

test('what a client may do changes on the connection that it has', async () => {
  const { addClient, call, port } = await start();
  const client = await addClient('alice');
  const socket = tls.connect({ host: '127.0.0.1', port, ca: root.certificate, ...client });
  onTestFinished(() => void socket.destroy());
  const statusOf = (request: string) =>
    new Promise<string>((resolve, reject) => {
      socket.once('data', (chunk) => resolve(chunk.toString().slice(9, 12)));
      socket.once('error', reject);
      socket.write(`${request} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`);
    });
  expect(await statusOf('GET /swarm/unlockkey')).toBe('200');
  expect((await call('/x/clients/alice/update', { Role: 'king' })).statusCode).toBe(400);
  expect((await call('/x/clients/alice/update', { Role: 'read-only' })).statusCode).toBe(200);
  expect(await statusOf('GET /swarm/unlockkey')).toBe('403');
});

test('a root that was replaced gives nobody entry: the key must be of a client', async () => {
  const { addClient, beginRotation, endRotation, status, certificates, admin } = await start();
  const { id } = await addClient('alice');
  const [before] = admin.store.view((tx) => tx.clusters.all());
  if (before === undefined) throw new Error('no cluster');
  await beginRotation();
  await endRotation();
  const key = createPrivateKeyPem();
  const forged = await certificates.issueClient(before, { csr: createCertificateRequest(key), clientID: id });
  expect(await status({ cert: forged.certificate, key })).toBe(401);
});
