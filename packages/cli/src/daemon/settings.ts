import { isAbsolute } from 'node:path';
import { LOG_LEVELS, type LogLevel } from '@swarm/shared/runtime/logger';
import { DEFAULT_HOST, isLoopback, parseTarget, type Target } from '../client/target.ts';
import type { OptionSpec, OptionValues } from '../command/command.ts';
import { usageError } from '../command/exit-codes.ts';

export const DEFAULT_DATA_ROOT = '/var/lib/swarm';
export const DEFAULT_EXEC_ROOT = '/run/swarm';
export const DEFAULT_ENGINE = 'unix:///var/run/docker.sock';

/** Flags of `swarm daemon`; each has an environment variable of the same name: SWARM_DATA_ROOT … */
export const DAEMON_OPTIONS = {
  'advertise-addr': {
    kind: 'text',
    value: 'ip|interface[:port]',
    help: 'default for init and join: where other nodes reach this host (SWARM_ADVERTISE_ADDR)',
  },
  'data-root': {
    kind: 'text',
    value: 'path',
    help: `all that must survive a restart (SWARM_DATA_ROOT, default ${DEFAULT_DATA_ROOT})`,
    complete: 'file',
  },
  engine: { kind: 'text', value: 'address', help: `the Docker Engine of this host (SWARM_ENGINE, default ${DEFAULT_ENGINE})` },
  'exec-root': {
    kind: 'text',
    value: 'path',
    help: `what need not survive a reboot (SWARM_EXEC_ROOT, default ${DEFAULT_EXEC_ROOT})`,
    complete: 'file',
  },
  host: { kind: 'list', short: 'H', value: 'address', help: `where the API listens, may repeat (SWARM_HOST, default ${DEFAULT_HOST})` },
  'log-level': { kind: 'text', value: 'level', help: 'debug, info, warn or error (SWARM_LOG_LEVEL, default info)', complete: LOG_LEVELS },
} as const satisfies { [name: string]: OptionSpec };

export interface DaemonSettings {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly hosts: readonly Target[];
  readonly engine: Target;
  readonly logLevel: LogLevel;
  readonly advertiseAddr: string | undefined;
}

/** A flag wins over its environment variable. @throws CommandFailure (usage). */
export function readSettings(
  options: OptionValues<typeof DAEMON_OPTIONS>,
  environment: { readonly [name: string]: string | undefined },
): DaemonSettings {
  const fromEnvironment = (name: string) => {
    const value = environment[`SWARM_${name.replaceAll('-', '_').toUpperCase()}`];
    return value === '' ? undefined : value;
  };
  const execRoot = absolute('exec-root', options['exec-root'] ?? fromEnvironment('exec-root') ?? DEFAULT_EXEC_ROOT);
  const named = options.host.length > 0 ? options.host : (fromEnvironment('host')?.split(/[\s,]+/) ?? []);
  const level = options['log-level'] ?? fromEnvironment('log-level') ?? 'info';
  const logLevel = LOG_LEVELS.find((known) => known === level);
  if (logLevel === undefined) throw usageError(`--log-level: "${level}" is not one of ${LOG_LEVELS.join(', ')}`);
  const hosts = (named.length > 0 ? named : [`unix://${execRoot}/docker.sock`]).map(parseTarget);
  for (const host of hosts) refuseOpenDoor(host);
  return {
    dataRoot: absolute('data-root', options['data-root'] ?? fromEnvironment('data-root') ?? DEFAULT_DATA_ROOT),
    execRoot,
    hosts,
    engine: parseTarget(options.engine ?? fromEnvironment('engine') ?? DEFAULT_ENGINE),
    logLevel,
    advertiseAddr: options['advertise-addr'] ?? fromEnvironment('advertise-addr'),
  };
}

function absolute(flag: string, path: string): string {
  if (!isAbsolute(path)) throw usageError(`--${flag}: "${path}" must be an absolute path`);
  return path;
}

/** The API is root on this host; without TLS it must not be reachable from elsewhere. */
function refuseOpenDoor(host: Target): void {
  if (host.kind === 'tcp' && !isLoopback(host.host)) {
    throw usageError(
      `--host ${host.text} would give everyone who reaches it root on this host: TLS for the API is not available yet. Listen on a unix socket or on 127.0.0.1, and reach it from elsewhere over ssh`,
    );
  }
}
