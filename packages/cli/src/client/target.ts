import { usageError } from '../command/exit-codes.ts';

export const DEFAULT_HOST = 'unix:///run/swarm/docker.sock';

/** Where a daemon's API is. */
export type Target =
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly text: string; readonly tls?: TlsFiles };

/** What `swarm client add` makes, all PEM. Without it TCP is plain, as for an engine's own API. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Docker's port for an API without TLS; what `tcp://host` without a port means where there is no client certificate. */
export const PLAIN_PORT = 2375;
/** Docker's port for an API with TLS. */
export const TLS_PORT = 2376;

/** @throws CommandFailure (usage) with what an address looks like. */
export function parseTarget(text: string, defaultPort = PLAIN_PORT): Target {
  if (text.startsWith('unix://')) {
    const path = text.slice('unix://'.length);
    if (!path.startsWith('/'))
      throw usageError(`"${text}" is no address of a daemon: the socket's path must be absolute, as in ${DEFAULT_HOST}`);
    return { kind: 'unix', path, text };
  }
  if (text.startsWith('/')) return { kind: 'unix', path: text, text: `unix://${text}` };
  const match = /^(?:tcp|http):\/\/(\[[0-9a-fA-F:.]+\]|[^/:\s]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const port = Number(match?.[2] ?? defaultPort);
  if (match?.[1] === undefined || port < 1 || port > 65535) {
    throw usageError(`"${text}" is no address of a daemon: use unix:///path/to/socket or tcp://host:port`);
  }
  return { kind: 'tcp', host: match[1].replace(/^\[|\]$/g, ''), port, text };
}
