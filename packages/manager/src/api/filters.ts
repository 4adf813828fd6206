import { badRequest } from '@swarm/shared/errors/api-error';
import { compareApiVersions } from './api-version.ts';
import type { Query } from './query.ts';

/** The values asked for, per key. Several values of one key: any of them; different keys: all of them. */
export type Filters = ReadonlyMap<string, readonly string[]>;

/**
 * Reads `filters=` in both its spellings, `{"name":{"web":true}}` and `{"name":["web"]}`. Without `accepted` any key is.
 * @throws ApiError 400 when it cannot be read or holds a key that is not accepted.
 */
export function parseFilters(query: Query, accepted?: readonly string[]): Filters {
  const text = query.get('filters') ?? '';
  if (text === '') return new Map();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRequest(`invalid filters: ${text} is not JSON; send {"key":["value"]}`);
  }
  if (value === null) return new Map();
  if (typeof value !== 'object' || Array.isArray(value)) throw badRequest('invalid filters: send an object, {"key":["value"]}');
  const filters = new Map<string, readonly string[]>();
  for (const [key, values] of Object.entries(value)) {
    if (accepted !== undefined && !accepted.includes(key))
      throw badRequest(`${compareApiVersions(query.apiVersion, '1.44') < 0 ? 'Invalid' : 'invalid'} filter '${key}'`);
    filters.set(key, valuesOf(key, values));
  }
  return filters;
}

function valuesOf(key: string, values: unknown): readonly string[] {
  // As everywhere in the API: nothing was said.
  if (values === null) return [];
  if (Array.isArray(values) && values.every((value) => typeof value === 'string')) return values;
  if (typeof values === 'object' && values !== null && !Array.isArray(values)) {
    const entries = Object.entries(values);
    if (entries.every(([, wanted]) => typeof wanted === 'boolean')) return entries.filter(([, wanted]) => wanted).map(([name]) => name);
  }
  throw badRequest(`invalid filters: the values of '${key}' must be a list of strings or an object of booleans`);
}

/** True when the key was not asked for, or one of its values passes. */
export function passesAny(filters: Filters, key: string, passes: (value: string) => boolean): boolean {
  const values = filters.get(key);
  return values === undefined || values.length === 0 || values.some(passes);
}

/** `k` and `k=` ask for the key, `k=v` for its value; all that are given must hold. */
export function passesLabels(filters: Filters, key: string, labels: Readonly<Record<string, string>>): boolean {
  return (filters.get(key) ?? []).every((wanted) => {
    const at = wanted.indexOf('=');
    const name = at < 0 ? wanted : wanted.slice(0, at);
    const value = at < 0 ? '' : wanted.slice(at + 1);
    return Object.hasOwn(labels, name) && (value === '' || labels[name] === value);
  });
}

/** The label names that a filter asks for: what an index can be asked with. */
export function labelNames(filters: Filters, key: string): readonly string[] {
  return (filters.get(key) ?? []).map((wanted) => wanted.split('=', 1)[0] ?? '');
}
