import * as crypto from 'node:crypto';
import { type Journal, JournalError } from './journal.ts';
import { createSealing } from './journal-sealing.ts';

/**
 * Seals the values of any journal on the thread that calls it. The SQLite journal does the same in its own thread
 * (option `key`): both write what the other can read.
 */
export function encryptJournal(inner: Journal, key: Uint8Array): Journal {
  const sealing = createSealing(crypto, key);
  let checked = false;
  return {
    async load(onRow) {
      let unreadable: string | undefined;
      let rows = 0;
      const { version } = await inner.load((table, id, sealed) => {
        rows += 1;
        if (unreadable !== undefined && !sealing.isKeyCheck(table, id)) return;
        const value = sealing.open(table, id, sealed);
        if (sealing.isKeyCheck(table, id)) checked = value !== undefined;
        else if (value === undefined) unreadable = `${table}/${id}`;
        else onRow(table, id, value);
      });
      if (rows > 0 && !checked) throw wrongKey();
      if (unreadable !== undefined) throw damagedValue(unreadable);
      return { version };
    },
    append(entries) {
      const last = entries.at(-1);
      if (last === undefined) return Promise.resolve({ kind: 'durable' });
      const changes = sealing.sealEntries(entries);
      if (!checked) changes.push(sealing.keyCheck());
      checked = true;
      return inner.append([{ version: last.version, changes }]);
    },
    follow: (onEntry) =>
      inner.follow((entry) => {
        const changes = entry.changes.filter((change) => !sealing.isKeyCheck(change.table, change.id));
        onEntry({
          version: entry.version,
          changes: changes.map(({ table, id, value }) => {
            const opened = value === null ? null : sealing.open(table, id, value);
            if (opened === undefined) throw damagedValue(`${table}/${id}`);
            return { table, id, value: opened };
          }),
        });
      }),
    close: () => inner.close(),
  };
}

export function wrongKey(): JournalError {
  return new JournalError(
    'wrong-key',
    'the journal does not open with this key: put back the key file that belongs to it; without the key its content is lost',
  );
}

export function damagedValue(place: string): JournalError {
  return new JournalError('damaged', `the journal's value of ${place} is damaged: restore the data root from a backup`);
}
