import type { Terminal, TerminalControl } from './command/context.ts';
import { CommandFailure, EXIT } from './command/exit-codes.ts';

/**
 * The only place that touches `process`: everything below gets what it needs as an argument. What a long-lived process
 * does not use is not loaded: it is memory that every host would keep.
 */

const DEFAULT_COLUMNS = 100;

const terminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTTY: process.stderr.isTTY === true,
  // Some terminals say that they have none.
  columns: process.stderr.columns || DEFAULT_COLUMNS,
};

/** They go on when nobody reads what they say, and when the disk with their log is full. */
const outlivesOutput = process.argv[2] === 'daemon' || process.argv[2] === 'net';

// A reader that has seen enough (`| head`) is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (outlivesOutput) return;
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    if (stream === process.stdout) terminal.err(`swarm: the output cannot be written: ${error.message}\n`);
    process.exit(EXIT.failed);
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
    if (words[0] === 'net') {
      const { runNet } = await import('./net/run-net.ts');
      return await runNet(words.slice(1), interrupt.signal);
    }
    const { runProgram } = await import('./command/run-program.ts');
    return await runProgram(words, {
      terminal,
      environment: process.env,
      workingDirectory: process.cwd(),
      streams: { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, keyboard: keyboard(), tty: terminalControl() },
      signal: interrupt.signal,
    });
  } catch (error) {
    if (interrupt.signal.aborted && error === interrupt.signal.reason) return EXIT.interrupted;
    if (!(error instanceof CommandFailure)) throw error;
    terminal.err(`swarm: ${error.message}\n`);
    return error.exitCode;
  }
}

function keyboard(): Pick<TerminalControl, 'setRaw'> | undefined {
  const { stdin } = process;
  return stdin.isTTY ? { setRaw: (raw) => void stdin.setRawMode(raw) } : undefined;
}

function terminalControl(): TerminalControl | undefined {
  const { stdout } = process;
  const keys = keyboard();
  if (keys === undefined || !stdout.isTTY) return undefined;
  return {
    ...keys,
    size: () => ({ rows: stdout.rows, columns: stdout.columns }),
    onResize(listener) {
      stdout.on('resize', listener);
      return () => stdout.off('resize', listener);
    },
  };
}
