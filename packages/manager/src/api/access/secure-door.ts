import { constants } from 'node:crypto';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls, { type TLSSocket } from 'node:tls';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import type { FastifyInstance } from 'fastify';
import type { ManagerAccess, NodeControl } from '../../seams/node-control.ts';
import type { Store } from '../../store/store.ts';
import { type ApiIdentity, keepApiIdentity } from './api-certificate.ts';
import type { CertificateGate } from './certificate-gate.ts';

export interface SecureDoorDeps {
  readonly node: NodeControl;
  readonly gate: CertificateGate;
  /** Names and addresses that clients reach this host by. */
  readonly names: () => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface SecureDoor {
  readonly address: { readonly host: string; readonly port: number };
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 10_000;
/** Between a connection and its client's first byte of HTTP. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** Silence after which the other end of a connection is asked whether it is still there. */
const KEEP_ALIVE_MS = 30_000;
/** The first byte of every TLS connection: a handshake record. Source: RFC 8446, 5.1. */
const TLS_HANDSHAKE = 0x16;

/**
 * The API over TCP: TLS 1.3 with certificates on both ends, never plain. A connection becomes HTTP only when it is a
 * client's that the cluster knows now; all others hear why not, and nothing they send is read. Without a manager on this
 * host nobody can be known, and connections are ended. When a client is removed, or may do less than before, its connections end.
 */
export async function openSecureDoor(
  app: FastifyInstance,
  listen: { host: string; port: number },
  deps: SecureDoorDeps,
): Promise<SecureDoor> {
  const { node, gate, clock, logger } = deps;
  const identityFor = keepApiIdentity({ clock, names: deps.names, nodeID: () => node.local().nodeID });
  const raw = new Set<Socket>();
  const clients = followClients();
  await app.ready();
  // Node watches for requests whose head does not come only on a server that listens. This one is given its connections.
  app.server.emit('listening');

  const door = tls.createServer({
    minVersion: 'TLSv1.3',
    requestCert: true,
    // Refused below, with a reason: OpenSSL's would be a connection cut short.
    rejectUnauthorized: false,
    allowHalfOpen: true,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  door.on('tlsClientError', (error, socket) => {
    logger.debug({ address: socket.remoteAddress, reason: error.message }, 'a TLS handshake with a client of the API failed');
    socket.destroy();
  });
  door.on('secureConnection', (socket) => {
    socket.on('error', () => socket.destroy());
    const decision = gate.decide(socket);
    if (decision.kind === 'refuse') {
      logger.warn({ address: socket.remoteAddress, reason: decision.error.message }, 'a connection to the API was refused');
      refuse(socket, decision.error.httpStatus, decision.error.message);
      return;
    }
    clients.add(node.manager()?.store, decision.clientID, socket);
    app.server.emit('connection', socket);
  });

  // A laptop that is closed says nothing: whoever followed a silent log or events would be served for ever.
  const server = net.createServer({ allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) => {
    raw.add(socket);
    socket.once('close', () => raw.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(HANDSHAKE_TIMEOUT_MS, () => socket.destroy());
    socket.once('readable', () => {
      const first: Buffer | null = socket.read();
      if (first === null) return void socket.destroy();
      socket.setTimeout(0);
      if (first[0] !== TLS_HANDSHAKE) {
        refuse(socket, 400, PLAIN_REFUSED);
        return;
      }
      socket.unshift(first);
      const manager = node.manager();
      if (manager === undefined) return void socket.destroy();
      shakeHands(manager, socket).catch((error: unknown) => {
        logger.error({ reason: String(error) }, 'the API cannot make its certificate');
        socket.destroy();
      });
    });
  });
  server.maxConnections = MAX_CONNECTIONS;

  let shown: ApiIdentity | undefined;
  async function shakeHands(manager: ManagerAccess, socket: Socket): Promise<void> {
    const identity = await identityFor(manager);
    if (identity !== shown) {
      const { certificate: cert, privateKey: key, rootCertificates: ca } = identity;
      // Without session tickets every connection proves its key anew.
      door.setSecureContext({ cert, key, ca, secureOptions: constants.SSL_OP_NO_TICKET, minVersion: 'TLSv1.3' });
      shown = identity;
    }
    if (!socket.destroyed) door.emit('connection', socket);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { address, port } = server.address() as AddressInfo;
  logger.info({ host: address, port }, 'API listens, for clients with certificates');
  return {
    address: { host: address, port },
    close: () =>
      new Promise((resolve) => {
        clients.stop();
        // Ends that watch: it has nothing else to close.
        app.server.close();
        server.close(() => resolve());
        for (const socket of raw) socket.destroy();
      }),
  };
}

const PLAIN_REFUSED =
  'this address speaks TLS only, with a client certificate: use a docker context or DOCKER_TLS_VERIFY=1 with the files that "swarm client add NAME" makes';

/** Answers whatever comes first, once, without reading it. */
function refuse(socket: Socket | TLSSocket, status: number, message: string): void {
  const body = `${JSON.stringify({ message })}\n`;
  const answer = `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
  const end = () => {
    socket.end(answer, () => socket.destroySoon());
    socket.resume();
  };
  socket.setTimeout(HANDSHAKE_TIMEOUT_MS, () => socket.destroy());
  // Clients take an answer for none that comes before they have asked. What a plain one sent is read already.
  if (socket instanceof tls.TLSSocket) socket.once('data', end);
  else end();
}

/** Connections by client; those of one that is removed or no longer an admin end, streams that it follows included. */
function followClients() {
  const sockets = new Map<string, Set<Socket>>();
  let followed: { readonly store: Store; readonly stop: () => void } | undefined;
  return {
    add(store: Store | undefined, clientID: string, socket: Socket): void {
      if (store !== undefined && followed?.store !== store) {
        followed?.stop();
        const stop = store.watch(({ changes }) => {
          for (const change of changes) {
            if (change.table !== 'clients') continue;
            const open = [...(sockets.get(change.id) ?? [])];
            if (change.after === undefined) for (const socket of open) socket.destroy();
            // What it opened as admin, raw connections above all, no request will ask for again. The answer to a client that gave
            // its role up itself goes out first.
            else if (change.before?.Spec.Role === 'admin' && change.after.Spec.Role !== 'admin') {
              setImmediate(() => {
                for (const socket of open) socket.destroy();
              });
            }
          }
        });
        followed = { store, stop };
      }
      const own = sockets.get(clientID) ?? new Set();
      sockets.set(clientID, own.add(socket));
      socket.once('close', () => {
        own.delete(socket);
        if (own.size === 0 && sockets.get(clientID) === own) sockets.delete(clientID);
      });
    },
    stop: () => followed?.stop(),
  };
}
