import { formatPrint, formatPrintf } from './format.ts';
import { isList, isMap, isTrue, typeName, type Value } from './values.ts';

/** A function that templates may call. What `call` throws becomes `error calling <name>: <message>`. */
export interface TemplateFunction {
  readonly fewestArguments: number;
  /** Absent: any number. */
  readonly mostArguments?: number;
  call(args: readonly Value[]): Value;
}

export type TemplateFunctions = Readonly<Record<string, TemplateFunction>>;

function exactly(count: number, call: (...args: Value[]) => Value): TemplateFunction {
  return { fewestArguments: count, mostArguments: count, call: (args) => call(...args) };
}

function atLeast(count: number, call: (first: Value, ...rest: Value[]) => Value): TemplateFunction {
  return { fewestArguments: count, call: (args) => call(args[0] as Value, ...args.slice(1)) };
}

/** Go's own functions, without those for HTML, JavaScript and URLs. `and` and `or` evaluate only what they need: see the evaluator. */
export const BUILT_IN_FUNCTIONS: TemplateFunctions = {
  and: atLeast(1, (first, ...rest) => [first, ...rest].find((value) => !isTrue(value)) ?? rest.at(-1) ?? first),
  or: atLeast(1, (first, ...rest) => [first, ...rest].find(isTrue) ?? rest.at(-1) ?? first),
  not: exactly(1, (value = null) => !isTrue(value)),
  len: exactly(1, (value = null) => lengthOf(value)),
  index: atLeast(1, (value, ...keys) => keys.reduce(indexOne, value)),
  slice: atLeast(1, (value, ...bounds) => sliceOf(value, bounds)),
  print: { fewestArguments: 0, call: (args) => formatPrint(args) },
  println: { fewestArguments: 0, call: (args) => `${args.map((arg) => formatPrint([arg])).join(' ')}\n` },
  printf: atLeast(1, (format, ...args) => formatPrintf(expectString(format), args)),
  eq: atLeast(1, (first, ...rest) => {
    if (rest.length === 0) throw new Error('missing argument for comparison');
    return rest.some((other) => equal(first, other));
  }),
  ne: exactly(2, (a = null, b = null) => !equal(a, b)),
  lt: exactly(2, (a = null, b = null) => less(a, b)),
  le: exactly(2, (a = null, b = null) => less(a, b) || equal(a, b)),
  gt: exactly(2, (a = null, b = null) => !(less(a, b) || equal(a, b))),
  ge: exactly(2, (a = null, b = null) => !less(a, b)),
};

export function expectString(value: Value): string {
  if (typeof value !== 'string') throw new Error(`wrong type for value; expected string; got ${typeName(value)}`);
  return value;
}

/** Docker Swarm's `join`: the separator first, then the strings (Go's `strings.Join` has it the other way round). */
export const joinFunction: TemplateFunction = atLeast(1, (separator, ...parts) =>
  parts
    .flatMap((part) => (isList(part) ? part : [part]))
    .map(expectString)
    .join(expectString(separator)),
);

function lengthOf(value: Value): number {
  if (typeof value === 'string') return new TextEncoder().encode(value).length;
  if (isList(value)) return value.length;
  if (isMap(value)) return value.size;
  throw new Error(value === null ? 'len of nil pointer' : `len of type ${typeName(value)}`);
}

function indexOne(value: Value, key: Value): Value {
  if (value === null) throw new Error('index of untyped nil');
  if (isMap(value)) return value.get(expectString(key)) ?? '';
  if (!isList(value) && typeof value !== 'string') throw new Error(`can't index item of type ${typeName(value)}`);
  if (typeof key !== 'number' || !Number.isInteger(key)) throw new Error(`cannot index slice/array with type ${typeName(key)}`);
  const items = typeof value === 'string' ? new TextEncoder().encode(value) : value;
  const item = items[key];
  if (item === undefined) throw new Error(`index out of range: ${key}`);
  return item;
}

function sliceOf(value: Value, bounds: readonly Value[]): Value {
  if (bounds.length > (typeof value === 'string' ? 2 : 3)) throw new Error(`too many slice indexes: ${bounds.length}`);
  if (typeof value !== 'string' && !isList(value)) throw new Error(`can't slice item of type ${typeName(value)}`);
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : undefined;
  const length = bytes?.length ?? value.length;
  const [from = 0, to = length] = bounds.map((bound) => {
    if (typeof bound !== 'number' || !Number.isInteger(bound)) throw new Error(`cannot index slice/array with type ${typeName(bound)}`);
    if (bound < 0 || bound > length) throw new Error(`index out of range: ${bound}`);
    return bound;
  });
  if (from > to) throw new Error(`invalid slice index: ${from} > ${to}`);
  return bytes === undefined ? (value as readonly Value[]).slice(from, to) : new TextDecoder().decode(bytes.subarray(from, to));
}

function isBasic(value: Value): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function equal(a: Value, b: Value): boolean {
  if (a === null || b === null) return a === b;
  if (!isBasic(a) || !isBasic(b)) throw new Error(`non-comparable type ${typeName(isBasic(a) ? b : a)}`);
  if (typeof a !== typeof b) throw new Error('incompatible types for comparison');
  return a === b;
}

function less(a: Value, b: Value): boolean {
  if (!isBasic(a) || !isBasic(b) || typeof a === 'boolean') throw new Error('invalid type for comparison');
  if (typeof a !== typeof b) throw new Error('incompatible types for comparison');
  if (typeof a === 'number' || typeof b === 'number') return a < b;
  // Go compares strings byte by byte: the order of code points, not of UTF-16 units.
  const [left, right] = [[...a], [...(b as string)]];
  for (const [at, character] of left.entries()) {
    const other = right[at];
    if (other === undefined) return false;
    if (character !== other) return (character.codePointAt(0) ?? 0) < (other.codePointAt(0) ?? 0);
  }
  return left.length < right.length;
}
