/**
 * Tables and JSON lines as Docker's CLI prints them. A column is as wide as its widest cell and three spaces, ten at
 * least; the last one is not padded. Source: docker/cli, formatter (tabwriter with minimum 10, padding 3).
 */
const MIN_COLUMN = 10;
const PADDING = 3;

/** What a row shows, by the name it has in `--format json`. */
export type Row<Field extends string = string> = { readonly [Name in Field]: string };

export interface Column<R> {
  readonly header: string;
  readonly cell: (row: R) => string;
}

export function renderTable<R>(columns: readonly Column<R>[], rows: readonly R[]): string {
  const lines = [columns.map((column) => column.header), ...rows.map((row) => columns.map((column) => column.cell(row)))];
  const widths = columns.map((_, index) => Math.max(MIN_COLUMN, ...lines.map((line) => width(line[index] ?? '') + PADDING)));
  return lines
    .map(
      (line) =>
        `${line.map((cell, index) => (index === line.length - 1 ? cell : cell + ' '.repeat((widths[index] ?? 0) - width(cell)))).join('')}\n`,
    )
    .join('');
}

function width(text: string): number {
  return [...text].length;
}

/** Docker prints one object per line, its keys in alphabetical order. */
export function renderJsonLines(rows: readonly { readonly [key: string]: unknown }[]): string {
  return rows.map((row) => `${JSON.stringify(Object.fromEntries(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))))}\n`).join('');
}

/** Orders names as people do: web.2 before web.10. Equal names keep their order. */
export function naturalCompare(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const x = left[index] ?? '';
    const y = right[index] ?? '';
    if (x === y) continue;
    const bothNumbers = /^\d/.test(x) && /^\d/.test(y);
    if (bothNumbers && Number(x) !== Number(y)) return Number(x) - Number(y);
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}

export function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** The first twelve characters of an id, as Docker shows ids. */
export function shortID(id: string): string {
  return id.slice(0, 12);
}
