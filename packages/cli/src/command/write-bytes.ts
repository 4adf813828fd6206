import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** As fast as the reader takes them. */
export async function writeBytes(to: Writable, bytes: Uint8Array): Promise<void> {
  if (!to.write(bytes)) await once(to, 'drain');
}
