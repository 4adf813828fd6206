import { type Path, Tagged, type Tree } from '../yaml-tree.ts';

/**
 * Variable substitution of the Compose Specification: operators `:-`, `-`, `:?`, `?`, `:+`, `+` within braces, the one that
 * comes first counts; their operands are substituted in turn; a `$` that begins no variable stays as it is.
 */
export type Lookup = (name: string) => string | undefined;

export class SubstitutionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SubstitutionError';
  }
}

const NAME = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const OPERATORS = [':-', ':?', ':+', '-', '?', '+'] as const;
/** Operands nest; a file can be bad on purpose. */
const MAX_NESTING = 32;

/** @throws SubstitutionError when a brace is not closed, an expression is malformed, or a required variable is missing. */
export function substitute(text: string, lookup: Lookup, onUnset: (name: string) => void = () => undefined, nesting = 0): string {
  if (!text.includes('$')) return text;
  if (nesting > MAX_NESTING) throw new SubstitutionError(`variables nest deeper than ${MAX_NESTING} levels`);
  let result = '';
  let at = 0;
  while (at < text.length) {
    const dollar = text.indexOf('$', at);
    if (dollar < 0) return result + text.slice(at);
    result += text.slice(at, dollar);
    const next = text[dollar + 1];
    if (next === '$') {
      result += '$';
      at = dollar + 2;
    } else if (next === '{') {
      const end = closingBrace(text, dollar + 2);
      result += evaluate(text.slice(dollar + 2, end), lookup, onUnset, nesting);
      at = end + 1;
    } else {
      NAME.lastIndex = dollar + 1;
      const name = NAME.exec(text)?.[0];
      result += name === undefined ? '$' : lookUp(name, lookup, onUnset);
      at = dollar + 1 + (name?.length ?? 0);
    }
  }
  return result;
}

function closingBrace(text: string, start: number): number {
  let depth = 1;
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === '{') depth += 1;
    else if (text[at] === '}') {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  throw new SubstitutionError(`"${text}": "\${" is not closed; write "$$" for a dollar sign`);
}

function evaluate(expression: string, lookup: Lookup, onUnset: (name: string) => void, nesting: number): string {
  NAME.lastIndex = 0;
  const name = NAME.exec(expression)?.[0];
  const rest = expression.slice(name?.length ?? 0);
  const operator = OPERATORS.find((each) => rest.startsWith(each));
  if (name === undefined || (rest !== '' && operator === undefined)) {
    throw new SubstitutionError(`"\${${expression}}" is no valid substitution; write "$$" for a dollar sign`);
  }
  if (operator === undefined) return lookUp(name, lookup, onUnset);
  const operand = rest.slice(operator.length);
  const value = lookup(name);
  const isSet = operator.startsWith(':') ? value !== undefined && value !== '' : value !== undefined;
  switch (operator.at(-1)) {
    case '-':
      return isSet ? (value ?? '') : substitute(operand, lookup, onUnset, nesting + 1);
    case '+':
      return isSet ? substitute(operand, lookup, onUnset, nesting + 1) : '';
    default:
      if (isSet) return value ?? '';
      throw new SubstitutionError(
        `required variable ${name} is missing a value${operand === '' ? '' : `: ${substitute(operand, lookup, onUnset, nesting + 1)}`}`,
      );
  }
}

function lookUp(name: string, lookup: Lookup, onUnset: (name: string) => void): string {
  const value = lookup(name);
  if (value === undefined) onUnset(name);
  return value ?? '';
}

/** Substitutes in every string value; keys stay. Problems are reported by path, and the value left as it was. */
export function substituteTree(
  tree: Tree,
  path: Path,
  lookup: Lookup,
  report: { readonly problem: (path: Path, message: string) => void; readonly unset: (path: Path, name: string) => void },
): Tree {
  if (typeof tree === 'string') {
    if (!tree.includes('$')) return tree;
    try {
      return substitute(tree, lookup, (name) => report.unset(path, name));
    } catch (error) {
      if (!(error instanceof SubstitutionError)) throw error;
      report.problem(path, error.message);
      return tree;
    }
  }
  if (Array.isArray(tree)) return tree.map((item, index) => substituteTree(item, [...path, index], lookup, report));
  if (tree instanceof Map) return new Map([...tree].map(([key, item]) => [key, substituteTree(item, [...path, key], lookup, report)]));
  if (tree instanceof Tagged) return new Tagged(tree.tag, substituteTree(tree.value, path, lookup, report));
  return tree;
}
