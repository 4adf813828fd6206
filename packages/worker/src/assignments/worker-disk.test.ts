import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFileWorkerDisk } from './file-worker-disk.ts';
import { createMemoryWorkerDisk } from './memory-worker-disk.ts';
import { WorkerDiskError } from './worker-disk.ts';
import { workerDiskContract } from './worker-disk-contract.ts';

const folders: string[] = [];
let privateKey = '';
beforeAll(() => {
  privateKey = newKey();
});
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

function newKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'swarm-worker-disk-'));
  folders.push(folder);
  return folder;
}

for (const survives of [true, false]) {
  workerDiskContract(`memory, ${survives ? 'the write survives' : 'the write is lost'}`, async () => {
    const disk = createMemoryWorkerDisk();
    return {
      disk,
      async crashDuring(write) {
        void write();
        disk.crash(survives);
        return disk;
      },
    };
  });
}

for (const tornBytes of [0, 1, 50_000]) {
  workerDiskContract(`files, a crash after ${tornBytes} bytes`, async () => {
    const folder = newFolder();
    const disk = createFileWorkerDisk({ folder, privateKey });
    return {
      disk,
      // A crash leaves the document as it was and some part of the new file beside it.
      async crashDuring(write) {
        const before = readFileSync(join(folder, 'assignments'));
        await write();
        const after = readFileSync(join(folder, 'assignments'));
        writeFileSync(join(folder, 'assignments.new'), after.subarray(0, tornBytes));
        writeFileSync(join(folder, 'assignments'), before);
        return createFileWorkerDisk({ folder, privateKey });
      },
    };
  });
}

describe('files of the worker', () => {
  test('hold nothing readable and are open to their owner only', async () => {
    const folder = newFolder();
    await createFileWorkerDisk({ folder, privateKey }).write('assignments', { password: 'very-secret-word' });
    expect(readFileSync(join(folder, 'assignments')).includes('secret')).toBe(false);
    expect(statSync(join(folder, 'assignments')).mode & 0o777).toBe(0o600);
  });

  test.each([
    ['are changed', (bytes: Buffer) => bytes.fill(0, bytes.length - 1)],
    ['are cut', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    ['are of another version', (bytes: Buffer) => bytes.fill(9, 0, 1)],
    ['are empty', () => Buffer.alloc(0)],
  ])('that %s are refused by name', async (_how, damage) => {
    const folder = newFolder();
    const disk = createFileWorkerDisk({ folder, privateKey });
    await disk.write('assignments', { version: 1, filler: 'x' });
    const path = join(folder, 'assignments');
    writeFileSync(path, damage(readFileSync(path)));
    await expect(disk.read('assignments')).rejects.toThrow(WorkerDiskError);
    await expect(disk.read('assignments')).rejects.toThrow(path);
  });

  test('are of no use to another node, nor under another name', async () => {
    const folder = newFolder();
    const disk = createFileWorkerDisk({ folder, privateKey });
    await disk.write('assignments', { version: 1 });
    await expect(createFileWorkerDisk({ folder, privateKey: newKey() }).read('assignments')).rejects.toThrow(WorkerDiskError);
    writeFileSync(join(folder, 'restarts'), readFileSync(join(folder, 'assignments')));
    await expect(disk.read('restarts')).rejects.toThrow(WorkerDiskError);
  });

  test('that cannot be written say where and why', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'file'), '');
    const disk = createFileWorkerDisk({ folder: join(folder, 'file'), privateKey });
    await expect(disk.write('assignments', 1)).rejects.toThrow(/cannot be written: (EEXIST|ENOTDIR)/);
  });
});
