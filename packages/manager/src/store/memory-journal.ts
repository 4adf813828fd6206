import type { AppendOutcome, Journal, JournalEntry } from './journal.ts';

/** A journal in memory, for tests and the simulation. What was appended survives a new `openStore` on the same object. */
export class MemoryJournal implements Journal {
  /** By table, then id. */
  readonly #rows = new Map<string, Map<string, string>>();
  #version = 0;
  /** When set, decides the outcome of the next appends: a torn write is `unknown` with or without its effect. */
  faults: ((entries: readonly JournalEntry[]) => { readonly outcome: AppendOutcome; readonly written: boolean } | undefined) | undefined;

  async load(onRow: (table: string, id: string, value: string) => void) {
    for (const [table, rows] of this.#rows) for (const [id, value] of rows) onRow(table, id, value);
    return { version: this.#version };
  }

  async append(entries: readonly JournalEntry[]): Promise<AppendOutcome> {
    const fault = this.faults?.(entries);
    if (fault === undefined || fault.written) this.#write(entries);
    return fault?.outcome ?? { kind: 'durable' };
  }

  follow(): () => void {
    return () => undefined;
  }

  async close(): Promise<void> {}

  #write(entries: readonly JournalEntry[]): void {
    for (const entry of entries) {
      for (const { table, id, value } of entry.changes) {
        if (value === null) this.#rows.get(table)?.delete(id);
        else this.#rowsOf(table).set(id, value);
      }
      this.#version = entry.version;
    }
  }

  #rowsOf(table: string): Map<string, string> {
    let rows = this.#rows.get(table);
    if (rows === undefined) {
      rows = new Map();
      this.#rows.set(table, rows);
    }
    return rows;
  }
}
