import { Float, type Tree } from './yaml-tree.ts';

/**
 * Plain scalars as the docker CLI's decoder resolves them (go-yaml v3 into untyped values): YAML 1.2 booleans, but octal
 * `0440`, binary, `1_000`, timestamps. Source: contract of stack files, measured on docker 28.2.2.
 */

const INTEGER = /^[-+]?(0|[1-9][0-9_]*)$/;
const OCTAL = /^([-+]?)0[oO]?([0-7_]+)$/;
const HEXADECIMAL = /^([-+]?)0[xX]([0-9a-fA-F_]+)$/;
const BINARY = /^([-+]?)0[bB]([01_]+)$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
/** A day, `T` with a zone, or a space without one: everything else that looks like a time is text. */
const TIME =
  /^(?<year>\d{4})-(?<month>\d{1,2})-(?<day>\d{1,2})(?:(?<separator>[Tt ])(?<hour>\d{1,2}):(?<minute>\d{1,2}):(?<second>\d{1,2})(?:\.(?<fraction>\d+))?(?<zone>Z|[-+]\d{2}:\d{2})?)?$/;

/** How everything begins that is not text: most scalars are told by one look. */
const MAYBE_NO_TEXT = /^(?:$|[-+.~0-9nNtTfF])/;

/** What an unquoted scalar is. */
export function plainScalar(text: string): Tree {
  if (!MAYBE_NO_TEXT.test(text)) return text;
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
      return number(text) ?? time(text) ?? text;
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
  return finite(Number(plain));
}

/** What no float of 64 bits can hold stays text. */
function finite(value: number): Float | undefined {
  return Number.isFinite(value) ? new Float(value) : undefined;
}

const MAX_UINT64 = 2n ** 64n - 1n;
const MIN_INT64 = -(2n ** 63n);
/** Of fewer characters than that every literal is a safe integer. */
const SAFE_LENGTH = 14;

function integer(literal: string, sign: string): number | bigint | Float | undefined {
  if (literal.length < SAFE_LENGTH) return (sign === '-' ? -Number(literal) : Number(literal)) || 0;
  const magnitude = literal.startsWith('-') ? -BigInt(literal.slice(1)) : BigInt(literal);
  const exact = sign === '-' ? -magnitude : magnitude;
  // Only decimal ones become floats.
  if (exact > MAX_UINT64 || exact < MIN_INT64) return /^-?0[xob]/.test(literal) ? undefined : finite(Number(exact));
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
}

/** A time becomes the text that the CLI's decoder makes of its time value. */
function time(text: string): string | undefined {
  const parts = TIME.exec(text)?.groups;
  if (parts === undefined) return undefined;
  const { year = '', month = '', day = '', separator, hour = '0', minute = '0', second = '0', fraction = '', zone } = parts;
  const hasZone = zone !== undefined;
  if (separator !== undefined && (separator === ' ') === hasZone) return undefined;
  const isDay = Number(month) >= 1 && Number(month) <= 12 && Number(day) >= 1 && Number(day) <= daysOf(Number(year), Number(month));
  if (!isDay || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const two = (part: string) => part.padStart(2, '0');
  const digits = fraction.slice(0, 9).replace(/0+$/, '');
  const offset = zone === undefined || zone === 'Z' || /^[-+]00:00$/.test(zone) ? '+0000' : zone.replace(':', '');
  const name = offset === '+0000' ? 'UTC' : offset;
  return `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}${digits === '' ? '' : `.${digits}`} ${offset} ${name}`;
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
