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

/** What a command may touch of the world; only `main` fills it from `process`. */
export interface Context {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly workingDirectory: string;
  readonly homeDirectory: string;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** The API address as given by `--host` or SWARM_HOST; undefined when neither is. */
  readonly host: string | undefined;
  /** Connects to the daemon at `host`, or the default one. @throws CommandFailure when none answers. */
  readonly api: () => Promise<ApiClient>;
  readonly readStdin: () => Promise<Uint8Array>;
}
