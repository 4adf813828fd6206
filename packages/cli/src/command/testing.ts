import { Readable, Writable } from 'node:stream';
import { type Clock, systemClock } from '@swarm/shared/runtime/clock';
import { connectApi } from '../client/api-client.ts';
import { parseTarget } from '../client/target.ts';
import type { Context, Streams, Terminal, TerminalControl } from './context.ts';
import { CommandFailure } from './exit-codes.ts';
import { parseWords, runParsed } from './program.ts';
import { COMMANDS } from './table.ts';

/** A terminal that keeps what was written, for tests. */
export interface RecordingTerminal extends Terminal {
  readonly output: string;
  readonly errors: string;
}

export function recordingTerminal(shape: { readonly isTTY?: boolean; readonly columns?: number } = {}): RecordingTerminal {
  const written = { out: '', err: '' };
  return {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    isTTY: shape.isTTY ?? false,
    columns: shape.columns ?? 120,
    get output() {
      return written.out;
    },
    get errors() {
      return written.err;
    },
  };
}

export interface Run {
  readonly exitCode: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs a command line as `main` does, against the API at `host`. */
export async function runWords(
  words: readonly string[],
  options: {
    readonly host?: string;
    readonly clock?: Clock;
    readonly environment?: Context['environment'];
    readonly stdin?: string;
    readonly signal?: AbortSignal;
    readonly workingDirectory?: string;
    readonly homeDirectory?: string;
    readonly keyboard?: Streams['keyboard'];
    readonly tty?: TerminalControl;
  } = {},
): Promise<Run> {
  const terminal = recordingTerminal();
  const signal = options.signal ?? new AbortController().signal;
  const done = (exitCode: number): Run => ({ exitCode, output: terminal.output, errors: terminal.errors });
  try {
    const parsed = await parseWords(COMMANDS, words, terminal, '0.0.0');
    if (parsed.kind === 'done') return done(parsed.exitCode);
    const host = parsed.host ?? options.host;
    const streams: Streams = {
      stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
      stdout: collect((text) => terminal.out(text)),
      stderr: collect((text) => terminal.err(text)),
      keyboard: options.keyboard,
      tty: options.tty,
    };
    const exitCode = await runParsed(parsed, {
      terminal,
      streams,
      clock: options.clock ?? systemClock,
      environment: options.environment ?? {},
      workingDirectory: options.workingDirectory ?? '/nowhere',
      homeDirectory: options.homeDirectory ?? '/nowhere',
      signal,
      host,
      api: (other) => connectApi(parseTarget(other ?? host ?? 'unix:///nowhere/docker.sock'), signal),
      readStdin: async () => Buffer.from(options.stdin ?? ''),
    });
    return done(exitCode);
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    terminal.err(`swarm: ${error.message}\n`);
    return done(error.exitCode);
  }
}

/** Its bytes make sense together, as they do to who reads them. */
function collect(take: (text: string) => void): Writable {
  const decoder = new TextDecoder();
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      take(decoder.decode(chunk, { stream: true }));
      done();
    },
  });
}
