import { identity } from '../legacy/rules.ts';
import { Tagged, type Tree, type TreeMap } from '../yaml-tree.ts';

/**
 * Merges two canonical trees as the Compose Specification says: later scalars win (null keeps), mappings merge, lists
 * append, and lists with an identity (ports, volumes, …) replace by it. `!reset` removes, `!override` replaces.
 */
export function mergeTrees(base: TreeMap, over: TreeMap): TreeMap {
  return mergeAt(base, over, []) as TreeMap;
}

const REPLACED = [/^services\.\*\.(command|entrypoint)$/, /^services\.\*\.healthcheck\.test$/, /^services\.\*\.ulimits\.[^.]+$/];

/** Lists whose items have an identity: the later item with the same one takes the place of the earlier. */
const IDENTITIES: readonly (readonly [RegExp, (item: TreeMap) => string])[] = [
  [/^services\.\*\.ports$/, (item) => ['host_ip', 'published', 'target', 'protocol'].map((key) => String(item.get(key) ?? '')).join('/')],
  [/^services\.\*\.volumes$/, (item) => String(item.get('target') ?? '')],
  [/^services\.\*\.(configs|secrets)$/, (item) => String(item.get('target') ?? item.get('source') ?? '')],
  [/^services\.\*\.env_file$/, (item) => String(item.get('path') ?? '')],
  [/^networks\.\*\.ipam\.config$/, (item) => String(item.get('subnet') ?? '')],
];

/** Lists that are sets. */
const SETS =
  /^services\.\*\.(cap_add|cap_drop|devices|dns|dns_opt|dns_search|expose|group_add|label_file|security_opt|tmpfs|profiles|networks\.\*\.aliases)$/;

function mergeAt(base: Tree | undefined, over: Tree, path: readonly string[]): Tree {
  if (over instanceof Tagged) return over.tag === 'reset' ? null : plain(over.value);
  if (over === null) return base === undefined ? null : base;
  if (base === undefined || base === null) return plain(over);
  const where = path.map((part, index) => (index === 1 ? '*' : part)).join('.');
  if (REPLACED.some((pattern) => pattern.test(where))) return plain(over);
  if (where === 'services.*.logging') return mergeLogging(base, over, path);
  if (base instanceof Map && over instanceof Map) return mergeMaps(base, over, path);
  if (Array.isArray(base) && Array.isArray(over)) return mergeLists(base, over.map(plain), where);
  return plain(over);
}

function mergeMaps(base: TreeMap, over: TreeMap, path: readonly string[]): TreeMap {
  const merged: TreeMap = new Map(base);
  for (const [key, value] of over) {
    if (value instanceof Tagged && value.tag === 'reset') merged.delete(key);
    else merged.set(key, mergeAt(merged.get(key), value, [...path, key]));
  }
  return merged;
}

function mergeLogging(base: Tree, over: Tree, path: readonly string[]): Tree {
  if (!(base instanceof Map) || !(over instanceof Map)) return plain(over);
  const [before, after] = [base.get('driver'), over.get('driver')];
  return before !== undefined && after !== undefined && before !== after ? plain(over) : mergeMaps(base, over, path);
}

function mergeLists(base: readonly Tree[], over: readonly Tree[], where: string): Tree[] {
  const keyFor = IDENTITIES.find(([pattern]) => pattern.test(where))?.[1];
  if (keyFor !== undefined) {
    const keyOf = (item: Tree) => (item instanceof Map ? keyFor(item) : String(item));
    return [...new Map([...base, ...over].map((item) => [keyOf(item), item])).values()];
  }
  const all = [...base, ...over];
  if (!SETS.test(where)) return all;
  return [...new Map(all.map((item) => [identity(item), item])).values()];
}

/** The tree with its merge tags resolved: there is nothing before it that they could apply to. */
export function plain(tree: Tree): Tree {
  if (tree instanceof Tagged) return tree.tag === 'reset' ? null : plain(tree.value);
  if (Array.isArray(tree)) return tree.map(plain);
  if (!(tree instanceof Map)) return tree;
  const kept = [...tree].filter(([, value]) => !(value instanceof Tagged && value.tag === 'reset'));
  return new Map(kept.map(([key, value]) => [key, plain(value)]));
}
