import { chmod, chown, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import type { Logger } from '@swarm/shared/runtime/logger';
import type { FastifyInstance } from 'fastify';

const SOCKET_MODE = 0o660;
const SOCKET_GROUP = 'docker';

/**
 * Makes the API listen on a unix socket, which is open to root and, where it exists, to group `docker`; one left behind by a
 * dead daemon is replaced, one that answers is not.
 * @throws Error with a sentence for the user when another process listens there.
 */
export async function listenApi(app: FastifyInstance, socketPath: string, logger: Logger): Promise<void> {
  if (await answers(socketPath)) {
    throw new Error(`another daemon already listens on ${socketPath}; stop it, or choose another socket with --host`);
  }
  await rm(socketPath, { force: true });
  // Nobody may connect between binding and the change of owner and mode.
  const before = process.umask(0o177);
  try {
    await app.listen({ path: socketPath });
  } finally {
    process.umask(before);
  }
  const group = groupID(await readFile('/etc/group', 'utf8').catch(() => ''), SOCKET_GROUP);
  if (group !== undefined && process.getuid?.() === 0) await chown(socketPath, 0, group);
  await chmod(socketPath, SOCKET_MODE);
  logger.info({ socketPath, group: group === undefined ? undefined : SOCKET_GROUP }, 'API listens');
}

/** The numeric id of a group in the text of /etc/group. */
export function groupID(groups: string, name: string): number | undefined {
  for (const line of groups.split('\n')) {
    const [group, , id] = line.split(':');
    if (group === name && id !== undefined && /^\d+$/.test(id)) return Number(id);
  }
  return undefined;
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
