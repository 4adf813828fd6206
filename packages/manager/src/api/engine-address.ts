import type { EngineAddress } from './api-deps.ts';

/**
 * Reads `unix:///path` or `tcp://host:port`.
 * @throws Error with a sentence for the user.
 */
export function parseEngineAddress(text: string): EngineAddress {
  const unix = /^unix:\/\/(\/.+)$/.exec(text);
  if (unix?.[1] !== undefined) return { socketPath: unix[1] };
  const tcp = /^tcp:\/\/(\[[0-9a-fA-F:]+\]|[^:/]+):(\d{1,5})\/?$/.exec(text);
  const port = Number(tcp?.[2]);
  if (tcp?.[1] !== undefined && port > 0 && port < 65_536) return { host: tcp[1].replace(/^\[|\]$/g, ''), port };
  throw new Error(`engine address "${text}" is not understood; use unix:///path/to/docker.sock or tcp://host:port`);
}
