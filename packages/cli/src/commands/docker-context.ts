import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CommandFailure } from '../command/exit-codes.ts';

const TIMEOUT_MS = 20_000;

/** `default` is taken: docker's own name for the engine's socket. */
export const SUGGESTED_CONTEXT = 'swarm';

export function contextCommand(name: string, host: string): readonly string[] {
  return ['docker', 'context', 'create', name, '--docker', `host=${host}`];
}

/** Makes a docker context for this user. @throws CommandFailure with docker's own reason. */
export async function createDockerContext(name: string, host: string): Promise<void> {
  const [program = '', ...words] = contextCommand(name, host);
  try {
    await promisify(execFile)(program, words, { timeout: TIMEOUT_MS });
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    const reason = said === '' ? (error instanceof Error ? error.message : String(error)) : said;
    throw new CommandFailure(
      `the docker context "${name}" was not made: ${reason}. All else is done; to try again: ${[program, ...words].join(' ')}`,
    );
  }
}
