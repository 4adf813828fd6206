import { chmod, chown, rm, stat } from 'node:fs/promises';
import net, { type Socket } from 'node:net';

export interface HoldSocketOptions {
  /** Where to listen: a file that tasks have mounted, so it must stay the same one. */
  readonly listen: string;
  /** The daemon's API, which comes and goes. */
  readonly api: string;
  readonly signal: AbortSignal;
}

/** How often it is seen whether the socket is still ours. */
const CHECK_EVERY_MS = 2_000;

/**
 * Listens in place of the daemon, and passes every connection on to it, byte by byte. Whoever mounted the file keeps
 * reaching the API when the daemon is replaced; while none runs, connections are closed at once. Ends when the file is
 * removed or replaced: nobody new can mount it then.
 */
export async function holdSocket({ listen, api, signal }: HoldSocketOptions): Promise<void> {
  await rm(listen, { force: true });
  const sockets = new Set<Socket>();
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    const daemon = net.connect({ path: api, allowHalfOpen: true });
    join(client, daemon);
    join(daemon, client);
    for (const socket of [client, daemon]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
  });
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(listen, resolve);
    });
  } finally {
    process.umask(before);
  }
  // As open as the API itself is.
  const { uid, gid, mode } = await stat(api);
  await chown(listen, uid, gid);
  await chmod(listen, mode & 0o777);
  const own = await stat(listen);
  const over = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    stat(listen).then(
      ({ ino, dev }) => {
        if (ino !== own.ino || dev !== own.dev) over.resolve();
      },
      () => over.resolve(),
    );
  }, CHECK_EVERY_MS);
  signal.addEventListener('abort', () => over.resolve(), { once: true });
  if (signal.aborted) over.resolve();
  await over.promise;
  clearInterval(timer);
  // Closing a server removes its path, which may be another's by now: the connections end, and with them the process.
  server.unref();
  for (const socket of sockets) socket.destroy();
}

function join(from: Socket, to: Socket): void {
  from.pipe(to);
  from.on('error', () => to.destroy());
  from.on('close', () => {
    if (from.destroyed && !from.readableEnded) to.destroy();
  });
}
