import type { Options } from '../model.ts';
import { parseDuration } from '../units.ts';
import { Float, type Tree, type TreeMap } from '../yaml-tree.ts';

/** Values of a tree whose shape has been checked. */

/** Labels and sysctls: a mapping, or a list of `key=value`. */
export function keyValues(value: Tree | undefined): Options {
  if (!Array.isArray(value)) return options(value);
  return new Map(
    (value as string[]).map((item) => {
      const at = item.indexOf('=');
      return at < 0 ? [item, ''] : [item.slice(0, at), item.slice(at + 1)];
    }),
  );
}

export function options(value: Tree | undefined): Options {
  return new Map([...mapping(value)].map(([key, item]) => [key, item === null ? '' : String(item)]));
}

export function mapping(value: Tree | undefined): TreeMap {
  return value instanceof Map ? value : new Map();
}

export function listOfMaps(value: Tree | undefined): TreeMap[] | undefined {
  return Array.isArray(value) ? value.map(mapping) : undefined;
}

export function text(value: Tree | undefined): string | undefined {
  return value === undefined || value === null ? undefined : String(value);
}

export function texts(value: Tree | undefined): string[] | undefined {
  if (value === undefined || value === null) return undefined;
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

export function flag(value: Tree | undefined): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

export function whole(value: Tree | undefined): number | undefined {
  if (value === undefined || value === null) return undefined;
  return value instanceof Float ? Math.trunc(value.value) : Number(value);
}

export function nanoseconds(value: Tree | undefined): number | undefined {
  return typeof value === 'string' ? parseDuration(value) : undefined;
}
