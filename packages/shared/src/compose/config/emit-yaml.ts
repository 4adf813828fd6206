import { plainScalar } from '../yaml-scalar.ts';
import { Float, type Tree, type TreeMap } from '../yaml-tree.ts';

/**
 * YAML in the very form that the docker CLI's encoder gives it (go-yaml v3, block style, indented by two): which scalars
 * are quoted and how is part of what `stack config` prints. Mappings keep the order they come in.
 */
export function emitYaml(tree: TreeMap): string {
  return tree.size === 0 ? '{}\n' : mapping(tree, 0);
}

const MAX_SIMPLE_KEY = 128;

/** `lead` stands before the first line; the others are indented. */
function mapping(tree: TreeMap, indent: number, lead = ' '.repeat(indent)): string {
  let lines = '';
  for (const [key, value] of tree) lines += (lines === '' ? lead : ' '.repeat(indent)) + pair(key, value, indent);
  return lines;
}

function pair(key: string, value: Tree, indent: number): string {
  if (key.length <= MAX_SIMPLE_KEY && !key.includes('\n')) {
    // A plain `<<` would be read as a merge.
    return `${key === '<<' ? '"<<"' : scalar(key, indent)}:${node(value, indent)}`;
  }
  return `? ${scalar(key, indent)}\n${' '.repeat(indent)}:${Array.isArray(value) && value.length > 0 ? ` ${items(value, indent + 2)}` : node(value, indent)}`;
}

/** What follows `key:`, line end included. */
function node(value: Tree, indent: number): string {
  if (value instanceof Map) return value.size === 0 ? ' {}\n' : `\n${mapping(value, indent + 2)}`;
  if (Array.isArray(value)) return value.length === 0 ? ' []\n' : `\n${' '.repeat(indent + 2)}${items(value, indent + 2)}`;
  return ` ${scalar(value, indent)}\n`;
}

/** A sequence whose first line is begun already, at `indent`. */
function items(list: readonly Tree[], indent: number): string {
  return list.map((value) => `- ${item(value, indent)}`).join(' '.repeat(indent));
}

function item(value: Tree, indent: number): string {
  if (value instanceof Map) return value.size === 0 ? '{}\n' : mapping(value, indent + 2, '');
  if (Array.isArray(value)) return value.length === 0 ? '[]\n' : items(value, indent + 2);
  return `${scalar(value, indent)}\n`;
}

function scalar(value: Tree, indent: number): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return text(value, indent);
  if (value instanceof Float) return float(value);
  return String(value);
}

function float(value: Float): string {
  if (Number.isNaN(value.value)) return '.nan';
  return Number.isFinite(value.value) ? value.toString() : `${value.value > 0 ? '+' : '-'}.inf`;
}

/** The booleans of YAML 1.1: quoted for readers that still know them. */
const OLD_BOOLEANS = new Set('y Y yes Yes YES on On ON n N no No NO off Off OFF'.split(' '));
const BASE_60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
/** What the encoder writes only as an escape: control characters, line separators, the byte order mark, all beyond 16 bits. */
const ESCAPED = /[^\n\t\x20-\x7e\xa0-\u2027\u202a-\ufefe\uff00-\ufffd]/u;

function text(value: string, indent: number): string {
  const special = ESCAPED.test(value) || value.isWellFormed() === false;
  // A leading line end is lost in the literal form that the CLI would give it here.
  if (value.includes('\n')) return special || /^\n| \n|[ ]$/.test(value) ? doubleQuoted(value) : literal(value, indent);
  // Not plain: what would be read as another value (a date, as text of another form) or was a boolean or number once.
  if (plainScalar(value) !== value || OLD_BOOLEANS.has(value) || BASE_60.test(value)) return doubleQuoted(value);
  if (special || value.includes('\t')) return doubleQuoted(value);
  return isPlain(value) ? value : `'${value.replaceAll("'", "''")}'`;
}

function isPlain(value: string): boolean {
  return !/^(---|\.\.\.)|^[#,[\]{}&*!|>'"%@`]|^[?:-]( |$)|^ | $|:( |$)| #/.test(value);
}

function literal(value: string, indent: number): string {
  const hint = value.startsWith(' ') ? '2' : '';
  const chomp = !value.endsWith('\n') ? '-' : value.endsWith('\n\n') ? '+' : '';
  const body = value.replace(/\n$/, '').split('\n');
  const lines = body.map((line) => (line === '' ? '' : ' '.repeat(indent + 2) + line));
  return `|${hint}${chomp}\n${lines.join('\n')}`;
}

const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '"': '\\"',
  '\\': '\\\\',
  '\x85': '\\N',
  '\u2028': '\\L',
  '\u2029': '\\P',
};

function doubleQuoted(value: string): string {
  const escaped = Array.from(value.toWellFormed(), (char) => {
    const named = NAMED_ESCAPES[char];
    if (named !== undefined) return named;
    if (!ESCAPED.test(char)) return char;
    const code = char.codePointAt(0) ?? 0;
    const hex = code.toString(16).toUpperCase();
    return code <= 0xff ? `\\x${hex.padStart(2, '0')}` : code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
  });
  return `"${escaped.join('')}"`;
}

/** The order of keys in the encoder's mappings: numbers within a key by their value, letters after everything else. */
export function compareKeys(left: string, right: string): number {
  let at = 0;
  while (at < left.length && left.charCodeAt(at) === right.charCodeAt(at)) at += 1;
  // The two halves of a character beyond 16 bits belong together.
  if (at > 0 && /[\ud800-\udbff]/.test(left.charAt(at - 1))) at -= 1;
  const [x, y] = [characterAt(left, at), characterAt(right, at)];
  if (x === '' || y === '') return left.length - right.length;
  const [xLetter, yLetter] = [isLetter(x), isLetter(y)];
  if (xLetter && yLetter) return byCode(x, y);
  if (xLetter || yLetter) return (/\p{Nd}$/u.test(left.slice(0, at)) ? xLetter : yLetter) ? -1 : 1;
  return compareNumbers(left, right, at);
}

function characterAt(text: string, at: number): string {
  const code = text.codePointAt(at);
  return code === undefined ? '' : String.fromCodePoint(code);
}

function compareNumbers(a: string, b: string, from: number): number {
  const [first, second] = [characterAt(a, from), characterAt(b, from)];
  const nonZeroBefore = (first === '0' || second === '0') && /[1-9]0*$/.test(a.slice(0, from).match(/\d*$/)?.[0] ?? '');
  const run = (text: string) => text.slice(from).match(/^\d*/)?.[0] ?? '';
  const [x, y] = [run(a), run(b)];
  const lead = nonZeroBefore ? '1' : '0';
  const [xValue, yValue] = [BigInt(lead + x), BigInt(lead + y)];
  if (xValue !== yValue) return xValue < yValue ? -1 : 1;
  return x.length - y.length || byCode(first, second);
}

function isLetter(char: string): boolean {
  return /^\p{L}$/u.test(char);
}

function byCode(a: string, b: string): number {
  return (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0);
}
