import { type Lookup, substitute } from './interpolate.ts';

/**
 * `.env` and env_file of the Compose Specification: `export` prefixes, quotes (single: literal; double: escapes and
 * variables; both over several lines), inline ` #` comments, variables in unquoted values. Bare `KEY` takes the caller's.
 */
export function parseDotenv(file: string, text: string, lookup: Lookup): Map<string, string> {
  const variables = new Map<string, string>();
  const find: Lookup = (name) => variables.get(name) ?? lookup(name);
  let at = 0;
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  const line = () => source.slice(0, at).split('\n').length;
  while (at < source.length) {
    const rest = source.slice(at);
    const blank = /^[ \t]*(#[^\n]*)?(\n|$)/.exec(rest);
    if (blank !== null) {
      at += Math.max(1, blank[0].length);
      continue;
    }
    const key = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*([=:]?)[ \t]*/.exec(rest);
    const name = key?.[1];
    if (key === null || name === undefined) {
      throw new Error(`${file}: line ${line()}: "${rest.split('\n')[0]}" is not a variable; write NAME=value`);
    }
    at += key[0].length;
    if (key[2] === '') {
      if (!/^[ \t]*(#[^\n]*)?(\n|$)/.test(source.slice(at)))
        throw new Error(`${file}: line ${line()}: unexpected text after the name ${name}`);
      const value = find(name);
      if (value !== undefined) variables.set(name, value);
      continue;
    }
    const value = readValue(source, at, () => `${file}: line ${line()}: ${name}`);
    variables.set(name, value.literal ? value.text : substitute(value.text, find));
    at = value.end;
  }
  return variables;
}

function readValue(source: string, start: number, where: () => string): { text: string; literal: boolean; end: number } {
  const quote = source[start];
  if (quote === "'" || quote === '"') {
    let text = '';
    for (let at = start + 1; at < source.length; at += 1) {
      const char = source[at] as string;
      if (char === quote) return { text, literal: quote === "'", end: endOfLine(source, at + 1, where) };
      if (char === '\\' && quote === '"') {
        at += 1;
        text += ESCAPES[source[at] ?? ''] ?? `\\${source[at] ?? ''}`;
      } else text += char;
    }
    throw new Error(`${where()}: the quote ${quote} is not closed`);
  }
  const newline = source.indexOf('\n', start);
  const end = newline < 0 ? source.length : newline;
  const raw = source.slice(start, end).replace(/(^|[ \t])#.*$/, '');
  return { text: raw.trimEnd(), literal: false, end };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"', $: '$$' };

function endOfLine(source: string, start: number, where: () => string): number {
  const rest = /^[ \t]*(#[^\n]*)?(?=\n|$)/.exec(source.slice(start));
  if (rest === null) throw new Error(`${where()}: unexpected text after the closing quote`);
  return start + rest[0].length;
}
