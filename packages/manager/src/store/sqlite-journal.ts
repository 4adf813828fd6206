import { Worker } from 'node:worker_threads';
import { damagedValue, wrongKey } from './encrypted-journal.ts';
import { type AppendOutcome, type Journal, type JournalEntry, JournalError } from './journal.ts';
import { createSealing } from './journal-sealing.ts';
import { type JournalThreadData, type JournalThreadReply, type JournalThreadRequest, journalThread } from './journal-thread.ts';

export interface SqliteJournalOptions {
  /** The database file; its directory exists. Beside it SQLite keeps `<path>-wal`. */
  readonly path: string;
  /** 32 bytes; values are sealed with it before they reach the disk. Absent: stored as they are. */
  readonly key?: Uint8Array;
}

/**
 * Opens the journal on disk, or makes a new one. It is durable (write-ahead log, one fsync per append) and held by one
 * process at a time.
 * @throws JournalError `busy`, `damaged`, `newer-format` or `unavailable`; `load` throws `wrong-key` too.
 */
export async function openSqliteJournal(options: SqliteJournalOptions): Promise<Journal> {
  const thread = new JournalThread({ path: options.path, key: options.key });
  await thread.opened;
  return thread;
}

type Waiting = {
  readonly onReply: (reply: JournalThreadReply) => void;
  readonly onGone: (error: Error) => void;
};

class JournalThread implements Journal {
  readonly opened: Promise<void>;
  readonly #worker: Worker;
  /** Whose replies come now: requests are made one at a time. */
  #waiting: Waiting | undefined;
  #gone: Error | undefined;

  constructor(workerData: JournalThreadData) {
    const source = `(${journalThread.toString()})(${createSealing.toString()});`;
    this.#worker = new Worker(source, { eval: true, workerData, name: 'journal' });
    this.#worker.on('message', (reply: JournalThreadReply) => this.#waiting?.onReply(reply));
    this.#worker.on('error', (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on('exit', () => this.#end(new Error("the journal's thread has ended")));
    this.opened = this.#exchange(undefined, (reply) => (reply.kind === 'opened' ? { value: undefined } : undefined));
  }

  load(onRow: (table: string, id: string, value: string) => void): Promise<{ readonly version: number }> {
    return this.#exchange({ kind: 'load' }, (reply) => {
      if (reply.kind === 'loaded') return { value: { version: reply.version } };
      if (reply.kind === 'rows') {
        for (const [table, id, value] of reply.rows) onRow(table, id, value);
        this.#send({ kind: 'more' });
      }
      return undefined;
    });
  }

  append(entries: readonly JournalEntry[]): Promise<AppendOutcome> {
    if (entries.length === 0) return Promise.resolve({ kind: 'durable' });
    return this.#exchange<AppendOutcome>({ kind: 'append', entries }, (reply) => {
      if (reply.kind === 'appended') return { value: { kind: 'durable' } };
      if (reply.kind === 'append-failed') return { value: { kind: 'unknown', reason: reply.reason } };
      return undefined;
    }).catch((error: Error) => ({ kind: 'unknown', reason: error.message }));
  }

  /** Nobody else writes to this journal. */
  follow(): () => void {
    return () => undefined;
  }

  async close(): Promise<void> {
    if (this.#gone !== undefined) return;
    const exited = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    await this.#exchange({ kind: 'close' }, (reply) => (reply.kind === 'closed' ? { value: undefined } : undefined));
    await exited;
  }

  /** Sends a request and takes replies until `read` gives the result. */
  #exchange<T>(
    request: JournalThreadRequest | undefined,
    read: (reply: JournalThreadReply) => { readonly value: T } | undefined,
  ): Promise<T> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    if (this.#waiting !== undefined) return Promise.reject(new Error('the journal takes one request at a time'));
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        this.#waiting = undefined;
        settle();
      };
      this.#waiting = {
        onGone: (error) => finish(() => reject(error)),
        onReply: (reply) => {
          const failure = failureOf(reply);
          if (failure !== undefined) {
            finish(() => reject(failure));
            return;
          }
          try {
            const result = read(reply);
            if (result !== undefined) finish(() => resolve(result.value));
          } catch (error) {
            // The receiver of a row refused it: the load ends here.
            finish(() => reject(error));
          }
        },
      };
      if (request !== undefined) this.#send(request);
    });
  }

  #send(request: JournalThreadRequest): void {
    this.#worker.postMessage(request);
  }

  #end(error: Error): void {
    this.#gone ??= error;
    this.#waiting?.onGone(this.#gone);
  }
}

function failureOf(reply: JournalThreadReply): JournalError | undefined {
  switch (reply.kind) {
    case 'failed':
      return new JournalError(reply.errorKind, reply.message);
    case 'wrong-key':
      return wrongKey();
    case 'unreadable':
      return damagedValue(reply.place);
    default:
      return undefined;
  }
}
