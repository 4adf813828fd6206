import { utcTimestamp } from '../runtime/clock.ts';
import { Float, type Tree } from './yaml-tree.ts';

/**
 * Plain scalars as the docker CLI's decoder resolves them (go-yaml v3 into untyped values): YAML 1.2 booleans, but octal
 * `0440`, binary, `1_000`, timestamps. Source: contract of stack files, measured on docker 28.2.2.
 */

const INTEGER = /^[-+]?(0|[1-9][0-9_]*)$/;
const OCTAL = /^([-+]?)0o?([0-7_]+)$/;
const HEXADECIMAL = /^([-+]?)0x([0-9a-fA-F_]+)$/;
const BINARY = /^([-+]?)0b([01_]+)$/;
const FLOAT = /^[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/;
const DATE = /^(\d{4})-(\d{1,2})-(\d{1,2})$/;
const DATE_TIME = /^\d{4}-\d{1,2}-\d{1,2}([Tt]|\s+)\d{1,2}:\d{2}:\d{2}/;

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
/** Of fewer characters than that every literal is a safe integer. */
const SAFE_LENGTH = 14;

function integer(literal: string, sign: string): number | bigint | Float {
  if (literal.length < SAFE_LENGTH) return (sign === '-' ? -Number(literal) : Number(literal)) || 0;
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
