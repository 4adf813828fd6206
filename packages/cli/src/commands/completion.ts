import { STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import type { ApiClient } from '../client/api-client.ts';
import type { Command, Completion, OptionSpec } from '../command/command.ts';
import { defineCommand } from '../command/command.ts';
import { CommandFailure, EXIT, usageError } from '../command/exit-codes.ts';
import { HOST_OPTION } from '../command/program.ts';
import { slotName } from '../render/tasks.ts';
import { splitPair } from '../service/values.ts';
import { namesOf } from './resolve.ts';

/** What the cluster gives names to. */
type NameKind = Exclude<Completion, 'file' | readonly string[]>;

/** What can stand in the last place of the words typed so far. */
export type Candidates = { readonly kind: 'words'; readonly words: readonly string[] } | NameCandidates | { readonly kind: 'files' };

interface NameCandidates {
  readonly kind: 'names';
  readonly of: NameKind;
  /** A part of the last word which every candidate begins with. */
  readonly prefix?: string;
  /** The daemon that the words name. */
  readonly host?: string;
  /** The argument before this one, for what only it gives a meaning to. */
  readonly after?: string;
}

const HOST_SIGN = '--host=';

/** `words` are those after `swarm`; the last one is being typed and may be empty. */
export function decideCandidates(commands: readonly Command[], given: readonly string[]): Candidates {
  const words = withoutSigns(given);
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1).flatMap((word) => (word.startsWith(HOST_SIGN) ? ['--host', word.slice(HOST_SIGN.length)] : [word]));
  const visible = commands.filter((command) => command.hidden !== true);
  const { path, rest, host: hostBefore } = splitPath(visible, before);
  const command = visible.find((one) => samePath(one.path, path));
  if (command === undefined) {
    if (pendingOption({ host: HOST_OPTION }, rest) !== undefined) return { kind: 'words', words: [] };
    if (typed.startsWith('-')) return fitting(path.length === 0 ? ['--host', '--help', '--version'] : ['--help'], typed);
    const next = visible.filter((one) => samePath(one.path.slice(0, path.length), path)).map((one) => one.path[path.length] ?? '');
    return fitting([...new Set(next)], typed);
  }
  const options: { readonly [name: string]: OptionSpec } = { host: HOST_OPTION, ...command.options };
  const host = options.host === HOST_OPTION ? (lastHost(rest) ?? hostBefore) : hostBefore;
  const found = candidatesOf(command, options, rest, typed);
  return found.kind === 'names' && host !== undefined ? { ...found, host } : found;
}

function candidatesOf(
  command: Command,
  options: { readonly [name: string]: OptionSpec },
  rest: readonly string[],
  typed: string,
): Candidates {
  const pending = pendingOption(options, rest);
  if (pending !== undefined) return complete(pending.complete, typed);
  const [flag, value] = splitPair(typed);
  const named = typed.startsWith('--') && value !== undefined ? optionOf(options, flag) : undefined;
  if (named !== undefined) return withPrefix(`${flag}=`, complete(named.complete, value ?? ''));
  if (typed.startsWith('-')) return fitting([...Object.keys(options).map((name) => `--${name}`), '--help'], typed);
  const filled = positionals(options, rest);
  const place = command.arguments?.[filled.length] ?? command.arguments?.at(-1);
  if (filled.length >= (command.arguments?.length ?? 0) && place?.variadic !== true) return { kind: 'words', words: [] };
  const after = filled.at(-1);
  const candidates = complete(place?.complete, typed);
  return candidates.kind === 'names' && candidates.of === 'revision' && after !== undefined ? { ...candidates, after } : candidates;
}

function complete(completion: Completion | undefined, typed: string): Candidates {
  if (completion === undefined) return { kind: 'words', words: [] };
  if (completion === 'file') return { kind: 'files' };
  return typeof completion === 'string' ? { kind: 'names', of: completion } : fitting(completion, typed);
}

