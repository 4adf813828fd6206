import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from './clock.ts';

const LOOK_MS = 5_000;

/**
 * Closes a raw connection over a unix socket once its other end is gone. A program that was killed looks like one that
 * has only ended its input until something is written to it, and what it is attached to may never say a word. Writing
 * nothing fails where nobody can read any more, and is not seen by who can. Over TCP keep-alive finds out.
 */
export function closeWhenGone(connection: Duplex, clock: Clock): void {
  if (!isUnix(connection)) return;
  let cancel = () => {};
  const wait = () => {
    cancel = clock.setTimer(LOOK_MS, () => {
      if (connection.writableEnded) return;
      // Behind what waits to be sent it would only be queued.
      if (connection.writableLength === 0) connection.write('');
      wait();
    });
  };
  connection.on('error', () => connection.destroy());
  connection.once('close', () => cancel());
  if (!connection.destroyed) wait();
}

function isUnix(connection: Duplex): boolean {
  return !('encrypted' in connection) && 'remoteFamily' in connection && (connection as Socket).remoteFamily === undefined;
}
