import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { link, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { JournalError } from './journal.ts';

/**
 * The file that holds the journal's key. Its first line says how: as it is, or sealed with the cluster's unlock key
 * (autolock). The journal, sealed with the key inside, stays as it is when the form changes.
 */
export interface JournalKey {
  readonly key: Uint8Array;
  /**
   * Seals the file with this unlock key from now on; undefined: with none. Durable when it resolves, with whether that was
   * a change. @throws JournalError
   */
  seal(unlockKey: Uint8Array | undefined): Promise<boolean>;
}

/** The key file is sealed, and what was given does not open it. */
export class JournalLocked extends Error {
  readonly kind: 'no-key' | 'wrong-key';

  constructor(path: string, kind: JournalLocked['kind']) {
    super(
      `the key file ${path} is sealed with the cluster's unlock key, ${kind === 'no-key' ? 'and none was given' : 'and this is another'}`,
    );
    this.name = 'JournalLocked';
    this.kind = kind;
  }
}

const PLAIN = 'swarm journal key, plain';
const SEALED = 'swarm journal key, sealed';
const KEY_BYTES = 32;
const CIPHER = 'aes-256-gcm';
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PURPOSE = 'swarm journal key file';

/**
 * The journal's key in the file `path`, made (0600, plain) when there is none. It is durable when it is returned: what is
 * sealed with it can be read after a crash. A journal whose key file was lost does not open with the new one.
 * @throws JournalError `damaged` or `unavailable`; JournalLocked
 */
export async function openJournalKey(path: string, unlockKey?: Uint8Array): Promise<JournalKey> {
  const text = await translated(path, async () => {
    const existing = await read(path);
    if (existing !== undefined) return existing;
    await create(path);
    return (await read(path)) ?? '';
  });
  const [form, encoded = ''] = text.split('\n');
  const bytes = Buffer.from(encoded, 'base64');
  const sealedLength = SALT_BYTES + NONCE_BYTES + TAG_BYTES + KEY_BYTES;
  if (form === SEALED && bytes.length === sealedLength) {
    if (unlockKey === undefined) throw new JournalLocked(path, 'no-key');
    const key = unseal(bytes, unlockKey);
    if (key === undefined) throw new JournalLocked(path, 'wrong-key');
    return journalKey(path, key, unlockKey);
  }
  if (form !== PLAIN || bytes.length !== KEY_BYTES) {
    throw new JournalError('damaged', `the key file ${path} is damaged: restore it from a backup; without it the journal cannot be read`);
  }
  return journalKey(path, new Uint8Array(bytes), undefined);
}

function journalKey(path: string, key: Uint8Array, sealedWith: Uint8Array | undefined): JournalKey {
  let current = sealedWith;
  return {
    key,
    async seal(unlockKey) {
      // Also when the file is as it shall be: a plain key in a file beside it would open what the sealed one locks.
      await translated(path, () => removeUnfinished(path));
      const same = unlockKey === undefined ? current === undefined : current !== undefined && Buffer.compare(unlockKey, current) === 0;
      if (same) return false;
      await translated(path, async () => {
        const made = await writeNew(path, unlockKey === undefined ? plainText(key) : sealedText(key, unlockKey));
        await rename(made, path);
        await syncParent(path);
      });
      current = unlockKey;
      return true;
    },
  };
}

function plainText(key: Uint8Array): string {
  return `${PLAIN}\n${Buffer.from(key).toString('base64')}\n`;
}

/** The unlock key is 32 random bytes, not a password: it needs no slow derivation. */
function sealingKey(unlockKey: Uint8Array, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', unlockKey, salt, PURPOSE, KEY_BYTES));
}

function sealedText(key: Uint8Array, unlockKey: Uint8Array): string {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, sealingKey(unlockKey, salt), nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(SEALED));
  const sealed = Buffer.concat([cipher.update(key), cipher.final()]);
  return `${SEALED}\n${Buffer.concat([salt, nonce, cipher.getAuthTag(), sealed]).toString('base64')}\n`;
}

/** Undefined when the unlock key is not the one it was sealed with. */
function unseal(bytes: Buffer, unlockKey: Uint8Array): Uint8Array | undefined {
  const nonceAt = SALT_BYTES;
  const tagAt = nonceAt + NONCE_BYTES;
  const sealedAt = tagAt + TAG_BYTES;
  const key = sealingKey(unlockKey, bytes.subarray(0, nonceAt));
  const decipher = createDecipheriv(CIPHER, key, bytes.subarray(nonceAt, tagAt), { authTagLength: TAG_BYTES })
    .setAAD(Buffer.from(SEALED))
    .setAuthTag(bytes.subarray(tagAt, sealedAt));
  const opened = decipher.update(bytes.subarray(sealedAt));
  try {
    return new Uint8Array(Buffer.concat([opened, decipher.final()]));
  } catch {
    // `final` throws for one reason only: the tag does not fit the key.
    return undefined;
  }
}

async function create(path: string): Promise<void> {
  const made = await writeNew(path, plainText(randomBytes(KEY_BYTES)));
  // Never replaces a key that another process made meanwhile: the journal may be sealed with that one already.
  await link(made, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(made);
  await syncParent(path);
}

async function writeNew(path: string, text: string): Promise<string> {
  const made = `${path}.${process.pid}.new`;
  await rm(made, { force: true });
  const file = await open(made, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  return made;
}

/** What `writeNew` left in a process that ended before it gave the file its name. Whoever seals has the journal, so no other one writes. */
async function removeUnfinished(path: string): Promise<void> {
  const names = await readdir(dirname(path));
  const unfinished = names.filter((name) => name.startsWith(`${basename(path)}.`) && name.endsWith('.new'));
  for (const name of unfinished) await rm(join(dirname(path), name), { force: true });
  if (unfinished.length > 0) await syncParent(path);
}

async function syncParent(path: string): Promise<void> {
  const parent = await open(dirname(path));
  try {
    await parent.sync();
  } finally {
    await parent.close();
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function translated<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof JournalError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new JournalError('unavailable', `the journal's key file ${path} cannot be used: ${reason}`, cause);
  }
}