/** `--format=json` is one word to zsh and fish: what is offered must begin with all of it. */
function withPrefix(prefix: string, candidates: Candidates): Candidates {
  switch (candidates.kind) {
    case 'words':
      return { kind: 'words', words: candidates.words.map((word) => `${prefix}${word}`) };
    case 'names':
      return { ...candidates, prefix };
    case 'files':
      return candidates;
  }
}

/**
 * Bash breaks `--format=json` at its sign, into three words of which it replaces the last, and `tcp://host:1` at each colon.
 */
function withoutSigns(words: readonly string[]): readonly string[] {
  const whole: string[] = [];
  for (const [index, word] of words.entries()) {
    const last = whole.at(-1);
    const isPart = word === ':' || words[index - 1] === ':';
    if (isPart && last !== undefined && last !== '') whole[whole.length - 1] = last + word;
    else if (word !== '=' || last?.startsWith('--') !== true) whole.push(word);
    else if (index === words.length - 1) whole.push('');
  }
  return whole;
}

function fitting(words: readonly string[], typed: string): Candidates {
  return { kind: 'words', words: words.filter((word) => word.startsWith(typed)).sort() };
}

function splitPath(
  commands: readonly Command[],
  words: readonly string[],
): { readonly path: readonly string[]; readonly rest: readonly string[]; readonly host: string | undefined } {
  const path: string[] = [];
  let index = 0;
  for (; index < words.length; index++) {
    const word = words[index] ?? '';
    if (path.length === 0 && isHostOption(word)) {
      if (index + 1 === words.length) break;
      index += 1;
    } else {
      const place = path.length;
      const next = commands.find((command) => samePath(command.path.slice(0, place), path) && isNamed(command, place, word));
      if (next === undefined) break;
      path.push(next.path[place] ?? word);
    }
  }
  return { path, rest: words.slice(index), host: lastHost(words.slice(0, index)) };
}

function isHostOption(word: string | undefined): boolean {
  return word === '--host' || word === '-H';
}

/** The value of the last `--host` that has one. */
function lastHost(words: readonly string[]): string | undefined {
  return words.findLast((_, index) => isHostOption(words[index - 1]));
}

/** By its own word in this place of its path, or where that is the last one by another name of it. */
function isNamed({ path, aliases }: Command, place: number, word: string): boolean {
  return path[place] === word || (place === path.length - 1 && aliases?.includes(word) === true);
}

function samePath(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((word, index) => word === b[index]);
}

function optionOf(options: { readonly [name: string]: OptionSpec }, word: string): OptionSpec | undefined {
  if (word.startsWith('--')) return options[word.slice(2)];
  return word.startsWith('-') ? Object.values(options).find((option) => `-${option.short}` === word) : undefined;
}

function pendingOption(options: { readonly [name: string]: OptionSpec }, words: readonly string[]): OptionSpec | undefined {
  const option = optionOf(options, words.at(-1) ?? '');
  return option === undefined || option.kind === 'flag' ? undefined : option;
}

function positionals(options: { readonly [name: string]: OptionSpec }, words: readonly string[]): readonly string[] {
  const found: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const option = optionOf(options, word);
    if (option !== undefined) index += option.kind === 'flag' ? 0 : 1;
    else if (!word.startsWith('-')) found.push(word);
  }
  return found;
}

