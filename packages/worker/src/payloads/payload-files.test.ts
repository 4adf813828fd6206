import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createMemoryPayloadFiles } from './memory-payload-files.ts';
import type { PayloadFile } from './payload-files.ts';
import { payloadFilesContract } from './payload-files-contract.ts';
import { isInMemory, type TmpfsMounter } from './tmpfs.ts';
import { openTmpfsPayloadFiles } from './tmpfs-payload-files.ts';

/** Linux has memory here for everyone; mounting some takes root, which the tests on a real engine have. */
const MEMORY = '/dev/shm';
const hasMemory = existsSync(MEMORY) && (await isInMemory(MEMORY));
const DISK = tmpdir();

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
function folderIn(parent: string): string {
  const folder = mkdtempSync(join(parent, 'swarm-payload-files-'));
  folders.push(folder);
  return folder;
}

const refusing: TmpfsMounter = {
  mount: () => Promise.reject(new Error('mount: permission denied')),
  unmount: () => Promise.reject(new Error('umount: not mounted')),
};

async function readFolder(folder: string): Promise<readonly PayloadFile[] | undefined> {
  if (!existsSync(folder)) return undefined;
  return Promise.all(
    (await readdir(folder)).sort().map(async (name) => {
      const [data, { uid, gid, mode }] = await Promise.all([readFile(join(folder, name)), stat(join(folder, name))]);
      return { name, data: new Uint8Array(data), uid, gid, mode: mode & 0o777 };
    }),
  );
}

payloadFilesContract('in this process', async () => {
  const payloads = createMemoryPayloadFiles();
  return {
    payloads,
    read: async (taskID) => payloads.files(taskID),
    refuse: async () => payloads.refuse('no memory here'),
    restart: async () => payloads,
    uid: 5,
    gid: 6,
  };
});

describe.skipIf(!hasMemory)('on a memory file system', () => {
  payloadFilesContract('tmpfs', async () => {
    const mountPoint = join(folderIn(MEMORY), 'payloads');
    const open = () => openTmpfsPayloadFiles({ mountPoint, nodeID: 'n1', mounter: refusing });
    const payloads = await open();
    return {
      payloads,
      read: (taskID) => readFolder(payloads.folderOf(taskID)),
      refuse: async () => {
        await mkdir(mountPoint, { recursive: true });
        await writeFile(join(mountPoint, 'n1'), 'no folder');
      },
      restart: open,
      uid: process.getuid?.() ?? 0,
      gid: process.getgid?.() ?? 0,
    };
  });

  test('nodes that share the mount leave each other alone', async () => {
    const mountPoint = join(folderIn(MEMORY), 'payloads');
    const [one, other] = await Promise.all(['n1', 'n2'].map((nodeID) => openTmpfsPayloadFiles({ mountPoint, nodeID, mounter: refusing })));
    await one?.put('a', []);
    await other?.put('a', []);
    await one?.removeAll();
    expect([...(other?.held() ?? [])]).toEqual(['a']);
    expect(existsSync(other?.folderOf('a') ?? '')).toBe(true);
    await other?.removeAll();
    expect(existsSync(mountPoint)).toBe(false);
  });

  test('a folder that a crash left half-written is thrown away', async () => {
    const mountPoint = join(folderIn(MEMORY), 'payloads');
    await mkdir(join(mountPoint, 'n1', 'a.new'), { recursive: true });
    const payloads = await openTmpfsPayloadFiles({ mountPoint, nodeID: 'n1', mounter: refusing });
    expect([...payloads.held()]).toEqual([]);
    expect(await readdir(join(mountPoint, 'n1'))).toEqual([]);
  });
});

describe.skipIf(await isInMemory(DISK))('on a disk', () => {
  test.each([
    ['a mount is refused', refusing, /does not write them to a disk.*permission denied/],
    ['a mount does nothing', { ...refusing, mount: () => Promise.resolve() }, /does not write them to a disk.*still on a disk/],
  ])('nothing is written when %s', async (_when, mounter, reason) => {
    const mountPoint = join(folderIn(DISK), 'payloads');
    const payloads = await openTmpfsPayloadFiles({ mountPoint, nodeID: 'n1', mounter });
    const secret = { name: 'secret-0', data: Buffer.from('x'), uid: 0, gid: 0, mode: 0o400 };
    await expect(payloads.put('a', [secret])).rejects.toThrow(reason);
    expect(await readdir(mountPoint)).toEqual([]);
  });
});
