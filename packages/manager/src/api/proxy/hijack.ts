import type { IncomingMessage, Server } from 'node:http';
import net, { type Socket } from 'node:net';
import { type Duplex, pipeline } from 'node:stream';
import { type ApiError, badRequest } from '@swarm/shared/errors/api-error';
import { MAX_CALL_BODY } from '@swarm/shared/protocol/container-call';
import type { Clock } from '@swarm/shared/runtime/clock';
import { closeWhenGone } from '@swarm/shared/runtime/close-when-gone';
import { http } from '@swarm/shared/runtime/http';
import type { Logger } from '@swarm/shared/runtime/logger';
import { type Gate, passGate } from '../access/gate.ts';
import type { EngineAddress } from '../api-deps.ts';
import { splitApiVersion } from '../api-version.ts';
import { engineUnavailable } from '../engine-client.ts';
import type { RemoteContainers } from '../remote/remote-containers.ts';
import { type HijackedClient, refuseHijack, serveHijack } from '../remote/serve-hijack.ts';
import { filterHeaders, headerObject, headText, isHopByHop } from './headers.ts';

/**
 * Attach and exec turn an HTTP connection into a raw one. Clients ask for it in two ways:
 * - with `Connection: Upgrade` (docker CLI, docker-py, dockerode): Node hands the connection over by `upgrade`, after it
 *   has read the request's body, which must reach the engine first;
 * - without it (old clients): what follows the request on the connection is standard input, which Node's parser would
 *   take for a further request. The parser is therefore detached as soon as the head has been read, and what it had
 *   in hand already is taken back from its complaint.
 * Either way both directions are piped, half-closes included, until both ends are done. Standard input waits until the
 * engine has answered: what reaches it in one piece with the request is lost inside it.
 */
const HIJACKING = /^\/(containers\/[^/]+\/attach|exec\/[^/]+\/start)$/;

/** All that an engine upgrades. Some clients offer an upgrade (`h2c`) with every request: elsewhere it is ignored, as the engine does. */
const UPGRADING = /^\/(containers\/[^/]+\/attach(\/ws)?|exec\/[^/]+\/start|session|grpc)$/;

export function hijacksWithoutUpgrade(request: IncomingMessage): boolean {
  const plain = request.headers.upgrade === undefined && request.headers['transfer-encoding'] === undefined;
  return request.method === 'POST' && plain && HIJACKING.test(pathOf(request));
}

export function mayUpgrade(request: IncomingMessage): boolean {
  return UPGRADING.test(pathOf(request));
}

function pathOf(request: IncomingMessage): string {
  return splitApiVersion(request.url ?? '/').rest.split('?', 1)[0] ?? '';
}

export interface HijackDeps {
  readonly gate: Gate;
  readonly engine: EngineAddress;
  readonly logger: Logger;
  readonly remote: RemoteContainers;
  readonly clock: Clock;
}

/** To the node that has the container, else to the local engine. */
function dispatch(deps: HijackDeps, request: IncomingMessage, client: HijackedClient, local: () => void): void {
  deps.remote.find(request.method ?? '', request.url ?? '/').then(
    (remote) => {
      if (remote === undefined) local();
      else void serveHijack(client, remote);
    },
    (error: unknown) => refuseHijack(client.connection, error),
  );
}

/** Serves `upgrade`: the engine answers 101 and the connection is raw, or answers as usual and the connection is closed. */
export function tunnelUpgrades(server: Server, deps: HijackDeps): void {
  server.on('upgrade', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    closeWhenGone(client, deps.clock);
    client.on('error', () => client.destroy());
    try {
      passGate(deps.gate, request);
    } catch (error) {
      refuseHijack(client, error);
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MAX_CALL_BODY) chunks.push(chunk);
      else if (bytes - chunk.length <= MAX_CALL_BODY) refuseHijack(client, bodyTooLarge());
    });
    request.on('end', () => {
      if (bytes > MAX_CALL_BODY) return;
      const body = Buffer.concat(chunks);
      const local = () => upgrade(deps, request, client, body, head);
      dispatch(deps, request, { connection: client, body, input: head, upgrades: true }, local);
    });
  });
}

/** Of a request that makes its connection raw: it says what to run, and what goes in comes behind it. */
function bodyTooLarge(): ApiError {
  return badRequest(`the request's body is larger than ${MAX_CALL_BODY} bytes; send standard input after the answer`);
}

function upgrade(deps: HijackDeps, request: IncomingMessage, client: Duplex, body: Buffer, head: Buffer): void {
  // It went away while it was looked for whose container it wants.
  if (client.destroyed) return;
  const connection = connect(deps.engine);
  const upstream = http.request({
    createConnection: () => connection,
    method: request.method,
    path: request.url,
    headers: headerObject(request.rawHeaders),
  });
  upstream.on('upgrade', (response, engine, engineHead) => {
    client.write(headText(`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`, response.rawHeaders));
    if (engineHead.length > 0) client.write(engineHead);
    if (head.length > 0) engine.write(head);
    join(client, engine);
  });
  upstream.on('response', (response) => {
    const answer = new http.ServerResponse(request);
    answer.assignSocket(client as Socket);
    answer.writeHead(response.statusCode ?? 502, response.statusMessage, [
      ...filterHeaders(response.rawHeaders, (name) => !isHopByHop(name)),
      'Connection',
      'close',
    ]);
    // The engine would keep its connection, since the client's header did not say that it ends.
    pipeline(response, answer, () => {
      connection.destroy();
      client.end();
    });
  });
  upstream.on('error', (error) => refuse(deps, request, client, error));
  client.on('close', () => connection.destroy());
  upstream.end(body);
}

