import { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { trustBundle, trustedRoots } from '@swarm/shared/domain/cluster-roots';
import type { Cluster } from '@swarm/shared/domain/objects';
import { createCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { chainOfPeer, readChain } from '@swarm/shared/identity/chain';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { type CertificateCheck, checkNodeCertificate } from '@swarm/shared/identity/node-certificate';
import { tlsServerOptions } from '@swarm/shared/identity/tls-options';
import { type ControlRefusal, REFUSAL_STATUS } from '@swarm/shared/protocol/control-refusal';
import { CONTROL_PATHS, EnrolRequestSchema } from '@swarm/shared/protocol/session';
import { validatorOf } from '@swarm/shared/schema/validator';
import type { ReadTransaction } from '../store/store.ts';
import type { ControlServer, OnUpgrade } from './control-port.ts';
import { decidePeer, type PeerDecision } from './decide/peer.ts';
import { Enrolment, type EnrolmentDeps } from './enrolment.ts';
import { readJsonBody } from './json-body.ts';

type ServerIdentity = Pick<NodeIdentity, 'certificate' | 'privateKey' | 'rootCertificate'>;

export interface ControlServerDeps extends EnrolmentDeps {
  /** Of this manager. */
  readonly identity: ServerIdentity;
  readonly listen: { readonly host: string; readonly port: number };
  readonly onUpgrade: OnUpgrade;
}

/** Between a client's first byte and the end of its request. Joining takes milliseconds. */
const REQUEST_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_TIMEOUT_MS = 5_000;
const MAX_BODY_BYTES = 16_384;
const MAX_HEADER_BYTES = 8_192;
/** Sessions and streams of a large cluster, and a bound for those who only connect. */
const MAX_CONNECTIONS = 20_000;

/**
 * The control port. Deny by default: TLS lets in clients without a certificate, since joining hosts have none, so each
 * request and each upgrade is checked here. Open are the root certificate and the signing of a join request; all else,
 * WebSocket upgrades included, needs the certificate of a node that is in the store now.
 */
export async function startControlServer(deps: ControlServerDeps): Promise<ControlServer> {
  const enrolment = new Enrolment(deps);
  let own: ServerIdentity = await servingIdentity(deps);
  // Whom the cluster trusts is the store's to say: this manager's own files may be a step behind.
  let roots = deps.store.view(bundleOf);
  const serverOptions = () => tlsServerOptions({ ...own, rootCertificate: roots });
  const server = createServer({
    ...serverOptions(),
    handshakeTimeout: REQUEST_TIMEOUT_MS,
    headersTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
  server.maxConnections = MAX_CONNECTIONS;

  server.on('request', (request, response) => {
    respond(request, response).catch((error: unknown) => {
      // A store that has stopped ends the manager by its own way; this client must not wait for it.
      deps.logger.error({ err: error }, 'a request to the control port failed');
      sendRefusal(response, { code: 'unavailable', message: 'the manager cannot serve this now; try again' });
    });
  });
  server.on('upgrade', (request, socket, head) => {
    const onError = () => socket.destroy();
    socket.on('error', onError);
    const decision = checkPeer(deps, socket);
    if (decision.kind === 'refuse') return refuseUpgrade(socket, decision.refusal);
    const { nodeID, role, keyFingerprint } = decision.certificate;
    socket.off('error', onError);
    deps.onUpgrade(request, socket, head, { nodeID, role, keyFingerprint, address: addressOf(socket) });
  });
  const connections = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('clientError', (_error, socket) => socket.destroy());

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if (path === CONTROL_PATHS.ca && request.method === 'GET') return sendRoot(deps, response);
    if (path === CONTROL_PATHS.enrol && request.method === 'POST') return respondToEnrol(request, response);
    const decision = checkPeer(deps, request.socket);
    if (decision.kind === 'refuse') return sendRefusal(response, decision.refusal);
    sendRefusal(response, { code: 'not-found', message: `the control port has no ${request.method} ${path}` });
  }

  async function respondToEnrol(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readJsonBody(request, MAX_BODY_BYTES);
    if (body.kind === 'aborted') return;
    if (body.kind === 'refused') return sendRefusal(response, body.refusal);
    if (!enrolValidator.check(body.value)) {
      const misfit = enrolValidator.explain(body.value);
      const message = `the join request is malformed: ${misfit?.path || 'it'} ${misfit?.message ?? 'does not fit'}`;
      return sendRefusal(response, { code: 'malformed', message });
    }
    // A certificate that is no good counts as none here: what counts is the token, or the key that signed the request.
    const check = certificateCheck(deps, request.socket);
    const result = await enrolment.enrol(body.value, {
      address: addressOf(request.socket),
      ...(check?.kind === 'valid' && { peerFingerprint: check.certificate.keyFingerprint }),
    });
    if (result.kind === 'refused') return sendRefusal(response, result.refusal, result.retryAfterMs);
    sendJson(response, 200, result.reply);
  }

  const stopWatch = deps.store.watch(({ changes }) => {
    if (!changes.some(({ table }) => table === 'clusters')) return;
    const next = deps.store.view(bundleOf);
    if (next === roots) return;
    roots = next;
    server.setSecureContext(serverOptions());
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(deps.listen.port, deps.listen.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    address: { host: address, port },
    replaceIdentity(identity) {
      own = identity;
      server.setSecureContext(serverOptions());
    },
    close: () =>
      new Promise((resolve) => {
        stopWatch();
        server.close(() => resolve());
        for (const socket of connections) socket.destroy();
      }),
  };
}

/**
 * A manager that was off for longer than its certificate lasts must serve before it can renew, and clients refuse an
 * expired certificate: it signs one for its own key, which its renewal then replaces.
 */
async function servingIdentity(deps: ControlServerDeps): Promise<ServerIdentity> {
  const { identity, store, certificates, clock, logger } = deps;
  const cluster = store.view((tx) => tx.clusters.all()[0]);
  if (cluster === undefined) throw new Error('the control port needs a cluster in the store');
  const check = checkNodeCertificate(readChain(identity.certificate), rootsOf(cluster), clock.now());
  if (check.kind === 'refused') throw new Error(`this node's own certificate is not accepted: ${check.reason}`);
  const { nodeID, role, keyFingerprint } = check.certificate;
  const node = store.view((tx) => tx.nodes.get(nodeID));
  if (role !== 'manager' || node?.role !== 'manager' || node.keyFingerprint !== keyFingerprint) {
    throw new Error(`node ${nodeID} is no manager of cluster ${cluster.ID}: it cannot serve the control port`);
  }
  if (check.kind === 'valid') return identity;
  logger.warn({ nodeID }, 'the certificate of this manager expired while it was off; it serves with a new one');
  const issued = await certificates.issue(cluster, { csr: createCertificateRequest(identity.privateKey), nodeID, role });
  return { ...identity, certificate: issued.certificate };
}

const enrolValidator = validatorOf(EnrolRequestSchema);

function checkPeer(deps: ControlServerDeps, socket: Duplex): PeerDecision {
  const check = certificateCheck(deps, socket);
  return deps.store.view((tx) => decidePeer(check, tx.clusters.all()[0]?.ID ?? '', (nodeID) => tx.nodes.get(nodeID)));
}

/** What TLS found and what we find must agree: either alone may refuse. Undefined when the client showed no certificate. */
function certificateCheck(deps: ControlServerDeps, socket: Duplex): CertificateCheck | undefined {
  const raw = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (raw === undefined) return undefined;
  const cluster = deps.store.view((tx) => tx.clusters.all()[0]);
  if (cluster === undefined) return { kind: 'refused', reason: 'this manager has no cluster yet' };
  const check = checkNodeCertificate(chainOfPeer(raw), rootsOf(cluster), deps.clock.now());
  if (check.kind !== 'valid' || (socket as TLSSocket).authorized) return check;
  return { kind: 'refused', reason: String((socket as TLSSocket).authorizationError) };
}

function bundleOf(tx: ReadTransaction): string {
  const cluster = tx.clusters.all()[0];
  if (cluster === undefined) throw new Error('the control port needs a cluster in the store');
  return trustBundle(cluster);
}

function rootsOf(cluster: Cluster): readonly X509Certificate[] {
  return trustedRoots(cluster).map((root) => new X509Certificate(root));
}

function addressOf(socket: Duplex): string {
  const address = socket instanceof TLSSocket ? (socket.remoteAddress ?? '') : '';
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}

function sendRoot(deps: ControlServerDeps, response: ServerResponse): void {
  const root = deps.store.view((tx) => tx.clusters.all()[0]?.ca.certificate);
  if (root === undefined) {
    sendRefusal(response, { code: 'unavailable', message: 'this manager has no cluster yet; try again' });
    return;
  }
  response.writeHead(200, { 'content-type': 'application/x-pem-file', 'content-length': Buffer.byteLength(root) }).end(root);
}

function sendRefusal(response: ServerResponse, refusal: ControlRefusal, retryAfterMs?: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (retryAfterMs !== undefined) response.setHeader('retry-after', Math.ceil(retryAfterMs / 1000));
  // What is left of the request is not read.
  response.setHeader('connection', 'close');
  sendJson(response, REFUSAL_STATUS[refusal.code], refusal);
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

function refuseUpgrade(socket: Duplex, refusal: ControlRefusal): void {
  const text = JSON.stringify(refusal);
  const status = REFUSAL_STATUS[refusal.code];
  const head = `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n`;
  socket.end(head + text, () => socket.destroy());
}
