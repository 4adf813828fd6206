import { homedir } from 'node:os';
import { systemClock } from '@swarm/shared/runtime/clock';
import { connectApi } from '../client/api-client.ts';
import { withTls } from '../client/read-tls.ts';
import { DEFAULT_HOST, parseTarget } from '../client/target.ts';
import { VERSION } from '../version.ts';
import type { Command } from './command.ts';
import type { Context } from './context.ts';
import { parseWords, runParsed } from './program.ts';

/** What `main` takes from the process. */
export type Surroundings = Pick<Context, 'terminal' | 'streams' | 'environment' | 'workingDirectory' | 'signal'>;

/** Runs the command that the words name. @throws CommandFailure */
export async function runProgram(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const parsed = await parseWords(await commandsFor(words), words, surroundings.terminal, VERSION);
  if (parsed.kind === 'done') return parsed.exitCode;
  return runParsed(parsed, buildContext(parsed.host, surroundings));
}

/** The daemon lives long and uses no other command: what it does not load is memory that every host keeps. */
async function commandsFor(words: readonly string[]): Promise<readonly Command[]> {
  if (words[0] === 'daemon') return [(await import('../commands/daemon-command.ts')).daemon];
  return (await import('./table.ts')).COMMANDS;
}

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
    api: async () => connectApi(await withTls(parseTarget(host ?? DEFAULT_HOST), environment), signal),
    async readStdin() {
      const chunks: Buffer[] = [];
      for await (const chunk of streams.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
  };
}
