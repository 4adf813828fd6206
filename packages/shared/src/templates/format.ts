import { printValue, quote, typeName, type Value } from './values.ts';

/** `fmt.Sprint`: a space goes between two operands when neither is a string. */
export function formatPrint(args: readonly Value[]): string {
  let text = '';
  for (const [at, arg] of args.entries()) {
    if (at > 0 && typeof arg !== 'string' && typeof args[at - 1] !== 'string') text += ' ';
    text += printValue(arg);
  }
  return text;
}

interface Directive {
  readonly flags: string;
  readonly width: number;
  readonly precision: number | undefined;
  readonly verb: string;
}

const DIRECTIVE = /%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(.)?/gsu;
/** A directive makes at most this much out of nothing: a long format must not fill the memory. */
const WIDEST = 1000;

/** `fmt.Sprintf` for strings, numbers, booleans, lists and maps; mistakes show in the text as Go shows them. */
export function formatPrintf(format: string, args: readonly Value[]): string {
  let next = 0;
  const takeNumber = (given: string | undefined): number | undefined => {
    if (given !== '*') return given === undefined ? undefined : Math.min(Number(given), WIDEST);
    const arg = args[next++];
    return typeof arg === 'number' && Number.isInteger(arg) && Math.abs(arg) <= WIDEST ? arg : undefined;
  };
  const text = format.replace(
    DIRECTIVE,
    (whole: string, flags: string, width: string | undefined, precision: string | undefined, verb = '') => {
      if (verb === '%') return '%';
      if (verb === '') return '%!(NOVERB)';
      const wide = takeNumber(width) ?? 0;
      const exact = whole.includes('.') ? (takeNumber(precision) ?? 0) : undefined;
      const arg = args[next++];
      if (arg === undefined) return `%!${verb}(MISSING)`;
      return formatOne({ flags: wide < 0 ? `${flags}-` : flags, width: Math.abs(wide), precision: exact, verb }, arg);
    },
  );
  if (next >= args.length) return text;
  const extra = args.slice(next).map((arg) => `${typeName(arg)}=${printValue(arg)}`);
  return `${text}%!(EXTRA ${extra.join(', ')})`;
}

function formatOne(directive: Directive, value: Value): string {
  const { flags, width, verb } = directive;
  const text = formatValue(directive, value) ?? `%!${verb}(${value === null ? '<nil>' : `${typeName(value)}=${printValue(value)}`})`;
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes('-')) return text + ' '.repeat(missing);
  if (!flags.includes('0') || typeof value !== 'number') return ' '.repeat(missing) + text;
  const sign = /^[+\- ]/.exec(text)?.[0] ?? '';
  return sign + '0'.repeat(missing) + text.slice(sign.length);
}

/** Undefined when the verb does not go with the value. */
function formatValue(directive: Directive, value: Value): string | undefined {
  if (directive.verb === 'v') return typeof value === 'number' ? signed(directive, value, printValue(Math.abs(value))) : printValue(value);
  if (directive.verb === 'T') return typeName(value);
  if (typeof value === 'string') return formatString(directive, value);
  if (typeof value === 'number') return formatNumber(directive, value);
  if (typeof value === 'boolean') return directive.verb === 't' ? String(value) : undefined;
  return directive.verb === 's' && value !== null ? printValue(value) : undefined;
}

function formatString({ verb, precision, flags }: Directive, value: string): string | undefined {
  const text = precision === undefined ? value : [...value].slice(0, precision).join('');
  switch (verb) {
    case 's':
      return text;
    case 'q':
      return flags.includes('#') && !text.includes('`') ? `\`${text}\`` : quote(text);
    case 'x':
    case 'X': {
      const hex = [...new TextEncoder().encode(text)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      return verb === 'x' ? hex : hex.toUpperCase();
    }
    default:
      return undefined;
  }
}

const PREFIX: Readonly<Record<string, string>> = { x: '0x', X: '0X', o: '0', b: '0b' };
const RADIX: Readonly<Record<string, number>> = { d: 10, x: 16, X: 16, o: 8, b: 2 };

function formatNumber(directive: Directive, value: number): string | undefined {
  const { verb, precision } = directive;
  const size = Math.abs(value);
  switch (verb) {
    case 'd':
    case 'x':
    case 'X':
    case 'o':
    case 'b': {
      if (!Number.isInteger(value)) return undefined;
      const digits = BigInt(size)
        .toString(RADIX[verb])
        .padStart(precision ?? 0, '0');
      const prefix = directive.flags.includes('#') ? (PREFIX[verb] ?? '') : '';
      return signed(directive, value, prefix + (verb === 'X' ? digits.toUpperCase() : digits));
    }
    case 'c':
      return Number.isInteger(value) && value >= 0 && value <= 0x10ffff ? String.fromCodePoint(value) : undefined;
    case 'f':
    case 'F':
      return signed(directive, value, size.toFixed(Math.min(precision ?? 6, 100)));
    case 'e':
    case 'E': {
      const text = size.toExponential(Math.min(precision ?? 6, 100)).replace(/e([+-])(\d)$/, 'e$10$2');
      return signed(directive, value, verb === 'E' ? text.toUpperCase() : text);
    }
    case 'g':
      return signed(
        directive,
        value,
        precision === undefined ? printValue(size) : String(Number(size.toPrecision(Math.min(Math.max(precision, 1), 100)))),
      );
    default:
      return undefined;
  }
}

function signed({ flags }: Directive, value: number, digits: string): string {
  if (value < 0) return `-${digits}`;
  return flags.includes('+') ? `+${digits}` : flags.includes(' ') ? ` ${digits}` : digits;
}
