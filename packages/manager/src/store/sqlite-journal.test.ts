import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { systemClock } from '@swarm/shared/runtime/clock';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encryptJournal } from './encrypted-journal.ts';
import { contentOf, entry, put } from './journal-contract.ts';
import { openStore } from './memory-store.ts';
import { openSqliteJournal } from './sqlite-journal.ts';

let directory: string;
let path: string;
const key = randomBytes(32);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'swarm-sqlite-'));
  path = join(directory, 'journal.db');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A journal with one object, closed. */
async function written(options: { readonly key?: Uint8Array } = { key }): Promise<void> {
  const journal = await openSqliteJournal({ path, ...options });
  await contentOf(journal);
  await journal.append([entry(1, put('secrets', 'a', '{"Data":"the plain secret"}'))]);
  await journal.close();
}

async function failureOf(work: () => Promise<unknown>): Promise<unknown> {
  return work().then(
    () => 'no failure',
    (error: unknown) => error,
  );
}

describe('refusals', () => {
  test('a second opening of the same journal is refused as busy, and harms nothing', async () => {
    const journal = await openSqliteJournal({ path, key });
    await contentOf(journal);
    expect(await failureOf(() => openSqliteJournal({ path, key }))).toMatchObject({
      kind: 'busy',
      message: expect.stringContaining('in use'),
    });
    expect(await journal.append([entry(1, put('nodes', 'a', '1'))])).toEqual({ kind: 'durable' });
    await journal.close();
    const again = await openSqliteJournal({ path, key });
    expect((await contentOf(again)).rows).toEqual({ 'nodes/a': '1' });
    await again.close();
  });

  test('a second process is refused as busy', async () => {
    const journal = await openSqliteJournal({ path, key });
    const child = writer('x');
    expect((await collect(child)).at(0)).toBe('error busy');
    await journal.close();
  });

  test('another key is refused as wrong-key, not as damage', async () => {
    await written();
    const journal = await openSqliteJournal({ path, key: randomBytes(32) });
    expect(await failureOf(() => contentOf(journal))).toMatchObject({ kind: 'wrong-key' });
    await journal.close();
  });

  test('a journal that was never sealed is not taken for a sealed one', async () => {
    await written({});
    const journal = await openSqliteJournal({ path, key });
    expect(await failureOf(() => contentOf(journal))).toMatchObject({ kind: 'wrong-key' });
    await journal.close();
  });

  test('a journal of a newer format is refused', async () => {
    await written();
    edit(`UPDATE meta SET value = 2 WHERE name = 'format'`);
    expect(await failureOf(() => openSqliteJournal({ path, key }))).toMatchObject({ kind: 'newer-format' });
  });

  test.each([
    ['an empty file', () => truncate(path)],
    ['a file of something else', () => writeFile(path, 'no database at all, but long enough to have a header of one'.repeat(20))],
    ['half a file', async () => truncate(path, (await stat(path)).size / 2)],
    ['a database without our tables', async () => edit('DROP TABLE meta')],
  ])('%s is refused as damaged', async (_, damage) => {
    await written();
    await damage();
    expect(await failureOf(() => openSqliteJournal({ path, key }))).toMatchObject({
      kind: 'damaged',
      message: expect.stringContaining('backup'),
    });
  });

  test.each([
    [
      'altered',
      `UPDATE objects SET value = substr(value, 1, 80) || CASE substr(value, 81, 1) WHEN 'A' THEN 'B' ELSE 'A' END || substr(value, 82) WHERE id = 'a'`,
    ],
    ['cut short', `UPDATE objects SET value = substr(value, 1, 40) WHERE id = 'a'`],
    ['moved to another object', `UPDATE objects SET id = 'b' WHERE id = 'a'`],
  ])('a sealed value that was %s is refused as damaged', async (_, sql) => {
    await written();
    edit(sql);
    const journal = await openSqliteJournal({ path, key });
    expect(await failureOf(() => contentOf(journal))).toMatchObject({ kind: 'damaged', message: expect.stringContaining('secrets/') });
    await journal.close();
  });

  test('a directory that is not there is told by name', async () => {
    const error = await failureOf(() => openSqliteJournal({ path: join(directory, 'none', 'journal.db') }));
    expect(error).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('none') });
  });
});

test('nothing of an object is on disk in plain, neither in the database nor in its log', async () => {
  const journal = await openSqliteJournal({ path, key });
  await contentOf(journal);
  await journal.append([entry(1, put('secrets', 'a', '{"Data":"the plain secret"}'))]);
  const names = await readdir(directory);
  expect(names.sort()).toEqual(['journal.db', 'journal.db-wal']);
  for (const name of names) {
    const bytes = await readFile(join(directory, name));
    expect(bytes.includes('plain secret')).toBe(false);
    expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
  }
  await journal.close();
});

