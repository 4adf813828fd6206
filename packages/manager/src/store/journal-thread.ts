import type { SQLOutputValue } from 'node:sqlite';
import type { JournalEntry, JournalError } from './journal.ts';
import type { createSealing } from './journal-sealing.ts';

/**
 * What runs in the thread of the SQLite journal: `node:sqlite` blocks while it waits for the disk, and sealing costs
 * more than writing. The thread is started from the source text of `journalThread`, since in a single executable a
 * worker cannot be started from a file: the function refers to nothing outside itself.
 */
export interface JournalThreadData {
  readonly path: string;
  readonly key: Uint8Array | undefined;
}

export type JournalThreadRequest =
  | { readonly kind: 'load' }
  /** The rows sent so far have been taken. */
  | { readonly kind: 'more' }
  | { readonly kind: 'append'; readonly entries: readonly JournalEntry[] }
  | { readonly kind: 'close' };

export type JournalThreadReply =
  | { readonly kind: 'opened' }
  | { readonly kind: 'failed'; readonly errorKind: JournalError['kind']; readonly message: string }
  | { readonly kind: 'wrong-key' }
  /** A value does not open, though the key is right. */
  | { readonly kind: 'unreadable'; readonly place: string }
  | { readonly kind: 'rows'; readonly rows: readonly (readonly [table: string, id: string, value: string])[] }
  | { readonly kind: 'loaded'; readonly version: number }
  | { readonly kind: 'appended' }
  | { readonly kind: 'append-failed'; readonly reason: string }
  | { readonly kind: 'closed' };