/** Serves a hijack without `Upgrade`. Called synchronously from the `request` event. */
export function tunnelHijack(request: IncomingMessage, deps: HijackDeps): void {
  const { socket } = request;
  const bodyBytes = Number(request.headers['content-length'] ?? 0);
  const parsed: Buffer[] = [];
  const takenBack: Buffer[] = [];
  const raw: Buffer[] = [];
  let joined = false;
  request.on('data', (chunk: Buffer) => parsed.push(chunk));
  // The parser's complaint about what follows the body comes within the event that brought the request, or never.
  hijacked.set(socket, (packet) => takenBack.push(afterRequest(packet, bodyBytes)));
  // As Node does it for an upgrade: from here on neither the parser nor the server's own listeners see the connection.
  for (const event of ['data', 'end', 'drain', 'timeout', 'error']) socket.removeAllListeners(event);
  socket.on('error', () => socket.destroy());
  closeWhenGone(socket, deps.clock);
  if (bodyBytes > MAX_CALL_BODY) {
    refuseHijack(socket, bodyTooLarge());
    // Read and thrown away, so that the client gets to see the answer.
    socket.resume();
    return;
  }
  const onData = (chunk: Buffer) => {
    raw.push(chunk);
    settle();
  };
  socket.on('data', onData);
  // Whoever leaves before the request is whole has nobody else to end the connection: the server no longer sees it.
  socket.once('end', () => {
    settle();
    if (!joined) socket.destroy();
  });
  // The parser's part of the body is handed out after this event.
  setImmediate(settle);

  function settle(): void {
    if (joined) return;
    const bytes = Buffer.concat([...parsed, ...takenBack, ...raw]);
    if (bytes.length < bodyBytes) return;
    joined = true;
    // Paused until the engine has answered: a flowing stream without a listener loses what comes.
    socket.pause();
    socket.off('data', onData);
    const [body, input] = [bytes.subarray(0, bodyBytes), bytes.subarray(bodyBytes)];
    const local = () => connectRaw(deps, request, socket, body, input);
    dispatch(deps, request, { connection: socket, body, input, upgrades: false }, local);
  }
}

/** What to do with the bytes that a parser refused, per connection that was hijacked. */
const hijacked = new WeakMap<Duplex, (packet: Buffer) => void>();

/** True when the error is the parser's complaint about a hijacked connection: the connection must be left alone. */
export function takeBack(socket: Duplex, packet: unknown): boolean {
  const take = hijacked.get(socket);
  if (take === undefined) return false;
  if (Buffer.isBuffer(packet)) take(packet);
  return true;
}

/** The part of a packet behind the request that ends in it. */
function afterRequest(packet: Buffer, bodyBytes: number): Buffer {
  const end = packet.indexOf('\r\n\r\n');
  return end < 0 ? Buffer.alloc(0) : packet.subarray(end + 4 + bodyBytes);
}

/**
 * The engine is told that the connection ends with this exchange, so an answer that is no hijack ends it too: nothing
 * may follow that would reach the engine past our own routes.
 */
function connectRaw(deps: HijackDeps, request: IncomingMessage, client: Duplex, body: Buffer, input: Buffer): void {
  if (client.destroyed) return;
  const engine = connect(deps.engine);
  const unreachable = (error: Error) => refuse(deps, request, client, error);
  engine.once('error', unreachable);
  engine.once('connect', () => {
    const headers = filterHeaders(request.rawHeaders, (name) => name !== 'connection');
    engine.write(headText(`${request.method} ${request.url} HTTP/1.1`, [...headers, 'Connection', 'close']));
    if (body.length > 0) engine.write(body);
    engine.once('readable', () => {
      engine.off('error', unreachable);
      if (input.length > 0) engine.write(input);
      join(client, engine);
    });
  });
  client.on('close', () => engine.destroy());
}

/** Pipes both ways. Either end may finish its half; a failure of one ends both. */
function join(client: Duplex, engine: Duplex): void {
  client.on('error', () => engine.destroy());
  client.on('close', () => engine.destroy());
  engine.on('error', () => client.destroy());
  client.pipe(engine);
  engine.pipe(client);
}

function connect(engine: EngineAddress): Socket {
  return net.connect({ ...('socketPath' in engine ? { path: engine.socketPath } : engine), allowHalfOpen: true });
}

function refuse(deps: HijackDeps, request: IncomingMessage, client: Duplex, error: Error): void {
  // It is the client that went away, and took the connection to the engine with it.
  if (client.destroyed) return;
  deps.logger.warn({ url: request.url, error: error.message }, 'the engine cannot be reached for an attached connection');
  const body = `${JSON.stringify({ message: engineUnavailable(error).message })}\n`;
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body)), 'Connection', 'close'];
  client.end(headText(`HTTP/1.1 503 ${http.STATUS_CODES[503]}`, headers) + body);
}
