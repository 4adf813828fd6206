import type { StackLoad, StackProblem } from './load-stack.ts';
import type { ComposeFile } from './model.ts';
import type { Path } from './yaml-tree.ts';

/** What either dialect makes of the files: decoded and merged, before they become a stack. */
export interface FilesRead {
  readonly kind: 'read';
  readonly file: ComposeFile;
  readonly warnings: readonly StackProblem[];
  /** The problem with the place of what it is about. */
  readonly locate: (where: Path, message: string) => StackProblem;
}

export type FilesRefused = Extract<StackLoad, { kind: 'invalid' }>;

export function isNonEmpty<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0;
}
