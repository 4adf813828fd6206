import { randomBytes } from 'node:crypto';

/** The key that opens a locked manager, in Docker's form: `SWMKEY-1-` and 32 bytes in unpadded base64. */
const PREFIX = 'SWMKEY-1-';
const FORM = /^SWMKEY-1-[A-Za-z0-9+/]{43}$/;
const KEY_BYTES = 32;

export function createUnlockKey(): string {
  return `${PREFIX}${randomBytes(KEY_BYTES).toString('base64').replace('=', '')}`;
}

/** Undefined when the text is no unlock key. */
export function parseUnlockKey(text: string): Uint8Array | undefined {
  return FORM.test(text) ? Buffer.from(text.slice(PREFIX.length), 'base64') : undefined;
}
