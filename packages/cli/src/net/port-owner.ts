import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { TakenWhere } from '@swarm/worker/network/net-process';

export interface PortOwner {
  /** Absent: nobody listens on it, but a connection of the host's own goes out by it. */
  readonly where?: TakenWhere;
  /** Absent where it cannot be seen: it ended meanwhile, or belongs to another user and we lack the rights. */
  readonly process?: { readonly pid: number; readonly command: string };
}

/** States of a socket in the kernel's tables: a TCP one that listens, a UDP one that is not connected. */
const LISTENS = { tcp: '0A', udp: '07' } as const;
const LOOPBACK = [/^[0-9A-F]{6}7F$/, /^0{16}F{4}0{4}[0-9A-F]{6}7F$/, /^0{24}01000000$/];

/** Who has a port of this host, as the kernel's tables tell. Reads every process's descriptors: not for often. */
export async function findPortOwner(protocol: 'tcp' | 'udp', port: number, proc = '/proc'): Promise<PortOwner> {
  const tables = await Promise.all([protocol, `${protocol}6`].map((family) => readOrNothing(join(proc, 'net', family))));
  const sockets = tables.flatMap((table) => socketsOn(table, protocol, port));
  const listening = sockets.filter(({ listens }) => listens);
  const where = listening.length === 0 ? undefined : listening.every(({ isLoopback }) => isLoopback) ? 'loopback' : 'everywhere';
  const found = await findProcess(new Set((listening.length > 0 ? listening : sockets).map(({ inode }) => `socket:[${inode}]`)), proc);
  return { ...(where !== undefined && { where }), ...(found !== undefined && { process: found }) };
}

async function findProcess(sockets: ReadonlySet<string>, proc: string): Promise<PortOwner['process']> {
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

export interface PortSocket {
  readonly inode: string;
  readonly listens: boolean;
  readonly isLoopback: boolean;
}

/** The sockets that hold the port. `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode` */
export function socketsOn(table: string, protocol: 'tcp' | 'udp', port: number): readonly PortSocket[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    if (!local.endsWith(suffix) || inode === undefined || inode === '0') return [];
    const address = local.slice(0, -suffix.length);
    return [{ inode, listens: state === LISTENS[protocol], isLoopback: LOOPBACK.some((pattern) => pattern.test(address)) }];
  });
}

/** Processes come and go while they are looked at. */
async function readOrNothing(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

async function listOrNothing(path: string): Promise<readonly string[]> {
  return readdir(path).catch(() => []);
}
