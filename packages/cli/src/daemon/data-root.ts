import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';

/** Where things stand in the data root: all that a daemon needs to come back as it was. */
export interface DataRoot {
  readonly path: string;
  /** What this host is a member of, see `Membership`. */
  readonly membershipFile: string;
  /** See `IdentityStore`. */
  readonly identity: string;
  readonly manager: string;
  readonly worker: string;
  /** Why the pid file could not be written, as on a full disk; the lock holds without it. */
  readonly problem?: string;
  /** Releases the lock, for a daemon that stops. */
  release(): Promise<void>;
}

export class DataRootBusy extends Error {
  constructor(path: string, pid: string) {
    super(
      `another swarm daemon${pid === '' ? '' : ` (process ${pid})`} uses the data root ${path}: stop it first, or give this one another --data-root`,
    );
    this.name = 'DataRootBusy';
  }
}

/**
 * Takes the data root for this process. The lock is a socket in Linux's abstract namespace, named after the directory's
 * device and inode: the kernel frees it with the process, however that ends, so it is never stale. The pid file only says
 * who has it. @throws DataRootBusy
 */
export async function takeDataRoot(path: string): Promise<DataRoot> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { dev, ino } = await stat(path);
  const pidFile = join(path, 'daemon.pid');
  const lock = await listenOnce(`\0swarm-data-root-${dev}-${ino}`);
  if (lock === undefined) throw new DataRootBusy(path, (await readOptional(pidFile))?.trim() ?? '');
  const problem = await writeFile(pidFile, `${process.pid}\n`, { mode: 0o600 }).then(
    () => undefined,
    (error: Error) => error.message,
  );
  return {
    path,
    ...(problem !== undefined && { problem }),
    membershipFile: join(path, 'membership.json'),
    identity: join(path, 'identity'),
    manager: join(path, 'manager'),
    worker: join(path, 'worker'),
    async release() {
      await rm(pidFile, { force: true });
      await new Promise<void>((resolve) => lock.close(() => resolve()));
    },
  };
}

/** Undefined when somebody has the name. */
function listenOnce(path: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

export async function readOptional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** After a crash or a power loss the file is the old one or the new one, never a mixture. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.${randomUUID()}.new`;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    // It is tried again: on a full disk each attempt would leave one more.
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

export async function removeDurably(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await syncDirectory(dirname(path));
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
