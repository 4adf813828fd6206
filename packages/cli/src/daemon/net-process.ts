import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Clock, delay } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import { startLoop } from '@swarm/shared/runtime/loop';
import { type NetProcess, NetProcessError, type NetStatus } from '@swarm/worker/network/net-process';
import type { NetTables } from '@swarm/worker/network/net-tables';
import { askNet, type NetRequest } from '../net/control.ts';
import { CONTROL_FILE, TABLES_FILE } from '../net/net-files.ts';
import { VERSION } from '../version.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/swarm', import.meta.url));
const START_TIMEOUT_MS = 20_000;
const ANSWER_TIMEOUT_MS = 25_000;
const POLL_MS = 50;
const WATCH_EVERY_MS = 2_000;

/** The process beside the daemon: started when first needed, replaced when it is of another version, ended on leave. */
export interface RunningNetProcess extends NetProcess {
  /** Starts it where none runs, and replaces one of another version. @throws NetProcessError */
  ensure(): Promise<void>;
  /** Sees to it that a process that was needed is there: one that ended is started anew, from the tables it had. */
  watch(onFailure: (error: unknown) => void): { stop(): Promise<void> };
  /** The node has left: the process ends and leaves nothing. */
  end(): Promise<void>;
}

export interface NetProcessDeps {
  /** Its own: nobody else reaches in. */
  readonly folder: string;
  /** The socket that tasks mount, and the daemon's own; absent where the API is on no unix socket. */
  readonly tasks?: { readonly listen: string; readonly api: string };
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createNetProcess({ folder, tasks, clock, logger }: NetProcessDeps): RunningNetProcess {
  const control = join(folder, CONTROL_FILE);
  let starting: Promise<void> | undefined;
  let ending = false;
  let problem: string | undefined;

  /** Undefined: no process. */
  async function ask(request: NetRequest): Promise<NetStatus | undefined> {
    const reply = await askNet(control, request, ANSWER_TIMEOUT_MS).catch((error: Error) => {
      throw new NetProcessError(`the process "swarm net" does not do its work: ${error.message}. End it, and it is started anew`, error);
    });
    if (reply === undefined) return undefined;
    if (!reply.ok) throw new NetProcessError(reply.reason);
    return reply.status;
  }

  async function start(): Promise<void> {
    const running = await ask({ ask: 'status' });
    if (running === undefined) return spawnNew();
    if (running.version === VERSION) return;
    await ask({ ask: 'replace', launcher: LAUNCHER });
    logger.info({ before: running.version, version: VERSION }, 'swarm net is replaced by a newer one; it lost nothing');
  }

  async function spawnNew(): Promise<void> {
    await written(mkdir(folder, { recursive: true, mode: 0o700 }));
    const words = ['net', '--folder', folder, ...(tasks === undefined ? [] : ['--listen', tasks.listen, '--api', tasks.api])];
    const child = spawn(LAUNCHER, words, { detached: true, stdio: ['ignore', 'inherit', 'inherit'], cwd: '/' });
    let ended: string | undefined;
    child.on('error', (error) => {
      ended = error.message;
    });
    child.on('exit', (code) => {
      ended = `exit code ${code}`;
    });
    const deadline = clock.monotonicMs() + START_TIMEOUT_MS;
    while ((await ask({ ask: 'status' })) === undefined) {
      if (ended !== undefined || clock.monotonicMs() > deadline) {
        throw new NetProcessError(`the process "swarm net" cannot be started: ${ended ?? 'it does not answer'}`);
      }
      await delay(clock, POLL_MS);
    }
    child.unref();
    logger.info({ pid: child.pid }, 'swarm net has started: names, published ports and the socket for tasks outlive this daemon');
  }

  /** A file system that is full, or may not be written, is no fault of ours: it is tried again. */
  async function written(work: Promise<unknown>): Promise<void> {
    await work.catch((error: Error) => {
      throw new NetProcessError(`the tables of "swarm net" cannot be written below ${folder}: ${error.message}`, error);
    });
  }

  async function ensure(): Promise<void> {
    starting ??= start().finally(() => {
      starting = undefined;
    });
    await starting;
  }

  /** Its folder goes with it when the node leaves, and with a reboot, after which the plane applies its tables anew. */
  async function look(): Promise<void> {
    if (!existsSync(folder) || ending) return;
    try {
      await ensure();
      problem = undefined;
    } catch (error) {
      if (!(error instanceof NetProcessError)) throw error;
      if (problem !== error.message)
        logger.error({ reason: error.message }, 'swarm net does not serve: names of the networks are not answered');
      problem = error.message;
    }
  }

  return {
    ensure,
    watch: (onFailure) => startLoop({ clock, pass: look, onFailure, tickMs: WATCH_EVERY_MS }),
    async apply(tables) {
      await written(mkdir(folder, { recursive: true, mode: 0o700 }).then(() => writeTables(folder, tables)));
      await ensure();
      const status = await ask({ ask: 'apply' });
      if (status === undefined) throw new NetProcessError('the process "swarm net" ended just now; it is started anew');
      return status;
    },
    status: () => ask({ ask: 'status' }),
    async end() {
      ending = true;
      try {
        await starting?.catch(() => undefined);
        await ask({ ask: 'end' });
        await rm(folder, { recursive: true, force: true });
        // Of a process that did not live to do so itself.
        if (tasks !== undefined) await rm(tasks.listen, { force: true });
      } finally {
        ending = false;
      }
    },
  };
}

/** A reader finds the old tables or the new ones. They need not survive a power loss: the folder does not either. */
async function writeTables(folder: string, tables: NetTables): Promise<void> {
  const path = join(folder, TABLES_FILE);
  await writeFile(`${path}.new`, JSON.stringify(tables), { mode: 0o600 });
  await rename(`${path}.new`, path);
}
