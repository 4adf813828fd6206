/**
 * The journal seam: what makes the store durable. It keeps the newest value of every object, and applies batches of
 * entries all or nothing. Values are opaque text here; the encrypting journal wraps another one.
 * Implementations: SQLite (`sqlite-journal.ts`), memory with torn writes (for tests), etcd (later).
 * One contract suite holds for all: `journal-contract.ts`.
 */
export interface JournalChange {
  readonly table: string;
  readonly id: string;
  /** JSON text of the object; null removes it. */
  readonly value: string | null;
}

export interface JournalEntry {
  /** Entries come in rising order of version. */
  readonly version: number;
  readonly changes: readonly JournalChange[];
}

/**
 * `durable`: all entries survive a power loss. `fenced`: none was written, another leader has taken over.
 * `unknown`: cannot be told; the store must be loaded anew.
 */
export type AppendOutcome = { readonly kind: 'durable' } | { readonly kind: 'fenced' | 'unknown'; readonly reason: string };

export interface Journal {
  /**
   * Calls `onRow` for every live object, in any order, then resolves with the newest version (0 when empty).
   * @throws JournalError when the file is damaged, of a newer format, in use, out of reach, or the key does not fit.
   */
  load(onRow: (table: string, id: string, value: string) => void): Promise<{ readonly version: number }>;
  /** Writes the entries in one atomic step. One call at a time. */
  append(entries: readonly JournalEntry[]): Promise<AppendOutcome>;
  /** Calls `onEntry` for each entry that another leader writes. Single-manager journals have none and never call it. */
  follow(onEntry: (entry: JournalEntry) => void): () => void;
  close(): Promise<void>;
}

export class JournalError extends Error {
  readonly kind: 'damaged' | 'wrong-key' | 'newer-format' | 'busy' | 'unavailable';

  constructor(kind: JournalError['kind'], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'JournalError';
    this.kind = kind;
  }
}
