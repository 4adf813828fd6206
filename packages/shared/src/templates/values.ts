/**
 * The values a template computes with, and how Go prints, compares and names them. A `TemplateStruct` has a fixed set of
 * fields (asking for another is an error); a Map is Go's `map[string]…`; `null` is nil.
 */
export type Value = string | number | boolean | null | readonly Value[] | ReadonlyMap<string, Value> | TemplateStruct;

export class TemplateStruct {
  /** As Go prints the type in its messages. */
  readonly typeName: string;
  readonly fields: ReadonlyMap<string, Value>;

  constructor(typeName: string, fields: Readonly<Record<string, Value>>) {
    this.typeName = typeName;
    this.fields = new Map(Object.entries(fields));
  }
}

/** Keys in order, so that what is printed or ranged over does not depend on how the map was built. */
export function sortedEntries<Item>(map: ReadonlyMap<string, Item>): [string, Item][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

export function isMap(value: Value): value is ReadonlyMap<string, Value> {
  return value instanceof Map;
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isTrue(value: Value): boolean {
  if (isList(value)) return value.length > 0;
  if (isMap(value)) return value.size > 0;
  return value !== null && value !== false && value !== 0 && value !== '';
}

/** As `fmt.Sprint` prints a single value. */
export function printValue(value: Value): string {
  if (value === null) return '<nil>';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return printNumber(value);
  if (typeof value === 'boolean') return String(value);
  if (value instanceof TemplateStruct) return `{${[...value.fields.values()].map(printValue).join(' ')}}`;
  if (isList(value)) return `[${value.map(printValue).join(' ')}]`;
  return `map[${sortedEntries(value)
    .map(([key, item]) => `${key}:${printValue(item)}`)
    .join(' ')}]`;
}

function printNumber(value: number): string {
  if (Number.isInteger(value)) return Number.isSafeInteger(value) ? String(value) : BigInt(value).toString();
  // Go writes at least two digits of exponent.
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}

export function typeName(value: Value): string {
  if (value === null) return 'nil';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (value instanceof TemplateStruct) return value.typeName;
  return isList(value) ? '[]string' : 'map[string]string';
}

/** As Go's `%q`: a double-quoted string that Go source would read back. */
export function quote(text: string): string {
  let quoted = '"';
  for (const character of text) quoted += quoteCharacter(character);
  return `${quoted}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\v': '\\v',
};

function quoteCharacter(character: string): string {
  const known = ESCAPES[character];
  if (known !== undefined) return known;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) return character;
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}
