import { spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { delay } from '@swarm/shared/runtime/clock';
import type { ApiClient } from '../client/api-client.ts';
import { DEFAULT_HOST, parseTarget } from '../client/target.ts';
import type { Context } from '../command/context.ts';
import { CommandFailure, EXIT } from '../command/exit-codes.ts';
import { DEFAULT_DATA_ROOT } from '../daemon/settings.ts';
import { systemdUnit } from './systemd-unit.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/swarm', import.meta.url));
const UNIT_NAME = 'swarm.service';
const UNIT_PATH = `/etc/systemd/system/${UNIT_NAME}`;
/** Made by systemd when it is the init system. Source: sd_booted(3). */
const SYSTEMD_MARK = '/run/systemd/system';

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 100;
const LOG_TAIL_LINES = 5;

/** A client of the daemon on this host; starts the daemon when none runs, and waits until it answers. */
export async function ensureDaemon(context: Context): Promise<ApiClient> {
  try {
    return await context.api();
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.exitCode !== EXIT.unreachable) throw error;
    const target = parseTarget(context.host ?? DEFAULT_HOST);
    if (target.kind !== 'unix') throw error;
    return startDaemon(context, target.text);
  }
}

async function startDaemon(context: Context, host: string): Promise<ApiClient> {
  const ordinary =
    host === DEFAULT_HOST && !Object.keys(context.environment).some((name) => /^SWARM_(DATA_ROOT|EXEC_ROOT|ENGINE)$/.test(name));
  if (ordinary && existsSync(SYSTEMD_MARK)) {
    context.terminal.err(`no daemon runs here: starting ${UNIT_NAME}\n`);
    await startUnit();
    return waitUntilUp(context, async () => undefined, `See: journalctl -u ${UNIT_NAME}`);
  }
  const dataRoot = context.environment.SWARM_DATA_ROOT ?? DEFAULT_DATA_ROOT;
  const logFile = join(dataRoot, 'daemon.log');
  context.terminal.err(`no daemon runs here: starting one, its log is ${logFile}\n`);
  return startDetached(context, host, logFile);
}

async function startUnit(): Promise<void> {
  const unit = systemdUnit(LAUNCHER);
  try {
    if ((await readText(UNIT_PATH)) === undefined) await writeFile(UNIT_PATH, unit);
  } catch (error) {
    throw new CommandFailure(
      `the systemd unit ${UNIT_PATH} cannot be written: ${messageOf(error)}. Run the command as root.`,
      EXIT.failed,
      error,
    );
  }
  await runProgram('systemctl', ['daemon-reload']);
  await runProgram('systemctl', ['enable', '--now', UNIT_NAME]);
}

function runProgram(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString('utf8');
    });
    child.on('error', (error) => reject(new CommandFailure(`${program} cannot be run: ${error.message}`, EXIT.failed, error)));
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new CommandFailure(`${program} ${args.join(' ')} failed: ${errors.trim()}`));
    });
  });
}

async function startDetached(context: Context, host: string, logFile: string): Promise<ApiClient> {
  const log = await openLog(logFile);
  const child = spawn(LAUNCHER, ['daemon', ...(context.host === undefined ? [] : ['--host', host])], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
    env: { ...context.environment },
  });
  let ended: string | undefined;
  child.on('error', (error) => {
    ended = error.message;
  });
  child.on('exit', (code, signal) => {
    ended = signal === null ? `exit code ${code}` : `signal ${signal}`;
  });
  const api = await waitUntilUp(
    context,
    async () => (ended === undefined ? undefined : `it ended with ${ended}. ${await tail(logFile)}`),
    `See ${logFile}`,
  );
  child.unref();
  return api;
}

async function openLog(path: string): Promise<number> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, 'a', 0o600);
  } catch (error) {
    throw new CommandFailure(
      `the daemon's log ${path} cannot be written: ${messageOf(error)}. Run the command as root, or set SWARM_DATA_ROOT.`,
      EXIT.failed,
      error,
    );
  }
}

/** What the daemon said last: its own words are the reason. */
async function tail(path: string): Promise<string> {
  const lines = ((await readText(path)) ?? '').trimEnd().split('\n');
  return `Its log ${path} ends with:\n${lines.slice(-LOG_TAIL_LINES).join('\n')}`;
}

async function waitUntilUp(context: Context, failed: () => Promise<string | undefined>, hint: string): Promise<ApiClient> {
  const deadline = context.clock.monotonicMs() + START_TIMEOUT_MS;
  for (;;) {
    try {
      return await context.api();
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.exitCode !== EXIT.unreachable) throw error;
    }
    const reason = await failed();
    if (reason !== undefined) throw new CommandFailure(`the daemon did not start: ${reason}`);
    if (context.clock.monotonicMs() > deadline)
      throw new CommandFailure(`the daemon was started and does not answer after ${START_TIMEOUT_MS / 1000} s. ${hint}`);
    await delay(context.clock, POLL_MS, context.signal);
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
