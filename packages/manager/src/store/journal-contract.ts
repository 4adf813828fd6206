import { afterEach, describe, expect, test } from 'vitest';
import type { Journal, JournalChange, JournalEntry } from './journal.ts';

/** What a journal of the suite keeps its content in, so that it can be opened again. */
export interface JournalHome {
  /** Opens what is there; the journal opened before is closed. */
  open(): Promise<Journal>;
  remove(): Promise<void>;
}

/** What every journal promises to the store. Each implementation runs this suite. */
export function journalContract(name: string, makeHome: () => Promise<JournalHome>): void {
  describe(`journal contract: ${name}`, () => {
    const cleanups: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    });

    async function start() {
      const home = await makeHome();
      cleanups.push(() => home.remove());
      let journal = await home.open();
      cleanups.push(() => journal.close());
      return {
        append: (...entries: JournalEntry[]) => journal.append(entries),
        content: () => contentOf(journal),
        async reopen() {
          await journal.close();
          journal = await home.open();
        },
      };
    }

    test('a new journal is empty and of version 0', async () => {
      const journal = await start();
      expect(await journal.content()).toEqual({ version: 0, rows: {} });
    });

    test('the newest value of every object is there after opening it again, with the newest version', async () => {
      const journal = await start();
      await journal.content();
      expect(await journal.append(entry(1, put('nodes', 'a', '{"v":1}'), put('tasks', 'a', '{"v":2}')))).toEqual({ kind: 'durable' });
      expect(await journal.append(entry(2, put('nodes', 'a', '{"v":3}')), entry(5, remove('tasks', 'a')))).toEqual({ kind: 'durable' });
      await journal.reopen();
      expect(await journal.content()).toEqual({ version: 5, rows: { 'nodes/a': '{"v":3}' } });
    });

    test('within one append the later entry counts: written, removed and written again', async () => {
      const journal = await start();
      await journal.content();
      await journal.append(
        entry(1, put('nodes', 'a', '1'), put('nodes', 'b', '1')),
        entry(2, remove('nodes', 'a'), remove('nodes', 'b')),
        entry(3, put('nodes', 'a', '2')),
      );
      await journal.reopen();
      expect(await journal.content()).toEqual({ version: 3, rows: { 'nodes/a': '2' } });
    });

    test('removing what is not there is no error', async () => {
      const journal = await start();
      await journal.content();
      expect(await journal.append(entry(1, remove('nodes', 'none')))).toEqual({ kind: 'durable' });
      expect(await journal.content()).toEqual({ version: 1, rows: {} });
    });

    test('an append of nothing changes nothing', async () => {
      const journal = await start();
      await journal.content();
      expect(await journal.append()).toEqual({ kind: 'durable' });
      expect(await journal.content()).toEqual({ version: 0, rows: {} });
    });

    test('values come back as they were, whatever is in them', async () => {
      const journal = await start();
      await journal.content();
      const values = ['', '"é ß 漢 😀"', `"${'x'.repeat(600_000)}"`, '"\\u0000"', "'; DROP TABLE objects; --"];
      await journal.append(entry(1, ...values.map((value, n) => put('configs', `c${n}`, value))));
      await journal.reopen();
      const { rows } = await journal.content();
      expect(values.map((_, n) => rows[`configs/c${n}`])).toEqual(values);
    });

    test('many rows load', async () => {
      const journal = await start();
      await journal.content();
      const changes = Array.from({ length: 5_000 }, (_, n) => put('tasks', `t${n}`, `{"n":${n}}`));
      await journal.append(entry(1, ...changes));
      await journal.reopen();
      expect(Object.keys((await journal.content()).rows)).toHaveLength(5_000);
    });

    test('a load whose receiver refuses a row fails with its reason', async () => {
      const home = await makeHome();
      cleanups.push(() => home.remove());
      const journal = await home.open();
      cleanups.push(() => journal.close());
      await contentOf(journal);
      await journal.append([entry(1, put('nodes', 'a', '1'))]);
      await expect(
        journal.load(() => {
          throw new Error('no such table');
        }),
      ).rejects.toThrow('no such table');
    });
  });
}

export function entry(version: number, ...changes: JournalChange[]): JournalEntry {
  return { version, changes };
}

export function put(table: string, id: string, value: string): JournalChange {
  return { table, id, value };
}

export function remove(table: string, id: string): JournalChange {
  return { table, id, value: null };
}

export async function contentOf(journal: Journal): Promise<{ readonly version: number; readonly rows: Record<string, string> }> {
  const rows: Record<string, string> = {};
  const { version } = await journal.load((table, id, value) => {
    rows[`${table}/${id}`] = value;
  });
  return { version, rows };
}
