import { createPublicKey } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { Role } from '@swarm/shared/engine-api/cluster-spec';
import { createRoot, type SigningRoot, signNodeCertificate } from '@swarm/shared/identity/certificates';
import { enrol } from '@swarm/shared/identity/enrol';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { tlsClientOptions } from '@swarm/shared/identity/tls-options';
import { type Clock, systemClock } from '@swarm/shared/runtime/clock';
import { systemRandom } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import { createClusterCertificates } from './cluster-certificates.ts';
import type { ControlPeer } from './control-port.ts';
import { startControlServer } from './control-server.ts';
import { commitCluster, createCluster } from './create-cluster.ts';

/** A real control port on loopback, with a store and its cluster behind it, for tests. */
export async function startTestManager(options: { readonly clock?: Clock; readonly ownCertificateLifeMs?: number } = {}) {
  const clock = options.clock ?? systemClock;
  const certificates = createClusterCertificates({ clock });
  const journal = new MemoryJournal();
  const store = await openStore({ journal, clock, onFailure: () => undefined });
  const deps = { store, certificates, clock, random: systemRandom, logger: silentLogger };
  const made = await createCluster(deps, {
    advertiseHost: '127.0.0.1',
    controlAddress: '127.0.0.1:2377',
    privateKey: createPrivateKeyPem(),
  });
  await commitCluster(store, made);
  /** The peers whose upgrades came through, in order. */
  const upgrades: ControlPeer[] = [];
  const server = await startControlServer({
    ...deps,
    identity:
      options.ownCertificateLifeMs === undefined
        ? made.identity
        : forge(made.cluster.ca, made.identity, 'manager', options.ownCertificateLifeMs),
    listen: { host: '127.0.0.1', port: 0 },
    onUpgrade: (_request, socket, _head, peer) => {
      upgrades.push(peer);
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    },
  });
  const address = `127.0.0.1:${server.address.port}`;
  return {
    store,
    journal,
    server,
    certificates,
    upgrades,
    address,
    port: server.address.port,
    identity: made.identity,
    cluster: () => store.view((tx) => tx.clusters.get(made.cluster.ID)) ?? raise('the cluster is gone'),
    join: (changes: Partial<Parameters<typeof enrol>[0]> = {}): Promise<NodeIdentity> =>
      enrol({
        addresses: [address],
        token: store.view((tx) => tx.clusters.all()[0]?.JoinTokens.Worker ?? ''),
        privateKey: createPrivateKeyPem(),
        clock,
        ...changes,
      }),
    async stop() {
      await server.close();
      await store.close();
    },
  };
}

export type TestManager = Awaited<ReturnType<typeof startTestManager>>;

/** A certificate as the manager's own root would make it, for a node of any name, key and role. */
export function forge(root: SigningRoot, of: Pick<NodeIdentity, 'nodeID' | 'clusterID' | 'privateKey'>, role: Role, lifeMs = 3_600_000) {
  const publicKey = createPublicKey(of.privateKey);
  const nowMs = Date.now();
  return {
    ...of,
    role,
    certificate: signNodeCertificate(root, { publicKey, nodeID: of.nodeID, clusterID: of.clusterID, role, nowMs, lifeMs }),
    rootCertificate: root.certificate,
  };
}

/** The same names and key, certified by a root of someone else's making. */
export function forgeWithForeignRoot(identity: NodeIdentity): NodeIdentity {
  return { ...forge(createRoot(Date.now()), identity, identity.role), rootCertificate: identity.rootCertificate };
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request, with the identity's certificate or without any, and without checking the server. */
export function send(
  manager: TestManager,
  method: string,
  path: string,
  options: { readonly identity?: NodeIdentity; readonly body?: string; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { identity, body, headers } = options;
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({
      ...clientOptions(manager, identity),
      agent: false,
      method,
      path,
      headers: { ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }), ...headers },
    });
    const finish = (reply: { statusCode?: number | undefined } & NodeJS.ReadableStream) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('end', () => resolve({ status: reply.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    };
    outgoing.on('response', finish);
    outgoing.on('upgrade', (reply, socket) => {
      socket.destroy();
      resolve({ status: reply.statusCode ?? 0, body: '' });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** Asks for a WebSocket. 101: the handler had it. */
export function upgrade(manager: TestManager, path: string, identity?: NodeIdentity): Promise<Answer> {
  return send(manager, 'GET', path, {
    ...(identity && { identity }),
    headers: {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    },
  });
}

/** A bare TLS connection: resolves once the handshake is done on our side. */
export function dial(manager: TestManager, identity: NodeIdentity | undefined, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...clientOptions(manager, identity), ...options }, () => resolve(socket));
    socket.on('error', reject);
  });
}

function clientOptions(manager: TestManager, identity: NodeIdentity | undefined): ConnectionOptions {
  const target = { host: '127.0.0.1', port: manager.port };
  return identity === undefined ? { ...target, rejectUnauthorized: false } : { ...tlsClientOptions(identity), ...target };
}

function raise(message: string): never {
  throw new Error(message);
}
