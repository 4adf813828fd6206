import { randomBytes } from 'node:crypto';
import { link, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { JournalError } from './journal.ts';

/**
 * The file that holds the journal's key. Its first line says how: `plain` now; a form whose key is itself sealed with
 * the unlock key can stand beside it, and the journal, sealed with the key inside, stays as it is.
 */
const PLAIN = 'swarm journal key, plain';
const KEY_BYTES = 32;

/**
 * The journal's key in the file `path`, made (0600) when there is none. It is durable when it is returned: what is
 * sealed with it can be read after a crash. A journal whose key file was lost does not open with the new one.
 * @throws JournalError `damaged` or `unavailable`
 */
export async function loadJournalKey(path: string): Promise<Uint8Array> {
  const existing = await translated(path, () => read(path));
  if (existing !== undefined) return parseKey(path, existing);
  return translated(path, async () => {
    await create(path);
    return parseKey(path, (await read(path)) ?? '');
  });
}

async function create(path: string): Promise<void> {
  const made = `${path}.${process.pid}.new`;
  await rm(made, { force: true });
  const file = await open(made, 'wx', 0o600);
  try {
    await file.writeFile(`${PLAIN}\n${randomBytes(KEY_BYTES).toString('base64')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  // Never replaces a key that another process made meanwhile: the journal may be sealed with that one already.
  await link(made, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(made);
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

function parseKey(path: string, text: string): Uint8Array {
  const [form, encoded = ''] = text.split('\n');
  const key = Buffer.from(encoded, 'base64');
  if (form !== PLAIN || key.length !== KEY_BYTES) {
    throw new JournalError('damaged', `the key file ${path} is damaged: restore it from a backup; without it the journal cannot be read`);
  }
  return key;
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
