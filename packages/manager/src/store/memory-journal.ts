import type { AppendOutcome, Journal, JournalEntry } from './journal.ts';

/** A journal in memory, for tests and the simulation. What was appended survives a new `openStore` on the same object. */
export class MemoryJournal implements Journal {
  readonly #rows = new Map<string, { readonly table: string; readonly id: string; readonly value: string }>();
  #version = 0;
  /** When set, decides the outcome of the next appends: a torn write is `unknown` with or without its effect. */
  faults: ((entries: readonly JournalEntry[]) => { readonly outcome: AppendOutcome; readonly written: boolean } | undefined) | undefined;

  async load(onRow: (table: string, id: string, value: string) => void) {
    for (const { table, id, value } of this.#rows.values()) onRow(table, id, value);
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
        if (value === null) this.#rows.delete(`${table}/${id}`);
        else this.#rows.set(`${table}/${id}`, { table, id, value });
      }
      this.#version = entry.version;
    }
  }
}
