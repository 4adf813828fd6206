import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type Scalar,
} from 'yaml';
import { utcTimestamp } from '../runtime/clock.ts';

/**
 * YAML as the docker CLI's decoder reads it (go-yaml v3 into untyped values): YAML 1.2 booleans, but octal `0440`, binary,
 * `1_000`, timestamps and `<<` merge keys. Source: contract of stack files, measured on docker 28.2.2.
 */
export type Tree = string | number | bigint | boolean | null | Float | Tagged | Tree[] | TreeMap;
export type TreeMap = Map<string, Tree>;
export type Path = readonly (string | number)[];

/** A number written as a float: `1000000.0` prints as `1e+06` where a string is wanted, the integer does not. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  /** As the CLI prints it where a string is wanted: the shortest form, with an exponent below 1e-4 and from 1e6 on. */
  toString(): string {
    const { value } = this;
    if (Number.isNaN(value)) return 'NaN';
    if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
    const [mantissa = '0', exponentText = '0'] = value.toExponential().split('e');
    const exponent = Number(exponentText);
    if (value !== 0 && (exponent < -4 || exponent >= 6)) {
      return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
    }
    return Object.is(value, -0) ? '-0' : String(value);
  }
}

/** A value under `!reset` or `!override`: what it means is for whoever merges files. */
export class Tagged {
  readonly tag: 'reset' | 'override';
  readonly value: Tree;

  constructor(tag: 'reset' | 'override', value: Tree) {
    this.tag = tag;
    this.value = value;
  }
}

/** `first`: the first document, its tags without meaning (docker stack). `all`: every document, merge tags kept (Compose). */
export type Documents = 'first' | 'all';

export interface YamlSource {
  readonly tree: Tree;
  /** Line and column, from 1, of the node at `path` or of its nearest ancestor that the text shows. */
  locate(path: Path): { readonly line: number; readonly column: number };
}

export class YamlError extends Error {
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(message: string, line?: number, column?: number) {
    super(message);
    this.name = 'YamlError';
    this.line = line;
    this.column = column;
  }
}

export const MAX_YAML_BYTES = 16 * 1024 * 1024;
/** Bounds what aliases can blow a file up to (“billion laughs”), and how deep a file can nest. */
const MAX_NODES = 300_000;
const MAX_DEPTH = 200;
/** What the parser would make a node of each, counted before it is asked: it takes a kilobyte for every one of them. */
const MAX_MARKS = 2 * MAX_NODES;
/** A text of many lines is one node, comments and empty lines are tokens. */
const MAX_LINES = 1_000_000;

/** Decodes the file's documents; a file without any gives one whose tree is null. @throws YamlError */
export function parseYaml(bytes: Uint8Array, documents: Documents): readonly [YamlSource, ...YamlSource[]] {
  if (bytes.length > MAX_YAML_BYTES) throw new YamlError(`the file has ${bytes.length} bytes; at most ${MAX_YAML_BYTES} are read`);
  const text = decodeText(bytes);
  if (deepestFlow(text) > MAX_DEPTH) throw new YamlError(`the file nests deeper than ${MAX_DEPTH} levels`);
  const { marks, lineCount } = countMarks(text);
  if (marks > MAX_MARKS) throw new YamlError(`the file has about ${marks} entries; at most ${MAX_NODES} are read`);
  if (lineCount > MAX_LINES) throw new YamlError(`the file has ${lineCount} lines; at most ${MAX_LINES} are read`);
  const lines = new LineCounter();
  const parsed = parseDocuments(text, lines);
  const [first, ...rest] = documents === 'first' ? parsed.slice(0, 1) : parsed;
  if (first === undefined) return [{ tree: null, locate: () => ({ line: 1, column: 1 }) }];
  return [toSource(first, lines, documents), ...rest.map((document) => toSource(document, lines, documents))];
}

function parseDocuments(text: string, lines: LineCounter): Document.Parsed[] {
  let parsed: ReturnType<typeof parseAllDocuments>;
  try {
    parsed = parseAllDocuments(text, { lineCounter: lines, merge: false, schema: 'failsafe', uniqueKeys: false, strict: true });
  } catch (error) {
    if (error instanceof RangeError) throw new YamlError('the file nests too deep to be read');
    throw error;
  }
  return Array.isArray(parsed) ? (parsed as Document.Parsed[]) : [];
}

