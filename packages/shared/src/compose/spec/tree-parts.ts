import { Float, Tagged, type Tree, type TreeMap } from '../yaml-tree.ts';

/** Parts of canonical trees. */

export function compact(entries: readonly (readonly [string, Tree | undefined])[]): TreeMap {
  return new Map(entries.filter((entry): entry is [string, Tree] => entry[1] !== undefined && entry[1] !== null));
}

export function filled(tree: TreeMap): TreeMap | undefined {
  return tree.size === 0 ? undefined : tree;
}

export function mapOf(value: Tree | undefined): TreeMap {
  return value instanceof Map ? value : new Map();
}

export function stringOf(value: Tree | undefined): string | undefined {
  return value === undefined || value === null ? undefined : String(value);
}

export function numeric(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

export function texts(value: Tree | undefined): Tree | undefined {
  if (!(value instanceof Map)) return undefined;
  return new Map([...value].map(([key, item]) => [key, item === null ? '' : String(item)]));
}

/** Whether both say the same; the order of keys says nothing. */
export function sameTree(a: Tree | undefined, b: Tree | undefined): boolean {
  if (a instanceof Map && b instanceof Map)
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && sameTree(value, b.get(key)));
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, at) => sameTree(item, b[at]));
  if (a instanceof Float && b instanceof Float) return a.value === b.value;
  if (a instanceof Tagged && b instanceof Tagged) return a.tag === b.tag && sameTree(a.value, b.value);
  return Object.is(a, b);
}

const TRUTHS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  y: true,
  on: true,
  1: true,
  false: false,
  no: false,
  n: false,
  off: false,
  0: false,
};

/** A boolean, or a word for one as a variable makes it; undefined: neither. */
export function truth(value: Tree): boolean | undefined {
  const word = String(value).toLowerCase();
  return typeof value === 'boolean' ? value : Object.hasOwn(TRUTHS, word) ? TRUTHS[word] : undefined;
}
