import { execFile } from 'node:child_process';
import { mkdir, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

/** Mounts and unmounts a file system that lives in memory. Needs root. */
export interface TmpfsMounter {
  /** @throws Error in the system's words */
  mount(path: string): Promise<void>;
  unmount(path: string): Promise<void>;
}

/** `f_type` of file systems without a disk. Source: statfs(2). */
const MEMORY_FILE_SYSTEMS: ReadonlySet<number> = new Set([0x01021994, 0x858458f6]);

/** As Docker mounts its own for secrets, but programs may be run from it: people give containers scripts as configs. */
const MOUNT_OPTIONS = 'mode=0700,nosuid,nodev';

const run = promisify(execFile);

export const systemTmpfs: TmpfsMounter = {
  async mount(path) {
    await run('mount', ['-t', 'tmpfs', '-o', MOUNT_OPTIONS, 'swarm-payloads', path]);
  },
  async unmount(path) {
    await run('umount', [path]);
  },
};

export async function isInMemory(path: string): Promise<boolean> {
  const { type } = await statfs(path);
  return MEMORY_FILE_SYSTEMS.has(type);
}

/** Whether a file system is mounted at the folder itself. */
export async function isMountPoint(path: string): Promise<boolean> {
  const [own, parent] = await Promise.all([stat(path), stat(dirname(path))]);
  return own.dev !== parent.dev;
}

/**
 * Makes the folder and mounts memory on it, unless that is so already: an earlier daemon's mount serves on. A mount that
 * is refused is no harm where the folder lies in memory anyway. @throws Error when what is written there would be on a disk.
 */
export async function ensureMemoryFolder(path: string, mounter: TmpfsMounter): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  if ((await isMountPoint(path)) && (await isInMemory(path))) return;
  try {
    await mounter.mount(path);
  } catch (error) {
    if (!(await isInMemory(path))) throw error;
  }
  if (!(await isInMemory(path))) throw new Error(`${path} is still on a disk after mount`);
}
