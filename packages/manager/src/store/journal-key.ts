import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { JournalError } from './journal.ts';

/**
 * The file that holds the journal's key. Its first line says how: `plain` now; a form whose key is itself sealed with
 * the unlock key can stand beside it, and the journal, sealed with the key inside, stays as it is.
 */
const FILE = 'journal.key';
const PLAIN = 'swarm journal key, plain';
const KEY_BYTES = 32;

/**
 * The key of the journal in `directory`, made on the first call (0600). The key is durable when it is returned: what
 * is sealed with it can be read after a crash.
 * @throws JournalError `damaged` or `unavailable`
 */
export async function loadOrCreateJournalKey(directory: string): Promise<Uint8Array> {
  const existing = await loadJournalKey(directory);
  if (existing !== undefined) return existing;
  const made = join(directory, `${FILE}.${process.pid}.new`);
  await translated(directory, async () => {
    await rm(made, { force: true });
    const file = await open(made, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      await file.writeFile(`${PLAIN}\n${randomBytes(KEY_BYTES).toString('base64')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    // Never replaces a key that another process made meanwhile: the journal may be sealed with that one already.
    await link(made, join(directory, FILE)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await rm(made);
    const parent = await open(directory);
    try {
      await parent.sync();
    } finally {
      await parent.close();
    }
  });
  const key = await loadJournalKey(directory);
  if (key === undefined) throw new JournalError('unavailable', `the key file ${join(directory, FILE)} vanished right after it was made`);
  return key;
}

/** Undefined when there is none. @throws JournalError `damaged` or `unavailable` */
export async function loadJournalKey(directory: string): Promise<Uint8Array | undefined> {
  const path = join(directory, FILE);
  const text = await translated(directory, async () => {
    const file = await open(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (file === undefined) return undefined;
    try {
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  });
  if (text === undefined) return undefined;
  const [form, encoded = ''] = text.split('\n');
  const key = Buffer.from(encoded, 'base64');
  if (form !== PLAIN || key.length !== KEY_BYTES) {
    throw new JournalError('damaged', `the key file ${path} is damaged: restore it from a backup; without it the journal cannot be read`);
  }
  return key;
}

async function translated<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new JournalError('unavailable', `the journal's key in ${directory} cannot be used: ${reason}`, cause);
  }
}
