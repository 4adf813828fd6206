import type { OutgoingHttpHeaders } from 'node:http';

/** Headers that belong to one connection, not to the message. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect']);

export function isHopByHop(lowerCaseName: string): boolean {
  return HOP_BY_HOP.has(lowerCaseName);
}

/** Raw headers are a flat list, name after name and value, as Node gives them. */
export function filterHeaders(rawHeaders: readonly string[], keep: (lowerCaseName: string) => boolean): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] as string;
    if (keep(name.toLowerCase())) kept.push(name, rawHeaders[at + 1] as string);
  }
  return kept;
}

/** The same headers by name; a name that came several times keeps all its values. */
export function headerObject(rawHeaders: readonly string[]): OutgoingHttpHeaders {
  const headers = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), rawHeaders[at + 1] as string]);
  }
  return Object.fromEntries([...headers].map(([name, values]) => [name, values.length === 1 ? values[0] : values]));
}

/** The head of a message, for a connection that is past Node's own HTTP. Headers are a flat list. */
export function headText(firstLine: string, headers: readonly string[]): string {
  const lines = [firstLine];
  for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
