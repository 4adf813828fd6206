import { STACK_NAMESPACE_LABEL } from '../domain/labels.ts';
import { byCodeUnit } from './absent.ts';
import type { Options } from './model.ts';
import type { Path } from './yaml-tree.ts';

export interface ConvertContext {
  readonly stackName: string;
  readonly readFile: (path: string) => Uint8Array | undefined;
  /** All configs and secrets of the stack rotate, see `rotation.ts`. */
  readonly rotate: boolean;
  readonly problem: (path: Path, message: string) => void;
}

/** They exist on every host, and are never created. */
export const PREDEFINED_NETWORKS = new Set(['bridge', 'host', 'none', 'default']);

export function stackLabels(stackName: string, labels: Options): { [key: string]: string } {
  return { ...record(labels), [STACK_NAMESPACE_LABEL]: stackName };
}

export function record(options: Options): { [key: string]: string } {
  return Object.fromEntries([...options].sort(([a], [b]) => byCodeUnit(a, b)));
}
