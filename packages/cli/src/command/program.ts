import { CommanderError, Command as Program, Option as ProgramOption } from 'commander';
import type { Command, OptionSpec, ParsedValues } from './command.ts';
import type { Context, Terminal } from './context.ts';
import { EXIT } from './exit-codes.ts';

/** The option that every command has, before or after its name, unless it has one of this name itself. */
export const HOST_OPTION: OptionSpec<'text'> = {
  kind: 'text',
  short: 'H',
  value: 'address',
  help: "the daemon's API: unix:///path or tcp://host:port (SWARM_HOST)",
};

export const GROUP_SUMMARIES: { readonly [group: string]: string } = {
  client: 'Manage who may use the API from elsewhere',
  config: 'Manage configs: files that containers get',
  network: 'Manage networks between the hosts of the cluster',
  node: 'Manage the nodes of the cluster',
  secret: 'Manage secrets: files that containers get, in memory',
  service: 'Manage services',
  stack: 'Manage stacks: services deployed together from a file',
};

/** How the value of an option is written, by the name that the option's help gives it. */
const VALUE_NOTES: { readonly [value: string]: string } = {
  duration: 'A duration is a number with its unit: 500ms, 30s, 1m30s, 24h.',
  size: 'A size is a number of bytes, or has a unit, by 1024: 512k, 64m, 2g.',
  ratio: 'A ratio is a number from 0 to 1, as in 0.25.',
};

export type Parsed =
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly args: readonly string[];
      readonly values: ParsedValues;
      readonly host?: string;
    }
  /** Help or version was printed, or the words made no sense and that was printed. */
  | { readonly kind: 'done'; readonly exitCode: number };

/** Finds the command that the words name. Prints help and usage errors itself. */
export async function parseWords(
  commands: readonly Command[],
  words: readonly string[],
  terminal: Terminal,
  version: string,
): Promise<Parsed> {
  let found: Parsed | undefined;
  const root = newProgram('swarm', terminal)
    .description('A cluster of hosts that run a stock Docker Engine')
    .version(version, '-v, --version', 'print the version')
    .enablePositionalOptions();
  addOption(root, 'host', HOST_OPTION);
  root.addHelpText('after', '\nEvery command explains itself: swarm COMMAND --help');
  const groups = new Map<string, Program>();
  for (const command of commands) {
    const [first = '', second] = command.path;
    const parent = second === undefined ? root : groupOf(first);
    const program = newProgram(second ?? first, terminal)
      .summary(command.summary)
      .description(describe(command));
    if (command.aliases !== undefined) program.aliases([...command.aliases]);
    for (const argument of command.arguments ?? []) {
      const word = `${argument.name}${argument.variadic === true ? '...' : ''}`;
      program.argument(argument.optional === true ? `[${word}]` : `<${word}>`);
    }
    for (const [name, option] of Object.entries(command.options)) addOption(program, name, option);
    if (command.options.host === undefined) addOption(program, 'host', HOST_OPTION);
    const notes = notesOn(command);
    if (notes !== '') program.addHelpText('after', notes);
    if (command.stopAtArguments === true) program.passThroughOptions();
    program.action(() => {
      const values: ParsedValues = program.opts();
      const global: ParsedValues = root.opts();
      const host = command.options.host === undefined ? (values.host ?? global.host) : global.host;
      found = { kind: 'run', command, args: program.args, values, ...(typeof host === 'string' && { host }) };
    });
    parent.addCommand(program, { hidden: command.hidden === true });
  }

  function groupOf(name: string): Program {
    const known = groups.get(name);
    if (known !== undefined) return known;
    const group = newProgram(name, terminal)
      .enablePositionalOptions()
      .summary(GROUP_SUMMARIES[name] ?? name)
      .description(GROUP_SUMMARIES[name] ?? name);
    groups.set(name, group);
    root.addCommand(group);
    return group;
  }

  try {
    await root.parseAsync([...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { kind: 'done', exitCode: error.exitCode === 0 ? EXIT.ok : EXIT.usage };
  }
  return found ?? { kind: 'done', exitCode: EXIT.usage };
}

function newProgram(name: string, terminal: Terminal): Program {
  return new Program(name)
    .exitOverride()
    .helpCommand(false)
    .helpOption('-h, --help', 'explain this command')
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'swarm: ')),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
    })
    .showHelpAfterError('Run the command with --help for its usage.')
    .showSuggestionAfterError();
}

function describe(command: Command): string {
  return command.description === undefined ? command.summary : `${command.summary}\n\n${command.description}`;
}

function notesOn({ options }: Command): string {
  const values = new Set(Object.values(options).map(({ value }) => value));
  const notes = Object.entries(VALUE_NOTES).flatMap(([value, note]) => (values.has(value) ? [note] : []));
  return notes.length === 0 ? '' : `\n${notes.join('\n')}`;
}

function addOption(program: Program, name: string, spec: OptionSpec): void {
  const flags = `${spec.short === undefined ? '' : `-${spec.short}, `}--${name}${spec.kind === 'flag' ? '' : ` <${spec.value ?? 'value'}>`}`;
  const option = new NamedOption(name, flags, spec.help);
  if (spec.kind === 'list') option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
  program.addOption(option);
  if (spec.kind !== 'flag') return;
  program.addOption(new ExplicitFlag(name, spec.short, true, ['1', 't', 'T', 'true', 'TRUE', 'True']));
  program.addOption(new ExplicitFlag(name, spec.short, false, ['0', 'f', 'F', 'false', 'FALSE', 'False']));
}

/** Keeps its value under the long name as it is written; `--no-x` is a flag of its own and does not negate `--x`. */
class NamedOption extends ProgramOption {
  readonly #key: string;

  constructor(name: string, flags: string, help: string) {
    super(flags, help);
    this.#key = name;
    this.negate = false;
  }

  override attributeName(): string {
    return this.#key;
  }
}

/** `--detach=false`, `-d=true`: Docker's flags take an explicit value, always joined by `=`. */
class ExplicitFlag extends ProgramOption {
  readonly #key: string;
  readonly #spellings: ReadonlySet<string>;

  constructor(name: string, short: string | undefined, value: boolean, words: readonly string[]) {
    super(`--${name}-is-${value}`);
    this.#key = name;
    this.#spellings = new Set(words.flatMap((word) => [`--${name}=${word}`, ...(short === undefined ? [] : [`-${short}=${word}`])]));
    this.negate = false;
    this.hideHelp();
    this.preset(value);
  }

  override attributeName(): string {
    return this.#key;
  }

  is(word: string): boolean {
    return this.#spellings.has(word);
  }
}

/** Runs what was parsed. */
export function runParsed(parsed: Extract<Parsed, { kind: 'run' }>, context: Context): Promise<number> {
  return parsed.command.run(parsed.args, parsed.values, context);
}
