import { parseArgs } from 'node:util';
import { usageError } from '../command/exit-codes.ts';
import { holdSocket } from './hold-socket.ts';

/**
 * `swarm net`: started by the daemon itself, for what must outlive it. It is not in the table of commands, and nothing
 * of them is loaded here: this process stays on every host, and costs little more than Node itself.
 * @param words after `net`.
 * @throws CommandFailure
 */
export async function runNet(words: readonly string[], signal: AbortSignal): Promise<number> {
  const { listen, api } = parseWords(words);
  await holdSocket({ listen, api, signal });
  return 0;
}

export interface NetWords {
  /** The socket that tasks mount. */
  readonly listen: string;
  /** The daemon's own. */
  readonly api: string;
}

const NEEDS = 'swarm net is started by the daemon, and needs --listen PATH and --api PATH';

export function parseWords(words: readonly string[]): NetWords {
  let values: { readonly listen?: string; readonly api?: string };
  try {
    values = parseArgs({ args: [...words], options: { listen: { type: 'string' }, api: { type: 'string' } } }).values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw usageError(`${error.message}. ${NEEDS}`);
  }
  const { listen, api } = values;
  if (listen === undefined || api === undefined) throw usageError(NEEDS);
  return { listen, api };
}
