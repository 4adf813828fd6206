import type { Options } from '../model.ts';
import type { Tree, TreeMap } from '../yaml-tree.ts';
import { compareKeys } from './emit-yaml.ts';

export type Field = readonly [key: string, value: Tree | undefined];

/** A mapping in the order given, without what is absent. */
export function fields(list: readonly Field[]): TreeMap {
  const tree: TreeMap = new Map();
  for (const [key, value] of list) if (value !== undefined) tree.set(key, value);
  return tree;
}

export function optionsTree(options: ReadonlyMap<string, Tree>): TreeMap {
  return new Map([...options].sort(([a], [b]) => compareKeys(a, b)));
}

export function filledOptions(options: Options | undefined): TreeMap | undefined {
  return options === undefined || options.size === 0 ? undefined : optionsTree(options);
}

/** Mappings of the user's own, whose order the encoder sorts at every level. */
export function sortedTree(tree: Tree): Tree {
  if (Array.isArray(tree)) return tree.map(sortedTree);
  if (!(tree instanceof Map)) return tree;
  return new Map([...tree].sort(([a], [b]) => compareKeys(a, b)).map(([key, value]) => [key, sortedTree(value)]));
}

/** `x-` keys: they stand behind the known ones. */
export function extensions(entries: ReadonlyMap<string, Tree> | undefined): readonly Field[] {
  return [...(entries ?? [])].sort(([a], [b]) => compareKeys(a, b)).map(([key, value]) => [key, sortedTree(value)]);
}
