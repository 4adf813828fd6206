import { badRequest } from '@swarm/shared/errors/api-error';

/**
 * JSON that is passed on with changes: what nobody looks at goes on as it came. Integers past 2^53 keep their digits,
 * and keys are found whatever their case, as Go's decoder finds them (of two spellings the later one counts). As there,
 * half a surrogate pair is U+FFFD: such text could not stand in a path.
 */
export type JSONObject = { [key: string]: unknown };

interface Source {
  readonly source?: string;
}

/** What `JSON` has in Node and not yet in the compiler's library. */
interface RawJSON {
  rawJSON(text: string): object;
}

/** @throws ApiError 400 for what is no JSON object. */
export function parseExact(text: string): JSONObject {
  let value: unknown;
  try {
    value = JSON.parse(text, (_key: string, item: unknown, context?: Source) => {
      if (typeof item === 'string') return item.toWellFormed();
      if (typeof item === 'number' && !Number.isSafeInteger(item) && context?.source !== undefined)
        return (JSON as unknown as RawJSON).rawJSON(context.source);
      return isObject(item) && !Object.keys(item).every((key) => key.isWellFormed()) ? withWholeKeys(item) : item;
    });
  } catch (error) {
    throw badRequest(`invalid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isObject(value)) throw badRequest('invalid JSON: the body is no object');
  return value;
}

function withWholeKeys(object: JSONObject): JSONObject {
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key.toWellFormed(), item]));
}

export function isObject(value: unknown): value is JSONObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The key of `object` that stands for `name`; `name` itself where there is none. */
export function spellingOf(object: JSONObject, name: string): string {
  return Object.keys(object).findLast((key) => key.toLowerCase() === name.toLowerCase()) ?? name;
}

export function read(object: JSONObject, name: string): unknown {
  return object[spellingOf(object, name)];
}

export function readText(object: JSONObject, name: string): string {
  const value = read(object, name);
  return typeof value === 'string' ? value : '';
}

export function readTexts(object: JSONObject, name: string): readonly string[] {
  const value = read(object, name);
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The object under a key, as part of `object` from now on, also where it was absent or null. */
export function partOf(object: JSONObject, name: string): JSONObject {
  const key = spellingOf(object, name);
  const present = object[key];
  if (isObject(present)) return present;
  const part: JSONObject = {};
  object[key] = part;
  return part;
}
