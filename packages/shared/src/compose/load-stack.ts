import type { ConfigSpec, NetworkSpec, SecretSpec } from '../engine-api/payload-specs.ts';
import type { ServiceSpecInput } from '../engine-api/service-spec.ts';
import { convertStack } from './convert.ts';
import { type FilesRead, type FilesRefused, isNonEmpty } from './files-read.ts';
import { readLegacy } from './legacy/load.ts';
import { parseDotenv } from './spec/dotenv.ts';
import { readSpec } from './spec/load.ts';
import type { YamlParser } from './yaml-events.ts';

/**
 * A stack in the Engine API's shapes: what would be posted, keyed by full name. The loader is pure: files and
 * environment are handed in.
 */
export interface StackSpec {
  readonly name: string;
  readonly networks: { readonly [name: string]: NetworkSpec };
  readonly secrets: { readonly [name: string]: SecretSpec };
  readonly configs: { readonly [name: string]: ConfigSpec };
  /** Network targets, secret and config references are by name; the manager puts the ids in. */
  readonly services: { readonly [name: string]: ServiceSpecInput };
  /** What must exist already. */
  readonly external: { readonly networks: readonly string[]; readonly secrets: readonly string[]; readonly configs: readonly string[] };
}

export interface StackFile {
  /** As the user named it; `-` for standard input. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface StackInput {
  readonly stackName: string;
  /** In the order given; paths in all of them resolve against the directory of the first. */
  readonly files: readonly StackFile[];
  readonly workingDirectory: string;
  readonly environment: { readonly [name: string]: string };
  readonly homeDirectory: string;
  /** Reads a file that a stack file refers to (absolute path). Undefined when there is none. */
  readonly readFile: (path: string) => Uint8Array | undefined;
  /** How YAML is read: quickly, or so that no file is refused that Docker would take. */
  readonly parseYaml: YamlParser;
  /** Only what `docker stack deploy` takes: never the Compose Specification. */
  readonly strictDocker: boolean;
  /** False: a key that the Compose Specification does not know is a problem, not a warning. */
  readonly lenient?: boolean;
  /** Active profiles; absent: those of COMPOSE_PROFILES. */
  readonly profiles?: readonly string[];
  /** Files of variables in the place of `.env`; the environment wins over them, later ones over earlier ones. */
  readonly envFiles?: readonly StackFile[];
  /** Every config and secret that is not external rotates, not only those with `x-swarm: {rotate: true}`. */
  readonly rotate?: boolean;
  /** Variables stay as they are written: for `stack config` only. */
  readonly skipInterpolation?: boolean;
}

export interface StackProblem {
  readonly file: string;
  /** From 1; absent when the problem has no place. */
  readonly line?: number;
  readonly column?: number;
  /** What, why and the way out, one sentence or two. */
  readonly message: string;
}

export type StackLoad =
  | { readonly kind: 'loaded'; readonly dialect: 'legacy' | 'spec'; readonly stack: StackSpec; readonly warnings: readonly StackProblem[] }
  | { readonly kind: 'invalid'; readonly problems: readonly [StackProblem, ...StackProblem[]] };

/**
 * Loads a stack: all problems at once, or the objects to post. Pure: nothing is read but what is handed in.
 *
 * Files that `docker stack deploy` takes mean exactly what they mean to it. Only files that it refuses are read by the
 * Compose Specification, so nothing that works today changes its meaning; which of the two was chosen is in the result.
 */
export function loadStack(given: StackInput): StackLoad {
  const input = withEnvFiles(given);
  if ('kind' in input) return input;
  const legacy = toStack('legacy', readLegacy(input), input);
  if (legacy.kind === 'loaded' || input.strictDocker) return legacy;
  const spec = toStack('spec', readSpec(input), input);
  // A version 3 file with a plain mistake in it is a mistake in both: the older words name it better.
  if (spec.kind === 'invalid') return saysVersionThree(input) ? legacy : spec;
  return { ...spec, warnings: [...explainSwitch(input, legacy.problems), ...spec.warnings] };
}

/** Of what Docker says to a file; the rest is counted. */
const QUOTED_PROBLEMS = 2;

/**
 * Who says version 3 means Docker's reading: what made the reading another one is said before anything else, in Docker's
 * words. Most often it is one mistyped key.
 */
export function explainSwitch(input: StackInput, [first, ...more]: FilesRefused['problems']): readonly StackProblem[] {
  if (!saysVersionThree(input)) return [];
  const quoted = [first, ...more].slice(0, QUOTED_PROBLEMS).map(({ message }) => `"${message}"`);
  const rest = 1 + more.length - quoted.length;
  const words = [...quoted, ...(rest > 0 ? [`${rest} more`] : [])].join(' and ');
  return [
    {
      ...first,
      message: `the file says version 3, but docker stack deploy refuses it: ${words}. So it is read by the Compose Specification; if that is not what you want, mend this, or refuse such files with --strict-docker`,
    },
  ];
}

function toStack(dialect: 'legacy' | 'spec', read: FilesRead | FilesRefused, input: StackInput): StackLoad {
  if (read.kind === 'invalid') return read;
  const problems: StackProblem[] = [];
  const stack = convertStack(read.file, {
    stackName: input.stackName,
    readFile: input.readFile,
    rotate: input.rotate === true,
    problem: (where, message) => problems.push(read.locate(where, message)),
  });
  return isNonEmpty(problems) ? { kind: 'invalid', problems } : { kind: 'loaded', dialect, stack, warnings: read.warnings };
}

export function saysVersionThree(input: StackInput): boolean {
  return input.files.some(({ bytes }) => /^version:\s*["']?3/m.test(new TextDecoder().decode(bytes.subarray(0, 65_536))));
}

/** The input with the variables of its env files, or the problems in them. */
export function withEnvFiles(input: StackInput): StackInput | Extract<StackLoad, { kind: 'invalid' }> {
  if (input.envFiles === undefined) return input;
  const variables = new Map<string, string>();
  for (const { path, bytes } of input.envFiles) {
    try {
      const known = (name: string) => (Object.hasOwn(input.environment, name) ? input.environment[name] : variables.get(name));
      for (const [name, value] of parseDotenv(path, new TextDecoder().decode(bytes), known)) variables.set(name, value);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return { kind: 'invalid', problems: [{ file: path, message: error.message }] };
    }
  }
  return { ...input, environment: { ...Object.fromEntries(variables), ...input.environment } };
}
