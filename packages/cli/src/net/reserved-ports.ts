import dgram from 'node:dgram';
import net, { type Server } from 'node:net';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { PortStatus, TakenWhere } from '@swarm/worker/network/net-process';
import type { NetTables } from '@swarm/worker/network/net-tables';
import type { PortOwner } from './port-owner.ts';

type Port = NetTables['ports'][number];

/**
 * Keeps the published ports from the host's other programs. The kernel's rules take what arrives for them before any
 * socket sees it; without a socket a program could bind the port, and would wonder why nobody reaches it.
 *
 * What does arrive here is what no rule led to a task: over IPv6, or while the rules are not there. It is refused: a
 * connection is reset at once (the kernel has accepted it already; nothing is read or sent), a datagram is dropped.
 */
export interface ReservedPorts {
  /** Holds exactly these, as far as they can be had; safe to repeat, and to be repeated: a port becomes free some time. */
  hold(wanted: readonly Port[]): Promise<readonly PortStatus[]>;
  close(): void;
}

export interface ReservedPortsDeps {
  readonly clock: Clock;
  readonly findOwner: (protocol: 'tcp' | 'udp', port: number) => Promise<PortOwner>;
  /** Ports that this very process has for names; they need not be held once more. */
  readonly isOwn: (port: number) => boolean;
}

interface Problem {
  readonly text: string;
  /** A program listens there: what comes for the port stays its own. */
  readonly where?: TakenWhere;
}

interface Held {
  close(): void;
}

/** To look for the owner of a port costs a walk over all processes. */
const LOOK_FOR_OWNER_EVERY_MS = 30_000;
const LEAST_BUFFER_BYTES = 1;

export function createReservedPorts({ clock, findOwner, isOwn }: ReservedPortsDeps): ReservedPorts {
  const held = new Map<string, Held>();
  const problems = new Map<string, Problem & { readonly at: number }>();

  async function take({ protocol, port }: Port, key: string): Promise<Problem | undefined> {
    // Node has no sockets of this kind: the rules serve it, and nothing keeps others from it.
    if (protocol === 'sctp') return undefined;
    try {
      held.set(key, await (protocol === 'tcp' ? holdTcp(port) : holdUdp(port)));
      problems.delete(key);
      return undefined;
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EADDRINUSE' && isOwn(port)) return undefined;
      const known = problems.get(key);
      if (known !== undefined && clock.monotonicMs() - known.at < LOOK_FOR_OWNER_EVERY_MS) return known;
      const problem = code === 'EADDRINUSE' ? taken(protocol, port, await findOwner(protocol, port)) : refused(protocol, port, code);
      problems.set(key, { ...problem, at: clock.monotonicMs() });
      return problem;
    }
  }

  return {
    async hold(wanted) {
      const keys = new Map(wanted.map((port) => [`${port.protocol} ${port.port}`, port]));
      for (const [key, socket] of held) {
        if (keys.has(key)) continue;
        socket.close();
        held.delete(key);
      }
      for (const key of problems.keys()) if (!keys.has(key)) problems.delete(key);
      const statuses: PortStatus[] = [];
      for (const [key, port] of keys) {
        const problem = held.has(key) ? undefined : await take(port, key);
        const { text, where } = problem ?? {};
        statuses.push({ ...port, ...(text !== undefined && { problem: text }), ...(where !== undefined && { taken: where }) });
      }
      return statuses;
    },
    close() {
      for (const socket of held.values()) socket.close();
      held.clear();
    },
  };
}

function taken(protocol: string, port: number, { where, process: owner }: PortOwner): Problem {
  const who = owner === undefined ? 'another process' : `the process "${owner.command}" (pid ${owner.pid})`;
  const place = where === 'loopback' ? 'at 127.0.0.1 of this host' : 'through it here';
  const text = `port ${port}/${protocol} of this host is taken by ${who}, so the service that publishes it is not reached ${place}; stop that process, or publish another port`;
  return { text, ...(where !== undefined && { where }) };
}

function refused(protocol: string, port: number, code: string): Problem {
  const why = code === 'EACCES' ? 'ports below 1024 need the capability CAP_NET_BIND_SERVICE' : `the system says ${code}`;
  return { text: `port ${port}/${protocol} of this host cannot be kept from other programs: ${why}` };
}

async function holdTcp(port: number): Promise<Held> {
  return onEveryAddress(async (host) => {
    const server: Server = net.createServer({ pauseOnConnect: true }, (socket) => {
      socket.on('error', () => undefined);
      socket.resetAndDestroy();
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ port, host, exclusive: true }, resolve);
    });
    server.removeAllListeners('error');
    // Of a connection that could not be accepted: it is refused all the same.
    server.on('error', () => undefined);
    return { close: () => void server.close() };
  });
}

async function holdUdp(port: number): Promise<Held> {
  return onEveryAddress(async (host) => {
    const socket = dgram.createSocket({ type: host === '::' ? 'udp6' : 'udp4' });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind({ port, address: host, exclusive: true }, resolve);
      });
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.removeAllListeners('error');
    socket.on('error', () => undefined);
    socket.setRecvBufferSize(LEAST_BUFFER_BYTES);
    return { close: () => void socket.close() };
  });
}

/** Both families with one socket; only IPv4 where the host has no other. */
async function onEveryAddress(hold: (host: string) => Promise<Held>): Promise<Held> {
  try {
    return await hold('::');
  } catch (error) {
    if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes(codeOf(error))) throw error;
    return hold('0.0.0.0');
  }
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code);
  throw error;
}