function toSource(document: Document.Parsed, lines: LineCounter, documents: Documents): YamlSource {
  const [error] = document.errors;
  if (error !== undefined) {
    const at = lines.linePos(error.pos[0]);
    throw new YamlError(error.message.split('\n')[0] ?? error.message, at.line, at.col);
  }
  const locate = (path: Path) => {
    const offset = offsetOf(document, path);
    const at = lines.linePos(offset);
    return { line: Math.max(1, at.line), column: Math.max(1, at.col) };
  };
  return { tree: new Converter(lines, documents === 'all').convert(document.contents, 0), locate };
}

class Converter {
  /** The anchors met so far: an alias means the newest one before it. */
  readonly #anchors = new Map<string, Node>();
  readonly #lines: LineCounter;
  readonly #keepsTags: boolean;
  readonly #open = new Set<Node>();
  #nodes = 0;

  constructor(lines: LineCounter, keepsTags: boolean) {
    this.#lines = lines;
    this.#keepsTags = keepsTags;
  }

  convert(node: unknown, depth: number): Tree {
    const value = this.#untagged(node, depth);
    const tag = this.#keepsTags && isNode(node) && !isAlias(node) ? (node as { tag?: string }).tag : undefined;
    return tag === '!reset' || tag === '!override' ? new Tagged(tag === '!reset' ? 'reset' : 'override', value) : value;
  }

  #untagged(node: unknown, depth: number): Tree {
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES)
      throw this.#error(`with its aliases the file has more than ${MAX_NODES} entries, which are not read`, node);
    if (depth > MAX_DEPTH) throw this.#error(`nested deeper than ${MAX_DEPTH} levels`, node);
    if (node === null || node === undefined) return null;
    if (isAlias(node)) {
      const target = this.#anchors.get(node.source);
      if (target === undefined) throw this.#error(`unknown anchor '${node.source}' referenced`, node);
      if (this.#open.has(target)) throw this.#error(`anchor '${node.source}' value contains itself`, node);
      return this.convert(target, depth);
    }
    if (!isNode(node)) return null;
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    if (isScalar(node)) return scalarValue(node as Scalar<unknown>);
    this.#open.add(node);
    const value = isSeq(node) ? node.items.map((item) => this.convert(item, depth + 1)) : isMap(node) ? this.#map(node, depth) : null;
    this.#open.delete(node);
    return value;
  }

  #map(node: { readonly items: readonly unknown[] }, depth: number): TreeMap {
    const result: TreeMap = new Map();
    const merged: TreeMap[] = [];
    const seen = new Map<string, Node | undefined>();
    for (const pair of node.items) {
      if (!isPair(pair)) continue;
      const key = this.convert(pair.key, depth + 1);
      if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        merged.push(...this.#mergeSources(pair.value, depth));
        continue;
      }
      if (typeof key !== 'string') throw this.#error(`the key ${describeKey(key)} is not a string; put it in quotes`, pair.key);
      if (seen.has(key)) throw this.#error(`mapping key "${key}" already defined at line ${this.#line(seen.get(key))}`, pair.key);
      seen.set(key, isNode(pair.key) ? pair.key : undefined);
      result.set(key, this.convert(pair.value, depth + 1));
    }
    for (const source of merged) for (const [key, value] of source) if (!result.has(key)) result.set(key, value);
    return result;
  }

  #mergeSources(node: unknown, depth: number): TreeMap[] {
    const value = this.convert(node, depth + 1);
    const sources = Array.isArray(value) ? value : [value];
    return sources.map((source) => {
      if (!(source instanceof Map)) throw this.#error('map merge requires map or sequence of maps as the value', node);
      return source;
    });
  }

  #line(node: unknown): number {
    return this.#lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0).line;
  }

  #error(message: string, node: unknown): YamlError {
    const at = this.#lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0);
    return new YamlError(message, at.line, at.col);
  }
}

const STRING_TAG = 'tag:yaml.org,2002:str';
const INTEGER = /^[-+]?(0|[1-9][0-9_]*)$/;
const OCTAL = /^([-+]?)0o?([0-7_]+)$/;
const HEXADECIMAL = /^([-+]?)0x([0-9a-fA-F_]+)$/;
const BINARY = /^([-+]?)0b([01_]+)$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
const DATE_TIME = /^\d{4}-\d{1,2}-\d{1,2}([Tt]|\s+)\d{1,2}:\d{2}:\d{2}/;

function scalarValue(node: Scalar<unknown>): Tree {
  const text = typeof node.value === 'string' ? node.value : (node.source ?? '');
  if (node.tag === STRING_TAG || (node.type !== undefined && node.type !== 'PLAIN')) return text;
  return plainScalar(text);
}

