import { homedir } from 'node:os';
import { systemClock } from '@swarm/shared/runtime/clock';
import { DEFAULT_HOST, PLAIN_PORT, parseTarget, TLS_PORT } from '../client/target.ts';
import { VERSION } from '../version.ts';
import type { Command } from './command.ts';
import type { Context } from './context.ts';
import { parseWords, runParsed } from './program.ts';
import { readAll } from './read-stdin.ts';

/** What `main` takes from the process. */
export type Surroundings = Pick<Context, 'terminal' | 'streams' | 'environment' | 'workingDirectory' | 'signal'>;

/** Runs the command that the words name. @throws CommandFailure */
export async function runProgram(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const parsed = await parseWords(await commandsFor(words), words, surroundings.terminal, VERSION);
  if (parsed.kind === 'done') return parsed.exitCode;
  return runParsed(parsed, buildContext(parsed.host, surroundings));
}

/** Only what the words name is loaded: a command that is over at once spends its time on that. */
async function commandsFor(words: readonly string[]): Promise<readonly Command[]> {
  const load = LOADERS.get(words.slice(0, 2).join(' ')) ?? LOADERS.get(words[0] ?? '');
  return load === undefined ? (await import('./table.ts')).COMMANDS : load();
}

/** By a command's whole name, or by the name of a group, for all that is in it. */
export const LOADERS: ReadonlyMap<string, () => Promise<readonly Command[]>> = new Map([
  // Lives long: what it does not load is memory that every host keeps.
  ['daemon', async () => [(await import('../commands/daemon-command.ts')).daemon]],
  // Asks no daemon.
  ['stack config', async () => [(await import('../commands/stack-config.ts')).config]],
  ['client', async () => (await import('../commands/client-commands.ts')).CLIENT_COMMANDS],
  ['config', async () => (await import('../commands/payload-commands.ts')).PAYLOAD_COMMANDS],
  ['network', async () => (await import('../commands/network-commands.ts')).NETWORK_COMMANDS],
  ['node', async () => (await import('../commands/node-commands.ts')).NODE_COMMANDS],
  ['secret', async () => (await import('../commands/payload-commands.ts')).PAYLOAD_COMMANDS],
  ['service', async () => (await import('../commands/service-commands.ts')).SERVICE_COMMANDS],
  ['stack', async () => (await import('../commands/stack-commands.ts')).STACK_COMMANDS],
]);

function buildContext(flag: string | undefined, { terminal, streams, environment, workingDirectory, signal }: Surroundings): Context {
  const host = flag ?? environment.SWARM_HOST;
  return {
    terminal,
    streams,
    clock: systemClock,
    environment,
    workingDirectory,
    homeDirectory: homedir(),
    signal,
    host,
    async api(other) {
      const [{ connectApi }, { withTls }] = await Promise.all([import('../client/api-client.ts'), import('../client/read-tls.ts')]);
      const port = (environment.SWARM_CERT_PATH ?? '') === '' ? PLAIN_PORT : TLS_PORT;
      return connectApi(await withTls(parseTarget(other ?? host ?? DEFAULT_HOST, port), environment), signal);
    },
    readStdin: () => readAll(streams.stdin, signal),
  };
}
