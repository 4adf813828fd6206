import { badRequest } from '../errors/api-error.ts';
import type { Static, TSchema } from '../schema/type.ts';

/**
 * The one decoder at the API's door. It reads JSON as Go's decoder does, which clients rely on: known keys match
 * whatever their case and are re-spelled, of two spellings the later wins, unknown keys are dropped, null is absent,
 * half a surrogate pair is U+FFFD, the keys of maps are the user's. Depth needs no bound of its own: only what a schema names is descended into.
 * Whatever the input, it throws nothing but `ApiError` 400.
 */
export function decodeJSON<S extends TSchema>(schema: S, text: string, name: string): Static<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRequest(explainSyntax(error));
  }
  return decodeValue(schema, value, name, () => findInexactIntegers(text));
}

/** As `decodeJSON` for a value that was parsed already. `name` is the type's name in messages: `ServiceSpec`. */
export function decodeValue<S extends TSchema>(
  schema: S,
  value: unknown,
  name: string,
  inexactIntegers: () => InexactIntegers = () => NONE,
): Static<S> {
  const decoded = decode(schema, value, { name, keys: [], inexactIntegers });
  return (decoded ?? zeroOf(schema)) as Static<S>;
}

/** Integers that a JavaScript number cannot hold, by the number they were rounded to. */
type InexactIntegers = ReadonlyMap<number, string>;
const NONE: InexactIntegers = new Map();

interface Place {
  readonly name: string;
  readonly keys: readonly string[];
  readonly inexactIntegers: () => InexactIntegers;
}

const INT64_END = 2n ** 63n;
const UINT64_END = 2n ** 64n;
const INTEGER = /^-?\d+$/;

/** Undefined stands for "absent". */
function decode(shape: TSchema, value: unknown, place: Place): unknown {
  if (value === null || value === undefined) return undefined;
  switch (shape.type) {
    case 'object':
      if (typeof value !== 'object' || Array.isArray(value)) throw wrongType(shape, value, place);
      return shape.additionalProperties === undefined ? decodeObject(shape, value, place) : decodeMap(shape, value, place);
    case 'array':
      if (!Array.isArray(value)) throw wrongType(shape, value, place);
      return value.map((item: unknown) => decode(shape.items ?? {}, item, place) ?? zeroOf(shape.items ?? {}));
    case 'string':
      if (typeof value !== 'string') throw wrongType(shape, value, place);
      if (shape.contentEncoding === 'base64') checkBase64(value);
      return (shape.anyCase === true ? shape.enum?.find((word) => word === value.toLowerCase()) : undefined) ?? value.toWellFormed();
    case 'boolean':
      if (typeof value !== 'boolean') throw wrongType(shape, value, place);
      return value;
    case 'number':
      if (typeof value !== 'number') throw wrongType(shape, value, place);
      return value;
    case 'integer':
      return decodeInteger(shape, value, place);
    default:
      throw new Error(`the schema of ${pathOf(place)} has a kind the decoder does not know: ${shape.type}`);
  }
}

function decodeObject(shape: TSchema, value: object, place: Place): object {
  const result: Record<string, unknown> = {};
  const spellings = spellingsOf(shape);
  for (const [key, item] of Object.entries(value)) {
    const known = spellings.get(key.toLowerCase());
    if (known === undefined) continue;
    const decoded = decode(shape.properties?.[known] ?? {}, item, { ...place, keys: [...place.keys, known] });
    if (decoded !== undefined) result[known] = decoded;
  }
  return result;
}

/** `Object.fromEntries` defines keys, so that a key like `__proto__` is a key like any other. */
function decodeMap(shape: TSchema, value: object, place: Place): object {
  const item = shape.additionalProperties ?? {};
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [
      key.toWellFormed(),
      decode(item, entry, { ...place, keys: [...place.keys, key] }) ?? zeroOf(item),
    ]),
  );
}

