import type { ServerResponse } from 'node:http';

/** Calls back once when the client has gone: at once where it went while its request waited, since that is told only then. */
export function onClientGone(response: ServerResponse, callback: () => void): void {
  if (response.destroyed) callback();
  else response.once('close', callback);
}
