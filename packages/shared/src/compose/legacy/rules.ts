import { Float, type Path, type Tree } from '../yaml-tree.ts';

/**
 * A small language for the shape of a stack file. A JSON-schema validator would check the same, but its reports on
 * alternatives ("string or list of …") cannot be turned into sentences a user can act on, nor into all problems at once.
 */
export type Rule = (value: Tree, path: Trail, report: Report) => void;
/** The way to the value in hand: one list for the whole file, which grows and shrinks. What is reported is a copy. */
type Trail = (string | number)[];
/** `known`, with a key that has no place in a mapping: those that have. */
export type Report = (path: Path, message: string, known?: readonly string[]) => void;

type Kind = 'string' | 'number' | 'integer' | 'boolean' | 'null' | 'list' | 'mapping';

function kindOf(value: Tree): Kind {
  if (value === null) return 'null';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'boolean';
  if (typeof value === 'number' || typeof value === 'bigint') return 'integer';
  if (value instanceof Float) return Number.isInteger(value.value) ? 'integer' : 'number';
  return Array.isArray(value) ? 'list' : 'mapping';
}

function isNegative(value: Tree): boolean {
  return value instanceof Float ? value.value < 0 : typeof value === 'bigint' ? value < 0n : Number(value) < 0;
}

function below(path: Trail, key: string | number, rule: Rule, value: Tree, report: Report): void {
  path.push(key);
  rule(value, path, report);
  path.pop();
}

export function show(path: Path): string {
  return path.length === 0 ? '(root)' : path.join('.');
}

function scalar(kinds: readonly Kind[], words: string, check?: (value: Tree) => string | undefined): Rule & { kinds: readonly Kind[] } {
  const rule = (value: Tree, path: Trail, report: Report) => {
    if (!kinds.includes(kindOf(value))) report([...path], `${show(path)} must be ${words}`);
    else {
      const problem = check?.(value);
      if (problem !== undefined) report([...path], `${show(path)} ${problem}`);
    }
  };
  return Object.assign(rule, { kinds });
}

export const string = scalar(['string'], 'a string');
export const integer = scalar(['integer'], 'a integer');
/** A count: Docker reads it into an unsigned number. */
export const count = scalar(['integer'], 'a integer', (value) =>
  isNegative(value) ? `must not be negative; it is ${String(value)}` : undefined,
);
export const number = scalar(['integer', 'number'], 'a number');
export const boolean = scalar(['boolean'], 'a boolean');
export const nothing = scalar(['null'], 'null');
export const anything: Rule = () => undefined;

export function word(...words: readonly string[]) {
  const list = words.map((each) => `"${each}"`).join(', ');
  return scalar(['string'], 'a string', (value) => (words.includes(value as string) ? undefined : `must be one of the following: ${list}`));
}

/** What a format is in words, with an example of it. */
const FORMATS = {
  duration: 'time such as 90s or 1m30s',
  ports: 'port such as 80, 8080:80, 8000-8010:8000-8010 or 53:53/udp',
} as const;

/** A string, or a number where `kinds` says so, that `matches` accepts. */
export function format(name: keyof typeof FORMATS, matches: (text: string) => boolean, kinds: readonly Kind[] = ['string']) {
  const words = kinds.includes('integer') ? 'a number or a string' : 'a string';
  return scalar(kinds, words, (value) =>
    matches(String(value)) ? undefined : `Does not match format '${name}': "${String(value)}" is no ${FORMATS[name]}`,
  );
}

export function list(item: Rule, options: { readonly unique?: boolean } = {}): Rule & { kinds: readonly Kind[] } {
  const rule = (value: Tree, path: Trail, report: Report) => {
    if (!Array.isArray(value)) {
      report([...path], `${show(path)} must be a list`);
      return;
    }
    value.forEach((each, index) => {
      below(path, index, item, each, report);
    });
    if (options.unique !== true) return;
    const seen = new Map<string, number>();
    value.forEach((each, index) => {
      const key = identity(each);
      const first = seen.get(key);
      if (first !== undefined) report([...path, index], `${show(path)} array items[${first},${index}] must be unique`);
      else seen.set(key, index);
    });
  };
  return Object.assign(rule, { kinds: ['list'] as const });
}

/** A text that two values share only if they are equal. */
export function identity(value: Tree): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each === 'bigint') return String(each);
    if (each instanceof Float) return each.value;
    if (each instanceof Map) return Object.fromEntries([...each].sort(([a], [b]) => (a < b ? -1 : 1)));
    return each;
  });
}

/** A mapping whose keys are the user's. */
export function mapOf(item: Rule, keys = /^.+$/): Rule & { kinds: readonly Kind[] } {
  const rule = (value: Tree, path: Trail, report: Report) => {
    if (!(value instanceof Map)) {
      report([...path], `${show(path)} must be a mapping`);
      return;
    }
    for (const [key, each] of value) {
      if (!keys.test(key)) report([...path, key], `${show(path)} Additional property ${key} is not allowed`);
      else below(path, key, item, each, report);
    }
  };
  return Object.assign(rule, { kinds: ['mapping'] as const });
}

export interface Shape {
  /** Key → rule, or → the first version that has it and the rule. */
  readonly [key: string]: Rule | readonly [since: number, rule: Rule];
}

/**
 * A mapping with known keys. `extensionsSince`: the first version that allows `x-…` here; absent: none does. `open`: keys
 * that are not known are allowed, and mean nothing.
 */
export function shape(
  keys: Shape,
  version: number,
  options: { readonly extensionsSince?: number; readonly required?: readonly string[]; readonly open?: boolean } = {},
) {
  const rule = (value: Tree, path: Trail, report: Report) => {
    if (!(value instanceof Map)) {
      report([...path], `${show(path)} must be a mapping`);
      return;
    }
    for (const [key, each] of value) {
      const known = Object.hasOwn(keys, key) ? keys[key] : undefined;
      if (known === undefined) {
        if (options.open === true) continue;
        const extension = key.startsWith('x-') && version >= (options.extensionsSince ?? Number.POSITIVE_INFINITY);
        if (!extension) report([...path, key], `${show(path)} Additional property ${key} is not allowed`, Object.keys(keys));
        continue;
      }
      const [since, itemRule] = typeof known === 'function' ? [0, known] : known;
      if (version < since) {
        report(
          [...path, key],
          `${show(path)} Additional property ${key} is not allowed (it came with version 3.${since}; this file says 3.${version})`,
        );
      } else below(path, key, itemRule, each, report);
    }
    for (const key of options.required ?? []) if (!value.has(key)) report([...path], `${show(path)} ${key} is required`);
  };
  return Object.assign(rule, { kinds: ['mapping'] as const satisfies readonly Kind[] });
}

/** The first alternative whose kind fits is the one the user meant: its problems are reported. */
export function either(...alternatives: readonly (Rule & { readonly kinds: readonly Kind[] })[]): Rule & { kinds: readonly Kind[] } {
  const kinds = alternatives.flatMap((alternative) => alternative.kinds);
  const rule = (value: Tree, path: Trail, report: Report) => {
    const meant = alternatives.find((alternative) => alternative.kinds.includes(kindOf(value)));
    if (meant !== undefined) meant(value, path, report);
    else report([...path], `${show(path)} must be a ${describe(kinds)}`);
  };
  return Object.assign(rule, { kinds });
}

function describe(kinds: readonly Kind[]): string {
  const words = [...new Set(kinds.map((kind) => (kind === 'integer' ? 'number' : kind)))];
  return words.length === 1 ? String(words[0]) : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
