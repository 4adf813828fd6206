import { splitCommand } from '@swarm/shared/compose/legacy/split-command';
import { parseNanoCPUs, parseBytes as parseSize } from '@swarm/shared/compose/units';
import { usageError } from '../command/exit-codes.ts';

/**
 * Values of flags as Docker's CLI writes them. Every parser takes the flag's name for its message and throws a usage
 * error that shows what is right.
 */
const NANOSECONDS = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 } as const;

/** `1m30s`, `250ms`, `0`: nanoseconds. */
export function parseDuration(flag: string, text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const body = text.replace(/^[+-]/, '');
  if (body === '0') return 0;
  const parts = [...body.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== body) {
    throw usageError(`--${flag}: "${text}" is no duration; give a number with its unit, as in 500ms, 30s, 1m30s`);
  }
  const total = parts.reduce((sum, [, number, unit]) => sum + Number(number) * NANOSECONDS[unit as keyof typeof NANOSECONDS], 0);
  if (total > Number.MAX_SAFE_INTEGER) throw usageError(`--${flag}: "${text}" is too long a time`);
  return sign * Math.round(total);
}

/** `64m`, `1.5g`, `512KiB`, `1048576`: bytes; all units count by 1024. */
export function parseBytes(flag: string, text: string): number {
  return orUsage(`--${flag}: "${text}" is no size; give a number with an optional unit, as in 512m or 2g`, () => parseSize(text));
}

/** `0.5`, `2`, `1/4`: nano-CPUs. */
export function parseCPUs(flag: string, text: string): number {
  const nanoCPUs = orUsage(`--${flag}: "${text}" is no number of CPUs; give one with up to nine decimal places, as in 0.5 or 2`, () =>
    parseNanoCPUs(text),
  );
  if (nanoCPUs < 0) throw usageError(`--${flag}: "${text}" is negative; give a number of CPUs as in 0.5 or 2`);
  return nanoCPUs;
}

/** What `parse` gives; what it throws says no more than `message` does. */
function orUsage<T>(message: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw usageError(message);
  }
}

/** A whole number of at least `least`. */
export function parseCount(flag: string, text: string, least = 0): number {
  const value = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < least) throw usageError(`--${flag}: "${text}" is no whole number of ${least} or more`);
  return value;
}

export function parseRatio(flag: string, text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw usageError(`--${flag}: "${text}" is no number; give a ratio from 0 to 1, as in 0.25`);
  return value;
}

export function parseChoice<const Words extends readonly string[]>(flag: string, text: string, words: Words): Words[number] {
  const found = words.find((word) => word === text);
  if (found === undefined) throw usageError(`--${flag}: "${text}" is not one of ${words.join(', ')}`);
  return found;
}

/** `true`, `1`, `false`, `0` and their spellings, as a value inside a comma-separated one. */
export function parseTruth(flag: string, key: string, text: string): boolean {
  if (['1', 't', 'true'].includes(text.toLowerCase())) return true;
  if (['0', 'f', 'false'].includes(text.toLowerCase())) return false;
  throw usageError(`--${flag}: ${key} is true or false, not "${text}"`);
}

/** `key=value` pairs; a bare key has an empty value, the last of equal keys wins. */
export function parsePairs(flag: string, items: readonly string[]): { readonly [key: string]: string } {
  const pairs: Record<string, string> = {};
  for (const item of items) {
    const [key, value] = splitPair(item);
    if (key === '') throw usageError(`--${flag}: "${item}" has no key before "="; give key=value`);
    pairs[key] = value ?? '';
  }
  return pairs;
}

/** At the first `=`; no `=`: no value. */
export function splitPair(text: string): readonly [key: string, value: string | undefined] {
  const at = text.indexOf('=');
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** The fields of one comma-separated record; `"a,b"` quotes, `""` in quotes is a quote. */
export function splitFields(flag: string, text: string): readonly string[] {
  const fields: string[] = [];
  let rest = text;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/.exec(rest);
    if (match === null)
      throw usageError(`--${flag}: the quotes in "${text}" are wrong; quote a whole field: type=volume,"volume-opt=o=a,b"`);
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '') return fields;
    rest = rest.slice(match[0].length);
  }
}

/** Words as Docker's CLI splits them: quotes, backslashes and comments as in a shell, no expansion. */
export function splitWords(flag: string, text: string): readonly string[] {
  return orUsage(`--${flag}: a quote is opened and not closed, or a backslash stands last, in: ${text}`, () => splitCommand(text));
}
