import type { Readable, Writable } from 'node:stream';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { ApiClient } from '../client/api-client.ts';

/** Where a command writes. `out` is what was asked for; `err` is everything said beside it. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Lines may be drawn over on standard output (it is a terminal). */
  readonly isTTY: boolean;
  readonly columns: number;
}

/** What a command reads and writes byte by byte. */
export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Undefined unless standard input is a terminal. */
  readonly keyboard: Pick<TerminalControl, 'setRaw'> | undefined;
  /** Undefined unless both standard input and output are a terminal. */
  readonly tty: TerminalControl | undefined;
}

export interface TerminalControl {
  /** Raw: each key goes to the program at once, Ctrl-C included. */
  setRaw(raw: boolean): void;
  size(): { readonly rows: number; readonly columns: number };
  /** Returns the function that ends it. */
  onResize(listener: () => void): () => void;
}

/** What a command may touch of the world; only `main` fills it from `process`. */
export interface Context {
  readonly terminal: Terminal;
  readonly streams: Streams;
  readonly clock: Clock;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly workingDirectory: string;
  readonly homeDirectory: string;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** The API address as given by `--host` or SWARM_HOST; undefined when neither is. */
  readonly host: string | undefined;
  /** Connects to the daemon at the given address, else at `host`, else the default one. @throws CommandFailure when none answers. */
  readonly api: (host?: string) => Promise<ApiClient>;
  readonly readStdin: () => Promise<Uint8Array>;
}
