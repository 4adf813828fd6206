import type { Filters } from '../client/api-client.ts';
import type { OptionSpec } from '../command/command.ts';
import type { Terminal } from '../command/context.ts';
import { usageError } from '../command/exit-codes.ts';
import { type Column, renderJsonLines, renderTable } from '../render/table.ts';
import { splitPair } from '../service/values.ts';

/** Options of every command that prints a table. */
export const LIST_OPTIONS = {
  format: { kind: 'text', value: 'format', help: 'table (default) or json: one object per line', complete: ['table', 'json'] },
  quiet: { kind: 'flag', short: 'q', help: 'print ids only' },
} as const satisfies { [name: string]: OptionSpec };

export const FILTER_OPTION = {
  filter: {
    kind: 'list',
    short: 'f',
    value: 'key=value',
    help: 'show only what fits; values of one key are alternatives, different keys must all fit',
  },
} as const satisfies { [name: string]: OptionSpec };

export interface ListStyle {
  readonly format: string | undefined;
  readonly quiet: boolean | undefined;
}

export interface Listing<R> {
  readonly columns: readonly Column<R>[];
  readonly rows: readonly R[];
  readonly id: (row: R) => string;
  readonly json: (row: R) => { readonly [key: string]: unknown };
}

export function printRows<R>(terminal: Terminal, style: ListStyle, { columns, rows, id, json }: Listing<R>): void {
  const format = style.format ?? 'table';
  if (format !== 'table' && format !== 'json') {
    throw usageError(`--format is table or json, not "${format}"; Go templates are not available, use --format json and a tool such as jq`);
  }
  if (style.quiet === true) terminal.out(rows.map((row) => `${id(row)}\n`).join(''));
  else if (format === 'json') terminal.out(renderJsonLines(rows.map(json)));
  else terminal.out(renderTable(columns, rows));
}

/** `--filter name=web --filter name=db` as the API takes it. */
export function parseFilters(filters: readonly string[]): Filters {
  const parsed: Record<string, string[]> = {};
  for (const filter of filters) {
    const [rawKey, value] = splitPair(filter);
    const key = rawKey.trim().toLowerCase();
    if (key === '' || value === undefined) throw usageError(`--filter: "${filter}" is no filter; give key=value, as in name=web`);
    parsed[key] = [...(parsed[key] ?? []), value.trim()];
  }
  return parsed;
}

/** As `docker … inspect` prints objects: an array, indented by four. */
export function printObjects(terminal: Terminal, objects: readonly unknown[]): void {
  terminal.out(`${JSON.stringify(objects, undefined, 4)}\n`);
}
