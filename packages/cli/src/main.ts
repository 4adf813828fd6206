import { homedir } from 'node:os';
import { systemClock } from '@swarm/shared/runtime/clock';
import { connectApi } from './client/api-client.ts';
import { DEFAULT_HOST, parseTarget } from './client/target.ts';
import type { Command } from './command/command.ts';
import type { Context, Terminal } from './command/context.ts';
import { CommandFailure, EXIT } from './command/exit-codes.ts';
import { parseWords, runParsed } from './command/program.ts';
import { VERSION } from './version.ts';

const DEFAULT_COLUMNS = 100;

/** The only place that touches `process`: everything below gets what it needs as an argument. */
const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTTY: process.stderr.isTTY === true,
  // Some terminals say that they have none.
  columns: process.stderr.columns || DEFAULT_COLUMNS,
};

// A reader that has seen enough (`| head`) is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.ok);
  });
}

const interrupt = new AbortController();
function onSignal(): void {
  // The second one ends the program as it is.
  process.removeListener('SIGINT', onSignal);
  process.removeListener('SIGTERM', onSignal);
  interrupt.abort(new CommandFailure('interrupted', EXIT.interrupted));
}
process.on('SIGINT', onSignal);
process.on('SIGTERM', onSignal);

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  try {
    const parsed = await parseWords(await commandsFor(words), words, terminal, VERSION);
    if (parsed.kind === 'done') return parsed.exitCode;
    return await runParsed(parsed, buildContext(parsed.host));
  } catch (error) {
    if (interrupt.signal.aborted && error === interrupt.signal.reason) return EXIT.interrupted;
    if (!(error instanceof CommandFailure)) throw error;
    terminal.err(`swarm: ${error.message}\n`);
    return error.exitCode;
  }
}

/** The daemon lives long and uses no other command: what it does not load is memory that every host keeps. */
async function commandsFor(words: readonly string[]): Promise<readonly Command[]> {
  if (words[0] === 'daemon') return [(await import('./commands/daemon-command.ts')).daemon];
  return (await import('./command/table.ts')).COMMANDS;
}

function buildContext(flag: string | undefined): Context {
  const host = flag ?? process.env.SWARM_HOST;
  return {
    terminal,
    clock: systemClock,
    environment: process.env,
    workingDirectory: process.cwd(),
    homeDirectory: homedir(),
    signal: interrupt.signal,
    host,
    api: () => connectApi(parseTarget(host ?? DEFAULT_HOST), interrupt.signal),
    async readStdin() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
  };
}