export function journalThread(makeSealing: typeof createSealing): void {
  const FORMAT = 1;
  const MAX_CHUNK_ROWS = 2_000;
  const MAX_CHUNK_CHARACTERS = 1_000_000;
  // Ids are random, so large appends touch many pages: with these, and with the values in a table that only grows at
  // its end, they cost a fifth of what SQLite's defaults and a table ordered by id cost.
  const CHECKPOINT_PAGES = 8_192;
  const CACHE_KIB = 16_384;
  const WAL_LIMIT_BYTES = 64 * 1024 * 1024;
  const WAL_AHEAD_BYTES = 4 * 1024 * 1024;
  const ZEROS_BYTES = 256 * 1024;
  /** A checkpoint begins the log anew soon after this. */
  const MAX_WAL_AHEAD_BYTES = CHECKPOINT_PAGES * 4096;

  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
  const fs = process.getBuiltinModule('node:fs');
  const { dirname } = process.getBuiltinModule('node:path');
  const { path, key } = workerData as JournalThreadData;
  if (parentPort === null) throw new Error('the journal runs in a thread of its own');
  const port = parentPort;
  const sealing = key === undefined ? undefined : makeSealing(process.getBuiltinModule('node:crypto'), key);
  let keyChecked = false;

  class Failure extends Error {
    readonly kind: JournalError['kind'];
    constructor(kind: JournalError['kind'], message: string) {
      super(message);
      this.kind = kind;
    }
  }

  const reply = (message: JournalThreadReply) => port.postMessage(message);

  /** SQLite's primary result codes (sqlite.org/rescode.html) in the words of `JournalError`. */
  function translate(error: unknown): { kind: JournalError['kind']; message: string } {
    if (error instanceof Failure) return error;
    const code = error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0;
    const reason = error instanceof Error ? error.message : String(error);
    if (code === 5 || code === 6) {
      return { kind: 'busy', message: `the journal ${path} is in use: another daemon runs on this data root; stop it first` };
    }
    if (code === 11 || code === 26) {
      return { kind: 'damaged', message: `the journal ${path} is damaged (${reason}): restore the data root from a backup` };
    }
    return { kind: 'unavailable', message: `the journal ${path} cannot be used: ${reason}` };
  }

  function syncDirectory(): void {
    const directory = fs.openSync(dirname(path), 'r');
    fs.fsyncSync(directory);
    fs.closeSync(directory);
  }

  /**
   * A new journal appears under its name complete or not at all, so that an empty file there is damage, never a new
   * journal: `link` refuses to replace one that another process made meanwhile.
   */
  function create(): void {
    const made = `${path}.${process.pid}.new`;
    fs.rmSync(made, { force: true });
    fs.closeSync(fs.openSync(made, 'wx', 0o600));
    const database = new DatabaseSync(made);
    database.exec(`
      PRAGMA synchronous = FULL;
      BEGIN;
      CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE objects (row INTEGER PRIMARY KEY, tab TEXT NOT NULL, id TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (tab, id)) STRICT;
      INSERT INTO meta VALUES ('format', ${FORMAT}), ('version', 0);
      COMMIT;
    `);
    database.close();
    try {
      fs.linkSync(made, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    fs.rmSync(made);
    syncDirectory();
  }

  function open() {
    if (!fs.existsSync(path)) create();
    if (fs.statSync(path).size === 0) {
      throw new Failure('damaged', `the journal ${path} is empty: restore the data root from a backup`);
    }
    const database = new DatabaseSync(path);
    // Exclusive locking is what keeps a second process out; it also spares the shared memory file.
    database.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA journal_size_limit = ${WAL_LIMIT_BYTES};
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA cache_size = ${-CACHE_KIB};
    `);
    const damage = database.prepare('PRAGMA quick_check(1)').get() as { quick_check: string };
    if (damage.quick_check !== 'ok') {
      throw new Failure('damaged', `the journal ${path} is damaged (${damage.quick_check}): restore the data root from a backup`);
    }
    const format = readMeta(database, 'format');
    if (format > FORMAT) {
      throw new Failure('newer-format', `the journal ${path} has format ${format}, this version knows ${FORMAT}: use a newer version`);
    }
    // Takes the write lock now, and makes the log file whose name the directory must hold.
    database.exec(`BEGIN IMMEDIATE; UPDATE meta SET value = value WHERE name = 'format'; COMMIT;`);
    syncDirectory();
    return database;
  }

  /**
   * SQLite lengthens its log with every append, and then a sync has the file's new length to write too: half of the wait
   * for it. Zeros that lie ahead spare that. When the log is read again they end it, as a torn write does.
   */
  let wal: { readonly file: number; end: number } | undefined;

  function layZerosAhead(): void {
    wal ??= { file: fs.openSync(`${path}-wal`, 'r+'), end: -1 };
    const { size } = fs.fstatSync(wal.file);
    if (size <= wal.end || size >= MAX_WAL_AHEAD_BYTES) return;
    const zeros = Buffer.alloc(ZEROS_BYTES);
    try {
      for (wal.end = size; wal.end < size + WAL_AHEAD_BYTES; wal.end += ZEROS_BYTES) fs.writeSync(wal.file, zeros, 0, ZEROS_BYTES, wal.end);
    } catch (error) {
      // A disk that has no room for zeros may have some for what is needed; if not, the append that meets it says so.
      if (!['ENOSPC', 'EDQUOT', 'EFBIG'].includes(String((error as NodeJS.ErrnoException).code))) throw error;
      wal.end = MAX_WAL_AHEAD_BYTES;
    }
  }

  function readMeta(database: InstanceType<typeof DatabaseSync>, name: string): number {
    const known = database.prepare(`SELECT count(*) AS count FROM sqlite_schema WHERE name IN ('meta', 'objects')`).get();
    const row = known?.count === 2 ? database.prepare('SELECT value FROM meta WHERE name = ?').get(name) : undefined;
    if (typeof row?.value !== 'number')
      throw new Failure('damaged', `${path} is a database, but no journal: restore the data root from a backup`);
    return row.value;
  }

  let database: InstanceType<typeof DatabaseSync>;
  try {
    database = open();
    layZerosAhead();
  } catch (error) {
    const { kind, message } = translate(error);
    reply({ kind: 'failed', errorKind: kind, message });
    return;
  }
  const put = database.prepare(
    'INSERT INTO objects (tab, id, value) VALUES (?, ?, ?) ON CONFLICT (tab, id) DO UPDATE SET value = excluded.value',
  );
  const remove = database.prepare('DELETE FROM objects WHERE tab = ? AND id = ?');
  const setVersion = database.prepare(`UPDATE meta SET value = ? WHERE name = 'version'`);
  let rows: Iterator<Record<string, SQLOutputValue>> | undefined;
  let broken: string | undefined;

  function startLoad(): void {
    if (sealing !== undefined) {
      const { table, id } = sealing.keyCheck();
      const check = database.prepare('SELECT value FROM objects WHERE tab = ? AND id = ?').get(table, id);
      keyChecked = typeof check?.value === 'string' && sealing.open(table, id, check.value) !== undefined;
      const count = database.prepare('SELECT EXISTS (SELECT 1 FROM objects) AS some').get();
      if (!keyChecked && count?.some === 1) throw new Failure('wrong-key', '');
    }
    rows = database.prepare('SELECT tab, id, value FROM objects').iterate();
  }

  function sendRows(): void {
    if (rows === undefined) return;
    const chunk: [string, string, string][] = [];
    for (let characters = 0; chunk.length < MAX_CHUNK_ROWS && characters < MAX_CHUNK_CHARACTERS; ) {
      const next = rows.next();
      if (next.done === true) break;
      const [table, id, stored] = [String(next.value.tab), String(next.value.id), String(next.value.value)];
      if (sealing?.isKeyCheck(table, id)) continue;
      const value = sealing === undefined ? stored : sealing.open(table, id, stored);
      if (value === undefined) {
        rows = undefined;
        reply({ kind: 'unreadable', place: `${table}/${id}` });
        return;
      }
      characters += value.length;
      chunk.push([table, id, value]);
    }
    if (chunk.length > 0) {
      reply({ kind: 'rows', rows: chunk });
    } else {
      rows = undefined;
      reply({ kind: 'loaded', version: readMeta(database, 'version') });
    }
  }

  function append(entries: readonly JournalEntry[]): void {
    const changes = sealing === undefined ? entries.flatMap((entry) => entry.changes) : sealing.sealEntries(entries);
    if (sealing !== undefined && !keyChecked) changes.push(sealing.keyCheck());
    database.exec('BEGIN IMMEDIATE');
    for (const { table, id, value } of changes) {
      if (value === null) remove.run(table, id);
      else put.run(table, id, value);
    }
    setVersion.run(entries.at(-1)?.version ?? 0);
    database.exec('COMMIT');
    keyChecked = true;
  }

  port.on('message', (request: JournalThreadRequest) => {
    switch (request.kind) {
      case 'load':
      case 'more':
        try {
          if (request.kind === 'load') startLoad();
          sendRows();
        } catch (error) {
          rows = undefined;
          const { kind, message } = translate(error);
          reply({ kind: 'failed', errorKind: kind, message });
        }
        return;
      case 'append':
        try {
          if (broken !== undefined) throw new Error(broken);
          append(request.entries);
        } catch (error) {
          // After a failed write nobody can tell what the disk holds: only loading anew can.
          broken ??= translate(error).message;
          reply({ kind: 'append-failed', reason: broken });
          return;
        }
        reply({ kind: 'appended' });
        layZerosAhead();
        return;
      case 'close':
        database.close();
        if (wal !== undefined) fs.closeSync(wal.file);
        reply({ kind: 'closed' });
        port.close();
    }
  });
  reply({ kind: 'opened' });
}
