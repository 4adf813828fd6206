import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { LOG_LEVELS, type LogLevel } from '@swarm/shared/runtime/logger';
import type { ImageGarbageRules } from '@swarm/worker/images/decide/garbage';
import { DEFAULT_HOST, parseTarget, type Target, TLS_PORT } from '../client/target.ts';
import type { OptionSpec, OptionValues } from '../command/command.ts';
import { usageError } from '../command/exit-codes.ts';
import { parseDuration } from '../service/values.ts';

export const DEFAULT_DATA_ROOT = '/var/lib/swarm';
export const DEFAULT_EXEC_ROOT = '/run/swarm';
export const DEFAULT_ENGINE = 'unix:///var/run/docker.sock';
const DEFAULT_IMAGE_HIGH_WATERMARK = '85';
const DEFAULT_IMAGE_LOW_WATERMARK = '75';
const DEFAULT_IMAGE_MINIMUM_AGE = '1h';

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
  'image-high-watermark': {
    kind: 'text',
    value: 'percent|off',
    help: `from how full a disk on unused images that this daemon pulled are removed (SWARM_IMAGE_HIGH_WATERMARK, default ${DEFAULT_IMAGE_HIGH_WATERMARK})`,
  },
  'image-low-watermark': {
    kind: 'text',
    value: 'percent',
    help: `how full the disk may stay then (SWARM_IMAGE_LOW_WATERMARK, default ${DEFAULT_IMAGE_LOW_WATERMARK})`,
  },
  'image-minimum-age': {
    kind: 'text',
    value: 'duration',
    help: `how long an image must have been unused (SWARM_IMAGE_MINIMUM_AGE, default ${DEFAULT_IMAGE_MINIMUM_AGE})`,
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
  /** Absent: images are never removed. */
  readonly imageGarbage?: ImageGarbageRules;
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
  const image = (name: 'high-watermark' | 'low-watermark' | 'minimum-age') => options[`image-${name}`] ?? fromEnvironment(`image-${name}`);
  const imageGarbage = readImageGarbage(
    image('high-watermark') ?? DEFAULT_IMAGE_HIGH_WATERMARK,
    image('low-watermark'),
    image('minimum-age') ?? DEFAULT_IMAGE_MINIMUM_AGE,
  );
  return {
    ...(imageGarbage !== undefined && { imageGarbage }),
    dataRoot: absolute('data-root', options['data-root'] ?? fromEnvironment('data-root') ?? DEFAULT_DATA_ROOT),
    execRoot,
    hosts,
    tlsNames: (options['tls-name'].length > 0 ? options['tls-name'] : listOf(fromEnvironment('tls-name'))).map(checkTlsName),
    engine: parseTarget(options.engine ?? fromEnvironment('engine') ?? DEFAULT_ENGINE),
    logLevel,
    advertiseAddr: options['advertise-addr'] ?? fromEnvironment('advertise-addr'),
  };
}

/** Undefined: `off`. A low watermark that nobody gave is below any high one. */
function readImageGarbage(high: string, low: string | undefined, age: string): ImageGarbageRules | undefined {
  const nanoseconds = parseDuration('image-minimum-age', age);
  if (nanoseconds < 0) throw usageError(`--image-minimum-age: "${age}" must not be negative`);
  const lowGiven = low === undefined ? undefined : percent('image-low-watermark', low);
  if (high === 'off') return undefined;
  const highPercent = percent('image-high-watermark', high, ' or "off"');
  const lowPercent = lowGiven ?? Math.min(highPercent, percent('image-low-watermark', DEFAULT_IMAGE_LOW_WATERMARK));
  if (lowPercent > highPercent) {
    throw usageError(`--image-low-watermark: ${lowPercent} is above the high watermark, ${highPercent}; give it a lower one`);
  }
  return { highPercent, lowPercent, minimumAgeMs: nanoseconds / 1e6 };
}

function percent(flag: string, text: string, or = ''): number {
  const value = /^\d{1,3}%?$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
  if (value >= 1 && value <= 100) return value;
  throw usageError(`--${flag}: "${text}" is no percentage; give a whole number from 1 to 100${or}`);
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
