import { Float, type Path, type Tree } from '../yaml-tree.ts';

/**
 * Variable substitution as `docker stack deploy` does it. Its oddities are kept on purpose (a file must mean the same to
 * both): operators are looked for in the fixed order `:-`, `-`, `:?`, `?` anywhere between the braces, defaults are never
 * expanded themselves, and an operator is read after `$NAME` without braces too. Measured on docker 28.2.2.
 */
export type Lookup = (name: string) => string | undefined;

export class InterpolationError extends Error {
  readonly path: Path;

  constructor(path: Path, problem: string) {
    super(`invalid interpolation format for ${path.join('.')}: "${problem}"; you may need to escape any $ with another $`);
    this.name = 'InterpolationError';
    this.path = path;
  }
}

const VARIABLE = /\$(?:(\$)|([_a-zA-Z][_a-zA-Z0-9]*(?::?[-?][^}]*)?)|\{([_a-zA-Z][_a-zA-Z0-9]*(?::?[-?][^}]*)?)\}|())/gi;
const OPERATORS = [':-', '-', ':?', '?'] as const;

/** Substitutes in one string. Throws the problem's text. */
export function substitute(template: string, lookup: Lookup): string {
  return template.replace(VARIABLE, (_match, escaped?: string, bare?: string, braced?: string) => {
    if (escaped !== undefined) return '$';
    const expression = braced ?? bare;
    if (expression === undefined) throw new Error(template);
    return evaluate(expression, lookup);
  });
}

function evaluate(expression: string, lookup: Lookup): string {
  for (const operator of OPERATORS) {
    const at = expression.indexOf(operator);
    if (at < 0) continue;
    const name = expression.slice(0, at);
    const rest = expression.slice(at + operator.length);
    const value = lookup(name);
    const missing = operator.startsWith(':') ? value === undefined || value === '' : value === undefined;
    if (!missing) return value ?? '';
    if (operator.endsWith('-')) return rest;
    throw new Error(`required variable ${name} is missing a value: ${rest}`);
  }
  return lookup(expression) ?? '';
}

/** Substitutes in every string value below `path`. Keys stay. `cast` turns changed strings of some paths into other types. */
export function interpolateTree(tree: Tree, path: Path, lookup: Lookup, cast: (path: Path, text: string) => Tree): Tree {
  if (typeof tree === 'string') {
    let replaced: string;
    try {
      replaced = substitute(tree, lookup);
    } catch (error) {
      throw new InterpolationError(path, (error as Error).message);
    }
    return replaced === tree ? tree : cast(path, replaced);
  }
  if (Array.isArray(tree)) return tree.map((item, index) => interpolateTree(item, [...path, index], lookup, cast));
  if (tree instanceof Map) return new Map([...tree].map(([key, value]) => [key, interpolateTree(value, [...path, key], lookup, cast)]));
  if (tree instanceof Float) return tree;
  return tree;
}
