import dgram from 'node:dgram';
import net, { type Server, type Socket } from 'node:net';
import type { Transport } from './forwarder.ts';
import type { Responder } from './responder.ts';
import { createFrameReader, frame } from './tcp-frames.ts';

/** Where names are answered: one address and port, UDP and TCP. */
export interface DnsSockets {
  readonly udp: dgram.Socket;
  readonly tcp: Server;
  close(): void;
}

export interface DnsPlace {
  readonly address: string;
  readonly port: number;
}

const MAX_CONNECTIONS = 512;
/** So that one container that opens them without end does not take TCP from the others. */
const MAX_CONNECTIONS_OF_ASKER = 64;
/** Queries are small; a longer one is no query. */
const MAX_QUERY_BYTES = 4096;
const IDLE_MS = 10_000;
/** Of one connection: more waits in the kernel. */
const MAX_PENDING = 32;
const MAX_UNSENT_BYTES = 1024 * 1024;
/** For a burst while the process is busy; the kernel takes what its own limit allows. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

/** @throws the error of the system where the address or the port cannot be had; then nothing is bound. */
export async function bindDns(place: DnsPlace, responder: Responder): Promise<DnsSockets> {
  const udp = dgram.createSocket({ type: 'udp4', lookup: asGiven });
  const tcp = net.createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      udp.once('error', reject);
      udp.bind({ port: place.port, address: place.address, exclusive: true }, resolve);
    });
    await new Promise<void>((resolve, reject) => {
      tcp.once('error', reject);
      tcp.listen({ port: place.port, host: place.address, exclusive: true }, resolve);
    });
  } catch (error) {
    udp.close();
    tcp.close();
    throw error;
  }
  return join(serveUdp(udp, responder), serveTcp(tcp, responder));
}

/** One half of it, on a socket that is bound: by this process, or by the one before it. */
export interface Served<T> {
  readonly socket: T;
  close(): void;
}

export function serveUdp(socket: dgram.Socket, responder: Responder): Served<dgram.Socket> {
  let closed = false;
  socket.removeAllListeners('error');
  // Of an answer that could not be sent: the asker asks again.
  socket.on('error', () => undefined);
  socket.on('message', (bytes, { address, port }) => {
    answer(responder, bytes, address, 'udp', (reply) => {
      if (reply !== undefined && !closed) socket.send(reply, port, address, () => undefined);
    });
  });
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
  return {
    socket,
    close() {
      if (closed) return;
      closed = true;
      socket.close();
    },
  };
}

export function serveTcp(server: Server, responder: Responder): Served<Server> {
  const connections = new Set<Socket>();
  server.removeAllListeners('error');
  // Of a connection that could not be accepted, for lack of descriptors: it is closed, others go on.
  server.on('error', () => undefined);
  server.maxConnections = MAX_CONNECTIONS;
  const ofAsker = new Map<string, number>();
  server.on('connection', (socket) => {
    const asker = socket.remoteAddress ?? '';
    const open = ofAsker.get(asker) ?? 0;
    if (open >= MAX_CONNECTIONS_OF_ASKER) return void socket.destroy();
    ofAsker.set(asker, open + 1);
    connections.add(socket);
    socket.on('close', () => {
      connections.delete(socket);
      const left = (ofAsker.get(asker) ?? 1) - 1;
      if (left === 0) ofAsker.delete(asker);
      else ofAsker.set(asker, left);
    });
    serveConnection(socket, responder);
  });
  return {
    socket: server,
    close() {
      server.close();
      for (const socket of connections) socket.destroy();
    },
  };
}

export function join(udp: Served<dgram.Socket>, tcp: Served<Server>): DnsSockets {
  return {
    udp: udp.socket,
    tcp: tcp.socket,
    close() {
      udp.close();
      tcp.close();
    },
  };
}

function serveConnection(socket: Socket, responder: Responder): void {
  const asker = socket.remoteAddress ?? '';
  let pending = 0;
  const read = createFrameReader(MAX_QUERY_BYTES, (bytes) => {
    pending += 1;
    if (pending >= MAX_PENDING) socket.pause();
    answer(responder, bytes, asker, 'tcp', (reply) => {
      pending -= 1;
      if (socket.destroyed) return;
      if (reply === undefined || socket.writableLength > MAX_UNSENT_BYTES) socket.destroy();
      else socket.write(frame(reply));
      if (pending < MAX_PENDING) socket.resume();
    });
  });
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    if (!read(chunk)) socket.destroy();
  });
}

function answer(responder: Responder, bytes: Buffer, asker: string, transport: Transport, send: (reply?: Buffer) => void): void {
  const reply = responder.respond(bytes, asker, transport);
  if (reply === undefined || Buffer.isBuffer(reply)) send(reply);
  else void reply.then((late) => send(late));
}

/** Answers go to the address they came from: nothing is to be looked up. */
function asGiven(
  host: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, host, 4);
}
