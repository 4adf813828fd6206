import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { LOG_LEVELS, type LogLevel } from '@swarm/shared/runtime/logger';
import { DEFAULT_HOST, parseTarget, type Target, TLS_PORT } from '../client/target.ts';
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
  host: {
    kind: 'list',
    short: 'H',
    value: 'address',
    help: `where the API listens, may repeat; tcp:// is TLS with client certificates (SWARM_HOST, default ${DEFAULT_HOST})`,
  },
  'tls-name': {
    kind: 'list',
    value: 'name|ip',
    help: "further name or address by which clients reach this host's tcp:// API, may repeat (SWARM_TLS_NAME)",
  },
  'log-level': { kind: 'text', value: 'level', help: 'debug, info, warn or error (SWARM_LOG_LEVEL, default info)', complete: LOG_LEVELS },
} as const satisfies { [name: string]: OptionSpec };

export interface DaemonSettings {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly hosts: readonly Target[];
  /** What the certificate of the API stands for beside the host's own name and addresses. */
  readonly tlsNames: readonly string[];
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
  const named = options.host.length > 0 ? options.host : listOf(fromEnvironment('host'));
  const level = options['log-level'] ?? fromEnvironment('log-level') ?? 'info';
  const logLevel = LOG_LEVELS.find((known) => known === level);
  if (logLevel === undefined) throw usageError(`--log-level: "${level}" is not one of ${LOG_LEVELS.join(', ')}`);
  const hosts = (named.length > 0 ? named : [`unix://${execRoot}/docker.sock`]).map(parseListen);
  return {
    dataRoot: absolute('data-root', options['data-root'] ?? fromEnvironment('data-root') ?? DEFAULT_DATA_ROOT),
    execRoot,
    hosts,
    tlsNames: (options['tls-name'].length > 0 ? options['tls-name'] : listOf(fromEnvironment('tls-name'))).map(checkTlsName),
    engine: parseTarget(options.engine ?? fromEnvironment('engine') ?? DEFAULT_ENGINE),
    logLevel,
    advertiseAddr: options['advertise-addr'] ?? fromEnvironment('advertise-addr'),
  };
}

function absolute(flag: string, path: string): string {
  if (!isAbsolute(path)) throw usageError(`--${flag}: "${path}" must be an absolute path`);
  return path;
}

/** TCP is TLS with client certificates always: the API is root on this host. @throws CommandFailure (usage). */
function parseListen(text: string): Target {
  if (!text.startsWith('http:')) return parseTarget(text, TLS_PORT);
  throw usageError(
    `--host ${text} would give everyone who reaches it root on this host: the API is never served in plain text. Use tcp://, which is TLS with client certificates here (swarm client add makes them), or a unix socket`,
  );
}

function listOf(text: string | undefined): readonly string[] {
  return text?.split(/[\s,]+/).filter((word) => word !== '') ?? [];
}

const DNS_NAME = /^(?=.{1,253}$)(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

function checkTlsName(name: string): string {
  if (isIP(name) !== 0 || DNS_NAME.test(name)) return name;
  throw usageError(`--tls-name: "${name}" is neither a host name nor an IP address`);
}