async function namesFor(api: ApiClient, { of, after = '' }: Pick<NameCandidates, 'of' | 'after'>): Promise<readonly string[]> {
  switch (of) {
    case 'node':
      return (await api.nodes()).map((node) => node.Description?.Hostname ?? node.ID);
    case 'service':
      return (await api.services({}, false)).map((service) => service.Spec.Name);
    case 'secret':
      return (await api.secrets({})).map((secret) => secret.Spec.Name);
    case 'config':
      return (await api.configs({})).map((config) => config.Spec.Name);
    case 'network':
      return (await api.networks({ scope: ['swarm'] })).map((network) => network.Name);
    case 'client':
      return (await api.clients()).map((client) => client.Name);
    case 'task': {
      const tasks = await api.tasks({ 'desired-state': ['running'] });
      const names = await namesOf(api, tasks, true);
      return [...new Set(tasks.map((task) => slotName(task, names)))];
    }
    case 'service-or-task':
      return [...(await namesFor(api, { of: 'service' })), ...(await namesFor(api, { of: 'task' }))];
    case 'revision':
      return (await api.stackRevisions(after)).map(({ number }) => String(number));
    case 'stack':
      return [
        ...new Set(
          (await api.services({ label: [STACK_NAMESPACE_LABEL] }, false)).map(
            (service) => service.Spec.Labels[STACK_NAMESPACE_LABEL] ?? '',
          ),
        ),
      ];
  }
}

/** The line that tells the shell's script to offer file names. */
const FILES_MARK = ':files';

export function completeCommand(commands: () => readonly Command[]): Command {
  return defineCommand({
    path: ['__complete'],
    summary: 'Print what the last word can be; called by the completion scripts',
    hidden: true,
    arguments: [{ name: 'WORD', optional: true, variadic: true }],
    stopAtArguments: true,
    options: {},
    async run({ args, context }) {
      const candidates = decideCandidates(commands(), args);
      if (candidates.kind === 'files') context.terminal.out(`${FILES_MARK}\n`);
      if (candidates.kind === 'words') context.terminal.out(candidates.words.map((word) => `${word}\n`).join(''));
      if (candidates.kind === 'names') {
        const { prefix = '' } = candidates;
        const typed = withoutSigns(args).at(-1) ?? '';
        try {
          const names = await namesFor(await context.api(candidates.host), candidates);
          context.terminal.out(
            names
              .map((name) => `${prefix}${name}`)
              .filter((name) => name.startsWith(typed))
              .sort()
              .map((name) => `${name}\n`)
              .join(''),
          );
        } catch (error) {
          // A message in the middle of a line that is being typed helps nobody: without a daemon there are no names.
          if (!(error instanceof CommandFailure)) throw error;
          return EXIT.failed;
        }
      }
      return EXIT.ok;
    },
  });
}

const SCRIPTS: { readonly [shell: string]: string } = {
  bash: `# Bash completion of swarm. Use it with:  source <(swarm completion bash)
_swarm() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = "${FILES_MARK}" ]; then compopt -o default; return; fi
    COMPREPLY+=("$line")
  done < <(swarm __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _swarm swarm
`,
  zsh: `#compdef swarm
# Zsh completion of swarm. Use it with:  source <(swarm completion zsh)
_swarm() {
  local -a found
  found=("\${(@f)$(swarm __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [ "\${found[1]}" = "${FILES_MARK}" ]; then _files; return; fi
  compadd -- "\${(@)found:#}"
}
compdef _swarm swarm
`,
  fish: `# Fish completion of swarm. Use it with:  swarm completion fish | source
function __swarm_complete
  set -l words (commandline -opc)
  set -l found (swarm __complete -- $words[2..-1] (commandline -ct) 2>/dev/null)
  if test "$found[1]" = "${FILES_MARK}"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\\n' $found
  end
end
complete -c swarm -f -a '(__swarm_complete)'
`,
};

export const completion = defineCommand({
  path: ['completion'],
  summary: 'Print the completion script of a shell',
  description:
    'For bash: source <(swarm completion bash). For zsh: source <(swarm completion zsh). For fish: swarm completion fish | source.',
  arguments: [{ name: 'SHELL', complete: Object.keys(SCRIPTS) }],
  options: {},
  async run({ args, context }) {
    const script = SCRIPTS[args[0] ?? ''];
    if (script === undefined) throw usageError(`there is no completion for "${args[0]}"; use ${Object.keys(SCRIPTS).join(', ')}`);
    context.terminal.out(script);
    return EXIT.ok;
  },
});
