/**
 * Node's HTTP without what it drags in: `import 'node:http'` reads every property of the module, and those named
 * `WebSocket`, `MessageEvent` and `CloseEvent` load a whole HTTP client, HTTP/2 and the web streams, 12 megabytes that a
 * daemon keeps and never uses. Types may come from `node:http` as ever.
 */
export const http = process.getBuiltinModule('node:http');

/** TLS takes as long to load as a short command to run, and a socket of this host needs none. */
export function https(): typeof import('node:https') {
  return process.getBuiltinModule('node:https');
}
