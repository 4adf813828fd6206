import net from 'node:net';

/** Below those that the kernel hands out by itself: one of these is free a moment later, too. */
const FIRST = 20_000;
const COUNT = 10_000;

/** A port that nobody on this machine listens on, TCP; nobody is given it by chance either. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const server = net.createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
