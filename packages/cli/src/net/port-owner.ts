import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

export interface PortOwner {
  readonly pid: number;
  readonly command: string;
}

const LISTEN = '0A';

/**
 * Which process has a port of this host, as the kernel's tables tell. Undefined where it cannot be seen: it ended
 * meanwhile, or belongs to another user and we lack the rights. Reads every process's descriptors: not for often.
 */
export async function findPortOwner(protocol: 'tcp' | 'udp', port: number, proc = '/proc'): Promise<PortOwner | undefined> {
  const sockets = new Set<string>();
  for (const family of [protocol, `${protocol}6`]) {
    for (const inode of socketsOn(await readOrNothing(join(proc, 'net', family)), protocol, port)) sockets.add(`socket:[${inode}]`);
  }
  if (sockets.size === 0) return undefined;
  for (const pid of await listOrNothing(proc)) {
    if (!/^\d+$/.test(pid)) continue;
    const folder = join(proc, pid, 'fd');
    for (const descriptor of await listOrNothing(folder)) {
      const target = await readlink(join(folder, descriptor)).catch(() => '');
      if (sockets.has(target)) return { pid: Number(pid), command: (await readOrNothing(join(proc, pid, 'comm'))).trim() };
    }
  }
  return undefined;
}

/** Inodes of the sockets that hold the port. `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode` */
export function socketsOn(table: string, protocol: 'tcp' | 'udp', port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    if (!local.endsWith(suffix) || inode === undefined || inode === '0') return [];
    return protocol === 'udp' || state === LISTEN ? [inode] : [];
  });
}

/** Processes come and go while they are looked at. */
async function readOrNothing(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

async function listOrNothing(path: string): Promise<readonly string[]> {
  return readdir(path).catch(() => []);
}
