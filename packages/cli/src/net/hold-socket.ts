import { chmod, chown, rm, stat } from 'node:fs/promises';
import net, { type Server, type Socket } from 'node:net';
import type { Clock } from '@swarm/shared/runtime/clock';
import { closeWhenGone } from '@swarm/shared/runtime/close-when-gone';

export interface HoldSocketOptions {
  /** Where to listen: a file that tasks have mounted, so it must stay the same one. */
  readonly listen: string;
  /** The daemon's API, which comes and goes. */
  readonly api: string;
  readonly clock: Clock;
}

export interface HeldSocketServer {
  readonly server: Server;
  /** Ends its connections. The file stays: it may be another's by now. */
  stop(): void;
}

/**
 * Listens in place of the daemon, and passes every connection on to it, byte by byte. Whoever mounted the file keeps
 * reaching the API when the daemon is replaced; while none runs, connections are closed at once.
 */
export async function holdSocket({ listen, ...passing }: HoldSocketOptions): Promise<HeldSocketServer> {
  return passOn(await listenAt(listen, passing.api), passing);
}

/** The same on a server that listens already. */
export function passOn(server: Server, { api, clock }: Pick<HoldSocketOptions, 'api' | 'clock'>): HeldSocketServer {
  const sockets = new Set<Socket>();
  server.on('connection', (client: Socket) => {
    client.allowHalfOpen = true;
    // The daemon sees this end only, which lives on.
    closeWhenGone(client, clock);
    const daemon = net.connect({ path: api, allowHalfOpen: true });
    join(client, daemon);
    join(daemon, client);
    for (const socket of [client, daemon]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
  });
  return {
    server,
    stop() {
      // Closing a server removes its path.
      server.removeAllListeners('connection');
      server.unref();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function listenAt(listen: string, api: string): Promise<Server> {
  await rm(listen, { force: true });
  const server = net.createServer({ allowHalfOpen: true });
  await listenPrivately(server, listen);
  // As open as the API itself is.
  const { uid, gid, mode } = await stat(api);
  await chown(listen, uid, gid);
  await chmod(listen, mode & 0o777);
  return server;
}

/** Nobody else gets in before the file has the rights it shall have. */
export async function listenPrivately(server: Server, path: string): Promise<void> {
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(before);
  }
}

function join(from: Socket, to: Socket): void {
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.on('close', () => {
    if (from.destroyed && !from.readableEnded) to.destroy();
  });
}
