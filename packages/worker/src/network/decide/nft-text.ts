import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { NftDocument } from './nft-document.ts';

/** Replaces both tables in one transaction, whatever was there: no packet meets half of it. */
export function renderNft(document: NftDocument): string {
  const { table, frame } = document;
  const vips = [...document.vips].map(([key, chain]) => `${key} : goto ${chain}`);
  const published = [...document.published].map(([key, chain]) => `${key} : goto ${chain}`);
  const ip = [
    `map vips { type ifname . ipv4_addr : verdict;${elements(vips)} }`,
    `map published { type inet_proto . inet_service : verdict;${elements(published)} }`,
    `set reserved { type inet_proto . inet_service;${elements(document.reserved)} }`,
    ...[...document.chains].flatMap(([name, rules]) => [`chain ${name} {`, ...rules.map((rule) => `  ${rule}`), '}']),
    ...frame.ip,
  ];
  return [...replaceTable('ip', table, ip), ...replaceTable('bridge', table, frame.bridge), ''].join('\n');
}

/** Takes both tables away, if they are there. */
export function renderNftRemoval(table: string): string {
  return ['ip', 'bridge'].flatMap((family) => [`table ${family} ${table}`, `delete table ${family} ${table}`, '']).join('\n');
}

function replaceTable(family: string, table: string, lines: readonly string[]): readonly string[] {
  const head = `table ${family} ${table}`;
  return [head, `delete ${head}`, `${head} {`, ...lines.map((line) => `  ${line}`), '}'];
}

/**
 * The transaction that leads from one document to the next when only tasks came or went: its cost is that of what
 * changed. Undefined: the frame differs, the whole must be replaced. Empty: nothing differs.
 */
export function renderNftChange(from: NftDocument, to: NftDocument): string | undefined {
  if (from.table !== to.table || !deepEqual(from.frame, to.frame)) return undefined;
  const table = `ip ${to.table}`;
  const lines: string[] = [];
  const stale = [
    ...staleKeys(from.vips, to.vips).map((key) => `delete element ${table} vips { ${key} }`),
    ...staleKeys(from.published, to.published).map((key) => `delete element ${table} published { ${key} }`),
    ...from.reserved.filter((key) => !to.reserved.includes(key)).map((key) => `delete element ${table} reserved { ${key} }`),
  ];
  lines.push(...stale);
  for (const [name, rules] of to.chains) {
    const before = from.chains.get(name);
    if (before !== undefined && deepEqual(before, rules)) continue;
    lines.push(before === undefined ? `add chain ${table} ${name}` : `flush chain ${table} ${name}`);
    lines.push(...rules.map((rule) => `add rule ${table} ${name} ${rule}`));
  }
  for (const [map, before, after] of [
    ['vips', from.vips, to.vips],
    ['published', from.published, to.published],
  ] as const) {
    for (const [key, chain] of after) if (before.get(key) !== chain) lines.push(`add element ${table} ${map} { ${key} : goto ${chain} }`);
  }
  for (const key of to.reserved) if (!from.reserved.includes(key)) lines.push(`add element ${table} reserved { ${key} }`);
  for (const name of from.chains.keys()) if (!to.chains.has(name)) lines.push(`delete chain ${table} ${name}`);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** Keys that are gone or lead elsewhere: an element cannot be changed, only made anew. */
function staleKeys(from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>): readonly string[] {
  return [...from].filter(([key, chain]) => to.get(key) !== chain).map(([key]) => key);
}

function elements(values: readonly string[]): string {
  return values.length === 0 ? '' : ` elements = { ${values.join(', ')} };`;
}
