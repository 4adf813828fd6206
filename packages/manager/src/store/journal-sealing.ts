import type * as Crypto from 'node:crypto';
import type { JournalChange, JournalEntry } from './journal.ts';

/**
 * The sealing of journal values with AES-256-GCM, bound to their place: a value moved to another id does not open.
 * GCM breaks when a nonce comes twice under one key, and a journal writes for years: so each sealing (each opening of a
 * journal) derives a key of its own from the journal's key and a random salt, and counts its nonces. A sealed value is
 * base64 of: format 1 · salt 16 · nonce 12 · tag 16 · ciphertext.
 */
export interface JournalSealing {
  /** Keeps the newest value of each object only, in the order of the entries, sealed. */
  sealEntries(entries: readonly JournalEntry[]): JournalChange[];
  /** Undefined when the value was changed, moved, or sealed with another key. */
  open(table: string, id: string, sealed: string): string | undefined;
  /** The change that lets a later opening tell a wrong key from damage. */
  keyCheck(): JournalChange;
  isKeyCheck(table: string, id: string): boolean;
}

/**
 * Runs in the journal's thread too, which is started from this function's source text: it refers to nothing outside
 * itself.
 */
export function createSealing(crypto: typeof Crypto, journalKey: Uint8Array): JournalSealing {
  const FORMAT = 1;
  const SALT_BYTES = 16;
  const NONCE_BYTES = 12;
  const TAG_BYTES = 16;
  const HEAD_BYTES = 1 + SALT_BYTES + NONCE_BYTES + TAG_BYTES;
  const CHECK = { table: 'journal', id: 'key-check', value: 'this journal opens with this key' };

  const deriveKey = (salt: Uint8Array) =>
    crypto.createSecretKey(new Uint8Array(crypto.hkdfSync('sha256', journalKey, salt, 'swarm journal values', 32)));
  const ownSalt = crypto.randomBytes(SALT_BYTES);
  const ownKey = deriveKey(ownSalt);
  /** Of those who wrote before: as many as openings that have left values. */
  const keys = new Map([[ownSalt.toString('hex'), ownKey]]);
  const nonce = Buffer.alloc(NONCE_BYTES);
  let count = 0;

  function seal(table: string, id: string, text: string): string {
    count += 1;
    nonce.writeUIntBE(count, NONCE_BYTES - 6, 6);
    const cipher = crypto.createCipheriv('aes-256-gcm', ownKey, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(`${table}/${id}`));
    const body = cipher.update(text, 'utf8');
    // GCM is a stream: `final` adds no bytes, but makes the tag.
    cipher.final();
    return Buffer.concat([Buffer.from([FORMAT]), ownSalt, nonce, cipher.getAuthTag(), body]).toString('base64');
  }

  function open(table: string, id: string, sealed: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64');
    if (bytes.length < HEAD_BYTES || bytes[0] !== FORMAT) return undefined;
    const salt = bytes.subarray(1, 1 + SALT_BYTES);
    const saltName = salt.toString('hex');
    let key = keys.get(saltName);
    if (key === undefined) {
      key = deriveKey(salt);
      keys.set(saltName, key);
    }
    const tagAt = 1 + SALT_BYTES + NONCE_BYTES;
    const decipher = crypto.createDecipheriv('aes-256-gcm', key, bytes.subarray(1 + SALT_BYTES, tagAt), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(`${table}/${id}`));
    decipher.setAuthTag(bytes.subarray(tagAt, HEAD_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(HEAD_BYTES)), decipher.final()]).toString('utf8');
    } catch {
      // The only thing that can fail here is the tag.
      return undefined;
    }
  }

  return {
    sealEntries(entries) {
      const newest = new Map<string, JournalChange>();
      for (const { changes } of entries) for (const change of changes) newest.set(`${change.table}/${change.id}`, change);
      return Array.from(newest.values(), ({ table, id, value }) => ({ table, id, value: value === null ? null : seal(table, id, value) }));
    },
    open,
    keyCheck: () => ({ table: CHECK.table, id: CHECK.id, value: seal(CHECK.table, CHECK.id, CHECK.value) }),
    isKeyCheck: (table, id) => table === CHECK.table && id === CHECK.id,
  };
}
