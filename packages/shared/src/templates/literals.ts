/** Go's literals. Each reader gives undefined for a literal that Go refuses. */
const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
};

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([^xuU0-7]))/guy;

/** The text between the quotes, escapes resolved. */
function resolveEscapes(body: string, quoteCharacter: '"' | "'"): string | undefined {
  let text = '';
  let at = 0;
  while (at < body.length) {
    const character = String.fromCodePoint(body.codePointAt(at) as number);
    if (character !== '\\') {
      text += character;
      at += character.length;
      continue;
    }
    ESCAPE.lastIndex = at;
    const match = ESCAPE.exec(body);
    if (match === null) return undefined;
    const [whole, hex, short, long, octal, simple] = match;
    const code = hex ?? short ?? long;
    if (simple !== undefined) {
      const meant = simple === quoteCharacter ? simple : SIMPLE_ESCAPES[simple];
      if (meant === undefined) return undefined;
      text += meant;
    } else {
      const point = code === undefined ? Number.parseInt(octal ?? '', 8) : Number.parseInt(code, 16);
      if (point > 0x10ffff || (octal !== undefined && point > 255)) return undefined;
      text += String.fromCodePoint(point);
    }
    at += whole.length;
  }
  return text;
}

/** `source` with its double quotes. */
export function readString(source: string): string | undefined {
  return resolveEscapes(source.slice(1, -1), '"');
}

/** `'a'` is the number 97. */
export function readCharacter(source: string): number | undefined {
  const text = resolveEscapes(source.slice(1, -1), "'");
  return text !== undefined && [...text].length === 1 ? text.codePointAt(0) : undefined;
}

/** Longer ones are no numbers that Go or JavaScript could hold. */
const LONGEST_NUMBER = 64;
const WHOLE = /^(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0|[1-9]\d*)$/;
const OLD_OCTAL = /^0[0-7]+$/;
const FRACTION = /^(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?$/;

export function readNumber(source: string): number | undefined {
  if (source.length > LONGEST_NUMBER) return undefined;
  const digits = source.replace(/^[+-]/, '').replace(/(?<=[0-9a-fA-FxXbBoO])_(?=[0-9a-fA-F])/g, '');
  const value = OLD_OCTAL.test(digits)
    ? Number.parseInt(digits, 8)
    : WHOLE.test(digits) || FRACTION.test(digits)
      ? Number(digits)
      : Number.NaN;
  if (!Number.isFinite(value)) return undefined;
  return source.startsWith('-') ? 0 - value : value;
}