function decodeInteger(shape: TSchema, value: unknown, place: Place): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw wrongType(shape, value, place);
  const [first, end] = shape.minimum === 0 ? [0n, UINT64_END] : [-INT64_END, INT64_END];
  const source = Number.isSafeInteger(value) ? undefined : place.inexactIntegers().get(value);
  // The largest of 64 bits is no longer one when it is rounded.
  const sent = source !== undefined && INTEGER.test(source) ? BigInt(source) : BigInt(value);
  if (sent < first || sent >= end) throw wrongType(shape, value, place);
  if (source !== undefined) {
    throw badRequest(
      `${pathOf(place)}: ${source} needs more than 53 significant bits and would be stored as ${BigInt(value)}; use a rounder number`,
    );
  }
  return value;
}

/** Lower-case spelling → the schema's key, per object schema. */
const spellings = new WeakMap<TSchema, ReadonlyMap<string, string>>();

function spellingsOf(shape: TSchema): ReadonlyMap<string, string> {
  let known = spellings.get(shape);
  if (known === undefined) {
    known = new Map(Object.keys(shape.properties ?? {}).map((key) => [key.toLowerCase(), key]));
    spellings.set(shape, known);
  }
  return known;
}

/** What Go has where nothing was sent: the value of a null inside a list or a map. */
function zeroOf(shape: TSchema): unknown {
  switch (shape.type) {
    case 'object':
      return {};
    case 'array':
      return [];
    case 'string':
      return '';
    case 'boolean':
      return false;
    default:
      return 0;
  }
}

const BASE64 = /^[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*$/;

function checkBase64(text: string): void {
  const breaks = text.includes('\n') || text.includes('\r');
  const length = breaks ? text.replace(/[\r\n]/g, '').length : text.length;
  if (BASE64.test(text) && length % 4 === 0) return;
  const at = /[^A-Za-z0-9+/\r\n]/.exec(text)?.index ?? text.length;
  throw badRequest(`illegal base64 data at input byte ${at}`);
}

function wrongType(shape: TSchema, value: unknown, place: Place) {
  const field = place.keys.length === 0 ? 'value' : `struct field ${pathOf(place)}`;
  return badRequest(`json: cannot unmarshal ${jsonKind(value)} into Go ${field} of type ${goType(shape, place)}`);
}

function pathOf(place: Place): string {
  return [place.name, ...place.keys].join('.');
}

function jsonKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  switch (typeof value) {
    case 'number':
      return `number ${value}`;
    case 'boolean':
      return 'bool';
    default:
      return typeof value;
  }
}

function goType(shape: TSchema, place: Place): string {
  switch (shape.type) {
    case 'integer':
      return shape.minimum === 0 ? 'uint64' : 'int64';
    case 'number':
      return 'float64';
    case 'boolean':
      return 'bool';
    case 'array':
      return `[]${goType(shape.items ?? {}, place)}`;
    case 'object':
      return shape.additionalProperties === undefined ? (place.keys.at(-1) ?? place.name) : 'map[string]string';
    default:
      return shape.contentEncoding === undefined ? 'string' : '[]uint8';
  }
}

function explainSyntax(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith('Unexpected non-whitespace character after JSON')) return 'unexpected content after JSON';
  return `invalid JSON: ${message}`;
}

/**
 * Looks again at the text, for the rare body with an integer past 2^53. Those that a number holds exactly (a year in
 * nanoseconds) pass; JSON prints them with all digits.
 */
function findInexactIntegers(text: string): InexactIntegers {
  const inexact = new Map<number, string>();
  const look = (_key: string, value: unknown, context?: { readonly source?: string }) => {
    const source = context?.source;
    if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined) return value;
    if (INTEGER.test(source) && Number.isInteger(value) && BigInt(source) === BigInt(value)) return value;
    inexact.set(value, source);
    return value;
  };
  try {
    JSON.parse(text, look);
  } catch (error) {
    // It was parsed once: only the depth of what no schema names can fail now.
    if (error instanceof RangeError) throw badRequest('invalid JSON: nested too deeply');
    throw error;
  }
  return inexact;
}
