import { type ExecFileException, execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';

/** The kernel's tools, as the network plane uses them. One call is one process; large changes go in as one batch. */
export interface HostCommands {
  /** Any exit code is a result. @throws HostCommandError when the program is missing, may not run, or does not end in time. */
  run(program: string, args: readonly string[], input?: string): Promise<CommandResult>;
  /** `net.ipv4.conf.eth0.rp_filter` is `['ipv4', 'conf', 'eth0', 'rp_filter']`; undefined: the kernel has no such setting. */
  readSetting(path: readonly string[]): Promise<string | undefined>;
  /** @throws HostCommandError */
  writeSetting(path: readonly string[], value: string): Promise<void>;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type HostCommandErrorKind = 'missing' | 'timeout' | 'failed';

export class HostCommandError extends Error {
  readonly kind: HostCommandErrorKind;

  constructor(kind: HostCommandErrorKind, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'HostCommandError';
    this.kind = kind;
  }
}

const TIMEOUT_MS = 20_000;
/** 300 networks with a thousand devices each time: 2 kB of JSON per device. */
const MAX_OUTPUT_BYTES = 256 * 2 ** 20;
const SETTINGS = '/proc/sys/net';
/** A daemon started by hand may have a user's search path, which lacks these. */
const SEARCH_PATH = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].filter((part) => part !== undefined).join(':');

/** The Debian and Ubuntu packages; others mostly call them the same. */
const PACKAGES: Readonly<Record<string, string>> = {
  ip: 'iproute2',
  bridge: 'iproute2',
  nft: 'nftables',
  iptables: 'iptables',
  conntrack: 'conntrack',
};

export const systemCommands: HostCommands = {
  run(program, args, input) {
    return new Promise((resolve, reject) => {
      const options = {
        timeout: TIMEOUT_MS,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT_BYTES,
        env: { PATH: SEARCH_PATH, LC_ALL: 'C' },
      } as const;
      const onEnd = (error: ExecFileException | null, stdout: string, stderr: string) => {
        if (error === null) return resolve({ exitCode: 0, stdout, stderr });
        if (typeof error.code === 'number') return resolve({ exitCode: error.code, stdout, stderr });
        reject(translate(program, error));
      };
      const child = start(() => execFile(program, args, options, onEnd), program);
      // A program that ended before it read everything says why on its standard error.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input ?? '');
    });
  },
  async readSetting(path) {
    try {
      return (await readFile([SETTINGS, ...path].join('/'), 'utf8')).trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw settingError(path, error);
    }
  },
  async writeSetting(path, value) {
    await writeFile([SETTINGS, ...path].join('/'), value).catch((error: unknown) => {
      throw settingError(path, error);
    });
  },
};

/** Some refusals of the system, such as no memory for another process, come at once. */
function start<Child>(begin: () => Child, program: string): Child {
  try {
    return begin();
  } catch (error) {
    throw error instanceof Error && 'syscall' in error ? translate(program, error) : error;
  }
}

function translate(program: string, error: Error & { code?: unknown; killed?: boolean }): HostCommandError {
  if (error.code === 'ENOENT') {
    return new HostCommandError(
      'missing',
      `this host has no program "${program}": install the package ${PACKAGES[program] ?? program}`,
      error,
    );
  }
  if (error.killed) return new HostCommandError('timeout', `"${program}" did not end within ${TIMEOUT_MS / 1000} s`, error);
  return new HostCommandError('failed', `"${program}" could not be run: ${error.message}`, error);
}

function settingError(path: readonly string[], cause: unknown): HostCommandError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HostCommandError('failed', `the kernel's setting net.${path.join('.')} cannot be used: ${reason}`, cause);
}

/** Runs what must succeed. @throws HostCommandError with what the program said. */
export async function mustRun(commands: HostCommands, program: string, args: readonly string[], input?: string): Promise<string> {
  const { exitCode, stdout, stderr } = await commands.run(program, args, input);
  if (exitCode === 0) return stdout;
  throw new HostCommandError('failed', `${[program, ...args].join(' ')}: ${firstLines(stderr || stdout) || `exit code ${exitCode}`}`);
}

function firstLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .slice(0, 3)
    .join(' ')
    .slice(0, 400);
}
