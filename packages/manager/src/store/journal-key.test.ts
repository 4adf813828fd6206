import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { JournalLocked, openJournalKey } from './journal-key.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'swarm-key-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('the key is made once, kept, and readable by its owner only', async () => {
  const { key } = await openJournalKey(join(directory, 'journal.key'));
  expect(key).toHaveLength(32);
  expect((await openJournalKey(join(directory, 'journal.key'))).key).toEqual(key);
  expect(await readdir(directory)).toEqual(['journal.key']);
  expect((await stat(join(directory, 'journal.key'))).mode & 0o777).toBe(0o600);
});

test.each([
  ['empty', ''],
  ['cut short', 'swarm journal key, plain\nAAAA\n'],
  ['sealed and cut short', 'swarm journal key, sealed\nAAAA\n'],
  ['of a form that this version does not know', `swarm journal key, locked\n${'A'.repeat(44)}\n`],
])('a key file that is %s is refused and stays as it is', async (_, text) => {
  await writeFile(join(directory, 'journal.key'), text);
  await expect(openJournalKey(join(directory, 'journal.key'))).rejects.toMatchObject({ kind: 'damaged' });
});

test('a directory that is not there is told by name', async () => {
  await expect(openJournalKey(join(directory, 'none', 'journal.key'))).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('none'),
  });
});

const FIRST = new Uint8Array(32).fill(1);
const SECOND = new Uint8Array(32).fill(2);
/** What opening the file says: the key, or why it stays closed. */
async function opened(unlockKey?: Uint8Array): Promise<Uint8Array | string> {
  try {
    return (await openJournalKey(join(directory, 'journal.key'), unlockKey)).key;
  } catch (error) {
    if (error instanceof JournalLocked) return error.kind;
    throw error;
  }
}

test('a sealed key opens with the newest unlock key only, and is the same key', async () => {
  const file = await openJournalKey(join(directory, 'journal.key'));
  expect(await file.seal(FIRST)).toBe(true);
  expect([await opened(), await opened(SECOND), await opened(FIRST)]).toEqual(['no-key', 'wrong-key', file.key]);
  await file.seal(SECOND);
  expect([await opened(), await opened(FIRST), await opened(SECOND)]).toEqual(['no-key', 'wrong-key', file.key]);
  await file.seal(undefined);
  expect([await opened(), await opened(FIRST)]).toEqual([file.key, file.key]);
  expect(await readdir(directory)).toEqual(['journal.key']);
  expect((await stat(join(directory, 'journal.key'))).mode & 0o777).toBe(0o600);
});

test('a sealed file does not show the key, and the same seal twice writes nothing', async () => {
  const path = join(directory, 'journal.key');
  const file = await openJournalKey(path);
  await file.seal(FIRST);
  const text = await readFile(path, 'utf8');
  expect(text).not.toContain(Buffer.from(file.key).toString('base64').slice(0, 20));
  expect(await file.seal(Uint8Array.from(FIRST))).toBe(false);
  expect(await readFile(path, 'utf8')).toBe(text);
});

test('a sealed file that was changed opens with no key', async () => {
  const path = join(directory, 'journal.key');
  await (await openJournalKey(path)).seal(FIRST);
  const [form, encoded = ''] = (await readFile(path, 'utf8')).split('\n');
  const bytes = Buffer.from(encoded, 'base64');
  for (const at of bytes.keys()) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    await writeFile(path, `${form}\n${changed.toString('base64')}\n`);
    expect(await opened(FIRST), `byte ${at}`).toBe('wrong-key');
  }
});

test.each([
  ['is sealed', undefined],
  ['was sealed already', FIRST],
])('when the file %s, no plain key is left beside it by a process that ended while it wrote', async (_what, sealedWith) => {
  const path = join(directory, 'journal.key');
  const file = await openJournalKey(path);
  const plain = await readFile(path, 'utf8');
  await file.seal(sealedWith);
  await writeFile(`${path}.4711.new`, plain);
  await writeFile(join(directory, 'journal.db'), 'another file');
  await (await openJournalKey(path, sealedWith)).seal(FIRST);
  expect(await readdir(directory)).toEqual(['journal.db', 'journal.key']);
  expect(await readFile(path, 'utf8')).not.toContain(plain.split('\n')[1]);
});
