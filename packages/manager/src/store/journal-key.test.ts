import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadJournalKey } from './journal-key.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'swarm-key-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('the key is made once, kept, and readable by its owner only', async () => {
  const key = await loadJournalKey(join(directory, 'journal.key'));
  expect(key).toHaveLength(32);
  expect(await loadJournalKey(join(directory, 'journal.key'))).toEqual(key);
  expect(await readdir(directory)).toEqual(['journal.key']);
  expect((await stat(join(directory, 'journal.key'))).mode & 0o777).toBe(0o600);
});

test.each([
  ['empty', ''],
  ['cut short', 'swarm journal key, plain\nAAAA\n'],
  ['of a form that this version does not know', `swarm journal key, locked\n${'A'.repeat(44)}\n`],
])('a key file that is %s is refused and stays as it is', async (_, text) => {
  await writeFile(join(directory, 'journal.key'), text);
  await expect(loadJournalKey(join(directory, 'journal.key'))).rejects.toMatchObject({ kind: 'damaged' });
});

test('a directory that is not there is told by name', async () => {
  await expect(loadJournalKey(join(directory, 'none', 'journal.key'))).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('none'),
  });
});
