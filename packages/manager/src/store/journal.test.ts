import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encryptJournal } from './encrypted-journal.ts';
import type { Journal } from './journal.ts';
import { journalContract } from './journal-contract.ts';
import { MemoryJournal } from './memory-journal.ts';
import { openSqliteJournal } from './sqlite-journal.ts';

const key = randomBytes(32);

async function inMemory(wrap: (journal: Journal) => Journal) {
  const journal = new MemoryJournal();
  return { open: async () => wrap(journal), remove: async () => undefined };
}

async function onDisk(wrap: (journal: Journal) => Journal, options: { readonly key?: Uint8Array } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'swarm-journal-'));
  return {
    open: async () => wrap(await openSqliteJournal({ path: join(directory, 'journal.db'), ...options })),
    remove: () => rm(directory, { recursive: true }),
  };
}

journalContract('memory', () => inMemory((journal) => journal));
journalContract('memory, sealed', () => inMemory((journal) => encryptJournal(journal, key)));
journalContract('SQLite', () => onDisk((journal) => journal));
journalContract('SQLite, sealed by who calls', () => onDisk((journal) => encryptJournal(journal, key)));
journalContract('SQLite, sealed in its thread', () => onDisk((journal) => journal, { key }));
