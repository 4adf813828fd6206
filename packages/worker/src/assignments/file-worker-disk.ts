import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type WorkerDisk, WorkerDiskError, type WorkerDocument } from './worker-disk.ts';

/**
 * Documents as files below `folder`. A file is a version byte, a nonce, a tag and the encrypted JSON (AES-256-GCM); the
 * document's name is authenticated with it, so that one cannot stand for another. The key is derived from the node's
 * private key: files of another node, or copied without the key, are of no use.
 */
export interface FileWorkerDiskDeps {
  readonly folder: string;
  /** PKCS#8, PEM. */
  readonly privateKey: string;
}

const FORMAT = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const CIPHER = 'aes-256-gcm';
const KEY_PURPOSE = 'swarm worker disk 1';

export function createFileWorkerDisk(deps: FileWorkerDiskDeps): WorkerDisk {
  const { folder } = deps;
  const key = Buffer.from(hkdfSync('sha256', deps.privateKey.trim(), '', KEY_PURPOSE, KEY_BYTES));

  function encrypt(name: WorkerDocument, value: unknown): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key, nonce).setAAD(Buffer.from(name));
    const content = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.of(FORMAT), nonce, cipher.getAuthTag(), content]);
  }

  function decrypt(name: WorkerDocument, bytes: Buffer): unknown {
    if (bytes[0] !== FORMAT || bytes.length < 1 + NONCE_BYTES + TAG_BYTES) throw new Error('not a document of this version');
    const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
    const tag = bytes.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(name)).setAuthTag(tag);
    const content = Buffer.concat([decipher.update(bytes.subarray(1 + NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    return JSON.parse(content.toString('utf8'));
  }

  return {
    async read(name) {
      const path = join(folder, name);
      try {
        return decrypt(name, await readFile(path));
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw new WorkerDiskError(`${path} cannot be read: it is damaged, or was written with another node's key`, cause);
      }
    },
    async write(name, value) {
      const path = join(folder, name);
      const bytes = encrypt(name, value);
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await writeDurably(`${path}.new`, bytes);
        await rename(`${path}.new`, path);
        await syncFolder(folder);
      } catch (cause) {
        throw new WorkerDiskError(`${path} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
      }
    },
  };
}

async function writeDurably(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The new name itself is durable only once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
