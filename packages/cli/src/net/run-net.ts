import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { systemClock } from '@swarm/shared/runtime/clock';
import { logOutput } from '@swarm/shared/runtime/log-output';
import { usageError } from '../command/exit-codes.ts';
import { VERSION } from '../version.ts';
import { findPredecessor } from './hand-over.ts';
import { runNetServer } from './net-server.ts';

const STANDARD_ERROR = 2;

/**
 * `swarm net`: started by the daemon itself, for what must outlive it. It is not in the table of commands, and nothing
 * of them is loaded here: this process stays on every host, and costs little more than Node itself.
 * @param words after `net`.
 * @throws CommandFailure
 */
export async function runNet(words: readonly string[], signal: AbortSignal): Promise<never> {
  const { folder, listen, api } = parseWords(words);
  const now = () => new Date().toISOString();
  const log = logOutput((bytes) => writeSync(STANDARD_ERROR, bytes), now);
  await runNetServer({
    folder,
    ...(listen !== undefined && api !== undefined && { tasks: { listen, api } }),
    version: VERSION,
    clock: systemClock,
    random: { fraction: Math.random },
    signal,
    predecessor: findPredecessor(),
    words: ['net', ...words],
    say: (line) => log.write(`${JSON.stringify({ part: 'net', time: now(), msg: line })}\n`),
  });
  // At once: a Node that ends by itself removes the files of its unix sockets, on which a successor listens.
  process.exit(0);
}

export interface NetWords {
  /** For its tables and the socket on which the daemon asks. */
  readonly folder: string;
  /** The socket that tasks mount; absent where the daemon's API is on no unix socket. */
  readonly listen?: string;
  /** The daemon's own. */
  readonly api?: string;
}

const NEEDS = 'swarm net is started by the daemon, and needs --folder PATH, and --listen PATH and --api PATH together or not at all';

export function parseWords(words: readonly string[]): NetWords {
  let values: { readonly folder?: string; readonly listen?: string; readonly api?: string };
  try {
    values = parseArgs({
      args: [...words],
      options: { folder: { type: 'string' }, listen: { type: 'string' }, api: { type: 'string' } },
    }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw usageError(`${error.message}. ${NEEDS}`);
  }
  const { folder, listen, api } = values;
  if (folder === undefined || (listen === undefined) !== (api === undefined)) throw usageError(NEEDS);
  return { folder, ...(listen !== undefined && { listen }), ...(api !== undefined && { api }) };
}