test('what the thread sealed, a caller that seals itself can read, and the other way round', async () => {
  await written();
  const journal = encryptJournal(await openSqliteJournal({ path }), key);
  expect((await contentOf(journal)).rows).toEqual({ 'secrets/a': '{"Data":"the plain secret"}' });
  await journal.append([entry(2, put('nodes', 'b', '2'))]);
  await journal.close();
  const again = await openSqliteJournal({ path, key });
  expect(await contentOf(again)).toEqual({ version: 2, rows: { 'secrets/a': '{"Data":"the plain secret"}', 'nodes/b': '2' } });
  await again.close();
});

test('zeros lie ahead in the log, more where an append needed more, and the files of a journal in use open with all that was durable', async () => {
  const journal = await openSqliteJournal({ path, key });
  await contentOf(journal);
  const logBytes = async () => (await stat(`${path}-wal`)).size;
  expect(await logBytes()).toBeGreaterThan(1_000_000);
  const long = JSON.stringify('x'.repeat(5_000_000));
  const values = ['"a"', long, '"c"'];
  for (const [at, value] of values.entries())
    expect(await journal.append([entry(at + 1, put('nodes', `n${at}`, value))])).toEqual({ kind: 'durable' });
  expect(await logBytes()).toBeGreaterThan(8_000_000);
  const copy = join(directory, 'copy.db');
  for (const end of ['', '-wal']) await copyFile(`${path}${end}`, `${copy}${end}`);
  await journal.close();
  const opened = await openSqliteJournal({ path: copy, key });
  expect(await contentOf(opened)).toEqual({ version: 3, rows: Object.fromEntries(values.map((value, at) => [`nodes/n${at}`, value])) });
  expect(await opened.append([entry(4, put('nodes', 'n1', '"b"'))])).toEqual({ kind: 'durable' });
  await opened.close();
  const again = await openSqliteJournal({ path: copy, key });
  expect(await contentOf(again)).toEqual({ version: 4, rows: { 'nodes/n0': '"a"', 'nodes/n1': '"b"', 'nodes/n2': '"c"' } });
  await again.close();
});

test('after a failed write the outcome is unknown, and stays so until the journal is opened anew', async () => {
  await written({});
  edit(`CREATE TRIGGER full BEFORE INSERT ON objects WHEN NEW.id = 'full' BEGIN SELECT RAISE(ABORT, 'disk is full'); END`);
  const journal = await openSqliteJournal({ path });
  await contentOf(journal);
  const torn = [entry(2, put('nodes', 'b', '1'), put('nodes', 'full', '1'))];
  expect(await journal.append(torn)).toMatchObject({ kind: 'unknown', reason: expect.stringContaining('disk is full') });
  expect(await journal.append([entry(3, put('nodes', 'c', '1'))])).toMatchObject({ kind: 'unknown' });
  await journal.close();
  const again = await openSqliteJournal({ path });
  expect(await contentOf(again)).toMatchObject({ version: 1, rows: { 'secrets/a': expect.anything() } });
  expect(Object.keys((await contentOf(again)).rows)).toHaveLength(1);
  await again.close();
});

test('every acknowledged write is there after kill -9, and each transaction is there in whole or not at all', async () => {
  const acknowledged: string[] = [];
  for (let round = 0; round < 4; round += 1) {
    const child = writer(`r${round}`);
    const killAfter = 1 + Math.floor(Math.random() * 400);
    const lines = await collect(child, killAfter);
    expect(lines[0]).toBe('open');
    acknowledged.push(...lines.slice(1));
    const journal = await openSqliteJournal({ path, key });
    const store = await openStore({ journal, clock: systemClock, onFailure: (_, reason) => expect.unreachable(reason) });
    const { secrets, configs } = store.view((tx) => ({
      secrets: tx.secrets.all().map((s) => s.ID),
      configs: tx.configs.all().map((c) => c.ID),
    }));
    const found = new Set<string>(secrets);
    expect(acknowledged.filter((id) => !found.has(id))).toEqual([]);
    expect(configs).toEqual(secrets);
    await store.close();
    await journal.close();
  }
  expect(acknowledged.length).toBeGreaterThan(4);
});

function writer(prefix: string): ChildProcess {
  const script = fileURLToPath(new URL('./sqlite-journal.fixture.ts', import.meta.url));
  return spawn(process.execPath, [script, path, key.toString('hex'), prefix], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Every whole line the process wrote; it is killed once there are `killAfter` of them. */
async function collect(child: ChildProcess, killAfter = Number.POSITIVE_INFINITY): Promise<string[]> {
  if (child.stdout === null) throw new Error('the process has no output');
  const lines: string[] = [];
  const exited = once(child, 'exit');
  const reader = createInterface(child.stdout);
  reader.on('line', (line) => {
    lines.push(line);
    if (lines.length === killAfter + 1) child.kill('SIGKILL');
  });
  await Promise.all([exited, once(reader, 'close')]);
  return lines;
}

function edit(sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}
