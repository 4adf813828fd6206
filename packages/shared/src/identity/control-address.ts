import { isIPv6 } from 'node:net';

/** The control port, unless an address says otherwise. */
export const CONTROL_PORT = 2377;

export interface ControlAddress {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `host`, `host:port`, `[v6]:port` or a bare IPv6 address. Undefined when it is none of these. */
export function parseControlAddress(text: string): ControlAddress | undefined {
  if (isIPv6(text)) return { host: text, port: CONTROL_PORT };
  const match = /^(?:\[([0-9a-fA-F:.%a-z]+)\]|([^\s:/[\]@?#]+))(?::([0-9]{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const host = match[1] ?? match[2] ?? '';
  if (match[1] !== undefined && !isIPv6(host)) return undefined;
  const port = match[3] === undefined ? CONTROL_PORT : Number(match[3]);
  return port >= 1 && port <= 65535 ? { host, port } : undefined;
}

export function encodeControlAddress({ host, port }: ControlAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The same address with its port named, as a socket wants it: `192.0.2.1` is `192.0.2.1:2377`. What is no address stays as it is. */
export function nameControlPort(text: string): string {
  const address = parseControlAddress(text);
  return address === undefined ? text : encodeControlAddress(address);
}
