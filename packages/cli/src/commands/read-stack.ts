import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { StackFile, StackInput, StackProblem } from '@swarm/shared/compose/load-stack';
import type { YamlEvents, YamlParser } from '@swarm/shared/compose/yaml-events';
import type { OptionTable, OptionValues } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { CommandFailure, EXIT, usageError } from '../command/exit-codes.ts';
import { count } from '../render/words.ts';

/** What every command that reads stack files takes. */
export const STACK_FILE_OPTIONS = {
  'compose-file': {
    kind: 'list',
    short: 'c',
    value: 'path',
    help: 'stack file, - for standard input; later ones override earlier ones',
    complete: 'file',
  },
  'env-file': { kind: 'list', value: 'path', help: 'file of variables, in the place of .env; may repeat', complete: 'file' },
  profile: { kind: 'list', value: 'name', help: 'deploy the services of this profile too; may repeat' },
  rotate: { kind: 'flag', help: 'let all configs and secrets rotate: new content makes a new version, old ones go once unused' },
  'strict-docker': { kind: 'flag', help: 'take only what docker stack deploy takes, not the Compose Specification' },
} as const satisfies OptionTable;

/** What the loader takes, but for the parser, which `readWith` chooses. */
export type StackSource = Omit<StackInput, 'parseYaml'>;

/** Everything the pure loader needs of this machine. A path may hold several, separated by commas, as Docker's CLI takes it. */
export async function stackInput(
  context: Context,
  stackName: string,
  options: OptionValues<typeof STACK_FILE_OPTIONS>,
): Promise<StackSource> {
  const paths = options['compose-file'].flatMap((value) => value.split(','));
  if (paths.filter((path) => path === '-').length > 1) throw usageError('-c - can be given once: there is one standard input');
  const files = await Promise.all(paths.map((path) => readStackFile(context, path)));
  const envFiles = options['env-file'].map((path) => readEnvFile(context, path));
  const first = paths[0] ?? '-';
  return {
    stackName,
    files,
    workingDirectory: first === '-' ? context.workingDirectory : dirname(resolve(context.workingDirectory, first)),
    environment: definedVariables(context.environment),
    homeDirectory: context.homeDirectory,
    readFile: readIfThere,
    strictDocker: options['strict-docker'] === true,
    ...(envFiles.length > 0 && { envFiles }),
    ...(options.profile.length > 0 && { profiles: options.profile.flatMap((value) => value.split(',')) }),
    ...(options.rotate === true && { rotate: true }),
  };
}

/**
 * Reads with the quick YAML parser; where it refuses a file, once more with the patient one, which takes all that Docker
 * takes and takes time to load.
 */
export async function readWith<T>(source: StackSource, read: (input: StackInput) => T): Promise<T> {
  const { parseQuickly } = await import('@swarm/shared/compose/yaml-events');
  /** Both dialects may read the same file. */
  const parsed = new Map<string, YamlEvents>();
  let refusals = 0;
  const parseYaml: YamlParser = (text, documents) => {
    try {
      const events = parsed.get(text) ?? parseQuickly(text, documents);
      parsed.set(text, events);
      return events;
    } catch (error) {
      refusals += 1;
      throw error;
    }
  };
  const result = read({ ...source, parseYaml });
  if (refusals === 0) return result;
  const { parseAnyYaml } = await import('@swarm/shared/compose/yaml-patient');
  return read({ ...source, parseYaml: parseAnyYaml });
}

export function invalidStack(what: string, problems: readonly StackProblem[]): CommandFailure {
  return new CommandFailure(`${what}:\n${problems.map((problem) => `  ${showProblem(problem)}`).join('\n')}`, EXIT.invalid);
}

export function problemCount(problems: readonly StackProblem[]): string {
  return count(problems.length, 'problem');
}

export function printStackWarnings(context: Context, warnings: readonly StackProblem[]): void {
  for (const warning of warnings) context.terminal.err(`warning: ${showProblem(warning)}\n`);
}

async function readStackFile(context: Context, path: string): Promise<StackFile> {
  if (path === '-') return { path, bytes: await context.readStdin() };
  const bytes = readIfThere(resolve(context.workingDirectory, path));
  if (bytes === undefined) throw new CommandFailure(`there is no stack file ${path}`, EXIT.invalid);
  return { path, bytes };
}

function readEnvFile(context: Context, path: string): StackFile {
  const bytes = readIfThere(resolve(context.workingDirectory, path));
  if (bytes === undefined) throw new CommandFailure(`there is no env file ${path}`, EXIT.invalid);
  return { path, bytes };
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
    throw new CommandFailure(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, EXIT.failed, error);
  }
}

function definedVariables(environment: Context['environment']): { readonly [name: string]: string } {
  return Object.fromEntries(Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** `stack.yml:12:5: what, why, way out`. */
export function showProblem({ file, line, column, message }: StackProblem): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return `${place}: ${message}`;
}