/** What an unquoted scalar is. Exported for its table test. */
export function plainScalar(text: string): Tree {
  switch (text) {
    case '':
    case '~':
    case 'null':
    case 'Null':
    case 'NULL':
      return null;
    case 'true':
    case 'True':
    case 'TRUE':
      return true;
    case 'false':
    case 'False':
    case 'FALSE':
      return false;
    case '.inf':
    case '.Inf':
    case '.INF':
    case '+.inf':
    case '+.Inf':
    case '+.INF':
      return new Float(Number.POSITIVE_INFINITY);
    case '-.inf':
    case '-.Inf':
    case '-.INF':
      return new Float(Number.NEGATIVE_INFINITY);
    case '.nan':
    case '.NaN':
    case '.NAN':
      return new Float(Number.NaN);
    default:
      return number(text) ?? date(text) ?? text;
  }
}

function number(text: string): number | bigint | Float | undefined {
  if (!/^[-+.0-9]/.test(text)) return undefined;
  if (INTEGER.test(text)) return integer(text.replaceAll('_', '').replace(/^\+/, ''), '');
  for (const [pattern, prefix] of [
    [OCTAL, '0o'],
    [HEXADECIMAL, '0x'],
    [BINARY, '0b'],
  ] as const) {
    const match = pattern.exec(text);
    const digits = match?.[2]?.replaceAll('_', '');
    if (digits) return integer(`${prefix}${digits}`, match?.[1] ?? '');
  }
  if (!FLOAT.test(text)) return undefined;
  const plain = text.replaceAll('_', '');
  if (/^[-+]?[0-9]+$/.test(plain)) return integer(plain.replace(/^([-+]?)0+(?=\d)/, '$1').replace(/^\+/, ''), '');
  return new Float(Number(plain));
}

const MAX_UINT64 = 2n ** 64n - 1n;
const MIN_INT64 = -(2n ** 63n);

function integer(literal: string, sign: string): number | bigint | Float {
  const magnitude = literal.startsWith('-') ? -BigInt(literal.slice(1)) : BigInt(literal);
  const exact = sign === '-' ? -magnitude : magnitude;
  if (exact > MAX_UINT64 || exact < MIN_INT64) return new Float(Number(exact));
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
}

/** A date becomes the text that the CLI's decoder makes of its time value. */
function date(text: string): string | undefined {
  const day = DATE.exec(text);
  if (day !== null) return `${day[1]}-${day[2]?.padStart(2, '0')}-${day[3]?.padStart(2, '0')} 00:00:00 +0000 UTC`;
  if (!DATE_TIME.test(text)) return undefined;
  const parsed = utcTimestamp(text.includes('Z') || /[-+]\d{1,2}(:\d{2})?$/.test(text.slice(10)) ? text : `${text}Z`);
  if (parsed === undefined) return undefined;
  const [whole = '', fraction = ''] = parsed.replace('T', ' ').replace('Z', '').split('.');
  const trimmed = fraction.replace(/0+$/, '');
  return `${whole}${trimmed === '' ? '' : `.${trimmed}`} +0000 UTC`;
}

function decodeText(bytes: Uint8Array): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new YamlError(`the file is not valid ${encoding.toUpperCase()} text`);
  }
}

/** The deepest run of open flow brackets, counted without regard for strings: cheap, and errs on the safe side. */
function deepestFlow(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (code === 0x5d || code === 0x7d) depth = Math.max(0, depth - 1);
    else if (code === 0x0a && text.charCodeAt(at + 1) > 0x20) depth = 0;
  }
  return deepest;
}

/** Commas, colons and dashes that may stand before an entry, and lines. */
function countMarks(text: string): { readonly marks: number; readonly lineCount: number } {
  let marks = 0;
  let lineCount = 1;
  let before = 0x0a;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x0a) lineCount += 1;
    else if (code === 0x2c) marks += 1;
    else if (code === 0x3a || code === 0x2d) {
      const after = text.charCodeAt(at + 1);
      const ends = Number.isNaN(after) || after <= 0x20;
      if (ends && (code === 0x3a || before <= 0x20)) marks += 1;
      else if (code === 0x2d && before === 0x0a && after === 0x2d) marks += 1;
    }
    before = code;
  }
  return { marks, lineCount };
}

function offsetOf(document: Document.Parsed, path: Path): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === part);
      if (pair === undefined) return offset;
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      if (isNode(node)) offset = node.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}

function describeKey(key: Tree): string {
  return key instanceof Map || Array.isArray(key) ? 'of a mapping' : String(key);
}
