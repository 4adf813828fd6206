import type { Context } from './context.ts';

/**
 * One table of commands gives parsing, help and shell completion. A command declares its options by their long name;
 * what it gets to see is typed by that declaration.
 */
export type OptionKind = 'flag' | 'text' | 'list';

/** What a word on the command line can be completed with. */
export type Completion =
  | 'node'
  | 'service'
  | 'stack'
  | 'secret'
  | 'config'
  | 'network'
  | 'task'
  | 'service-or-task'
  | 'client'
  /** Of the stack that the argument before it names. */
  | 'revision'
  | 'file'
  | readonly string[];

export interface OptionSpec<Kind extends OptionKind = OptionKind> {
  /** `flag`: true, false (`--x=false`) or not given. `text`: the last one given. `list`: all of them. */
  readonly kind: Kind;
  readonly help: string;
  /** One letter. */
  readonly short?: string;
  /** The value's name in help. */
  readonly value?: string;
  readonly complete?: Completion;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly optional?: boolean;
  /** The last one may take all that follow. */
  readonly variadic?: boolean;
  readonly complete?: Completion;
}

type OptionValue<Kind extends OptionKind> = Kind extends 'flag'
  ? boolean | undefined
  : Kind extends 'list'
    ? readonly string[]
    : string | undefined;

export type OptionTable = { readonly [name: string]: OptionSpec };
export type OptionValues<Options extends OptionTable> = { readonly [Name in keyof Options]: OptionValue<Options[Name]['kind']> };

export interface Invocation<Options extends OptionTable> {
  readonly args: readonly string[];
  readonly options: OptionValues<Options>;
  readonly context: Context;
}

export interface CommandDefinition<Options extends OptionTable> {
  /** `['service', 'create']`. */
  readonly path: readonly string[];
  readonly aliases?: readonly string[];
  readonly summary: string;
  /** Shown below the summary in help. */
  readonly description?: string;
  readonly arguments?: readonly ArgumentSpec[];
  readonly options: Options;
  /** Options end at the first argument: the rest belongs to the container's command. */
  readonly stopAtArguments?: boolean;
  /** Left out of help and completion. */
  readonly hidden?: boolean;
  /** Resolves with the exit code, see `exit-codes.ts`. */
  readonly run: (invocation: Invocation<Options>) => Promise<number>;
}

/** A command whose options' types are forgotten, for the table. */
export interface Command extends Omit<CommandDefinition<OptionTable>, 'run'> {
  readonly run: (args: readonly string[], values: ParsedValues, context: Context) => Promise<number>;
}

/** What the parser found, by long name; a name that is absent was not given. */
export type ParsedValues = { readonly [name: string]: boolean | string | readonly string[] };

export function defineCommand<const Options extends OptionTable>(definition: CommandDefinition<Options>): Command {
  return {
    ...definition,
    run: (args, parsed, context) => definition.run({ args, options: typedValues(definition.options, parsed), context }),
  };
}

function typedValues<Options extends OptionTable>(options: Options, parsed: ParsedValues): OptionValues<Options> {
  const values: Record<string, boolean | string | readonly string[] | undefined> = {};
  for (const [name, spec] of Object.entries(options)) values[name] = readValue(name, spec, parsed[name]);
  // The loop above has just checked each value against the kind that this type is derived from.
  return values as OptionValues<Options>;
}

function readValue(name: string, spec: OptionSpec, value: ParsedValues[string] | undefined): ParsedValues[string] | undefined {
  switch (spec.kind) {
    case 'flag':
      if (value === undefined || typeof value === 'boolean') return value;
      break;
    case 'text':
      if (value === undefined || typeof value === 'string') return value;
      break;
    case 'list':
      if (value === undefined) return [];
      if (Array.isArray(value)) return value;
      break;
  }
  throw new Error(`option --${name} was parsed as something else than a ${spec.kind}`);
}
