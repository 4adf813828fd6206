import { chmod, chown, mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PayloadError, type PayloadFile, type PayloadFiles } from './payload-files.ts';
import { ensureMemoryFolder, isMountPoint, type TmpfsMounter } from './tmpfs.ts';

export interface TmpfsPayloadFilesDeps {
  /** The mount point; nodes that share it have a folder each. */
  readonly mountPoint: string;
  readonly nodeID: string;
  readonly mounter: TmpfsMounter;
}

const UNFINISHED = '.new';

/**
 * Payloads on a tmpfs of the daemon's own, mounted when the first one is written. It stays mounted when the daemon ends:
 * containers that run or are started again find their files. After a reboot it is empty, and tasks get theirs anew from
 * the assignments. @throws PayloadError when what is there cannot be read
 */
export async function openTmpfsPayloadFiles(deps: TmpfsPayloadFilesDeps): Promise<PayloadFiles> {
  const { mountPoint, mounter } = deps;
  const root = join(mountPoint, deps.nodeID);
  const folderOf = (taskID: string) => join(root, taskID);
  const held = new Set<string>();
  let ready: Promise<void> | undefined;

  for (const name of (await translated('read', () => list(root))) ?? []) {
    if (name.endsWith(UNFINISHED)) await translated('remove', () => rm(join(root, name), { recursive: true, force: true }));
    else held.add(name);
  }

  /** Once; a mount that was refused is tried again with the next task. */
  function prepare(): Promise<void> {
    ready ??= (async () => {
      try {
        await ensureMemoryFolder(mountPoint, mounter);
        await mkdir(root, { recursive: true, mode: 0o700 });
      } catch (error) {
        ready = undefined;
        throw new PayloadError(
          `this node cannot keep secrets and configs in memory, and does not write them to a disk: no tmpfs can be mounted at ${mountPoint} (${reasonOf(error)}). Run the swarm daemon as root with the right to mount, or give it an --exec-root on a tmpfs`,
          error,
        );
      }
    })();
    return ready;
  }

  return {
    folderOf,
    held: () => held,
    async put(taskID, files) {
      if (held.has(taskID)) return;
      await prepare();
      const unfinished = `${folderOf(taskID)}${UNFINISHED}`;
      try {
        await rm(unfinished, { recursive: true, force: true });
        await mkdir(unfinished, { mode: 0o700 });
        for (const file of files) await write(unfinished, file);
        await rename(unfinished, folderOf(taskID));
        held.add(taskID);
      } catch (error) {
        await translated('remove', () => rm(unfinished, { recursive: true, force: true }));
        throw new PayloadError(`the secrets and configs of this task cannot be written below ${root}: ${reasonOf(error)}`, error);
      }
    },
    async remove(taskID) {
      await translated('remove', () => rm(folderOf(taskID), { recursive: true, force: true }));
      held.delete(taskID);
    },
    async removeAll() {
      await translated('remove', async () => {
        await rm(root, { recursive: true, force: true });
        held.clear();
        ready = undefined;
        const others = await list(mountPoint);
        if (others === undefined || others.length > 0) return;
        if (await isMountPoint(mountPoint)) await mounter.unmount(mountPoint);
        await rmdir(mountPoint);
      });
    },
  };

  function translated<T>(doing: 'read' | 'remove', work: () => Promise<T>): Promise<T> {
    return work().catch((error: unknown) => {
      const verb = doing === 'read' ? 'read' : 'removed';
      throw new PayloadError(`secrets and configs of tasks below ${root} cannot be ${verb}: ${reasonOf(error)}`, error);
    });
  }
}

async function write(folder: string, file: PayloadFile): Promise<void> {
  const path = join(folder, file.name);
  await writeFile(path, file.data, { flag: 'wx', mode: 0o600 });
  await chown(path, file.uid, file.gid);
  await chmod(path, file.mode);
}

/** The names in a folder; undefined when it does not exist. */
async function list(path: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.trim() : String(error);
}
