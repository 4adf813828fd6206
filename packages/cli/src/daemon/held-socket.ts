import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { delay, systemClock } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import { EngineError } from '@swarm/worker/engine/engine';
import type { TaskSocket } from '@swarm/worker/engine/engine-socket';
import type { Target } from '../client/target.ts';

const LAUNCHER = fileURLToPath(new URL('../../bin/swarm', import.meta.url));
/** In the data root: a task of this node has mounted the socket, so it must be there before containers start. */
const MARK = 'task-socket';
const START_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

/** The socket that tasks mount, and the process that holds it across restarts of the daemon. */
export interface HeldSocket extends TaskSocket {
  /** After a start: makes it anew when tasks of this node use it and its holder is gone (reboot). */
  revive(): Promise<void>;
  /** The node has left: the holder ends. */
  giveUp(): Promise<void>;
}

export interface HeldSocketDeps {
  /** The daemon's own socket. */
  readonly api: string;
  readonly folder: string;
  readonly dataRoot: string;
  readonly engine: Target;
  readonly logger: Logger;
}

export function createHeldSocket({ api, folder, dataRoot, engine, logger }: HeldSocketDeps): HeldSocket {
  const socket = join(folder, 'docker.sock');
  const mark = join(dataRoot, MARK);
  let starting: Promise<void> | undefined;

  async function start(): Promise<void> {
    if (await answers(socket)) return;
    await mkdir(folder, { recursive: true, mode: 0o755 });
    await writeFile(mark, '');
    const child = spawn(LAUNCHER, ['net', '--listen', socket, '--api', api], { detached: true, stdio: 'ignore', cwd: '/' });
    let ended: string | undefined;
    child.on('error', (error) => {
      ended = error.message;
    });
    child.on('exit', (code) => {
      ended = `exit code ${code}`;
    });
    const deadline = systemClock.monotonicMs() + START_TIMEOUT_MS;
    while (!(await answers(socket))) {
      if (ended !== undefined || systemClock.monotonicMs() > deadline) {
        throw new EngineError(
          'unavailable',
          `the socket ${socket} that tasks mount cannot be made: ${ended ?? 'its process does not answer'}`,
        );
      }
      await delay(systemClock, POLL_MS);
    }
    child.unref();
    logger.info({ socket, pid: child.pid }, 'the socket for tasks is held by a process of its own');
  }

  async function ensure(): Promise<void> {
    starting ??= start().finally(() => {
      starting = undefined;
    });
    await starting;
  }

  return {
    replaces: [...new Set([...(engine.kind === 'unix' ? [engine.path, '/var/run/docker.sock', '/run/docker.sock'] : []), api, socket])],
    async path() {
      await ensure();
      return socket;
    },
    async revive() {
      if (!existsSync(mark)) return;
      await ensure().catch((error: unknown) => {
        if (!(error instanceof EngineError)) throw error;
        // New tasks that want it try again and say so; all others have no need of it.
        logger.error({ reason: error.message }, 'tasks that mount the API socket cannot use it');
      });
    },
    async giveUp() {
      await rm(socket, { force: true });
      await rm(mark, { force: true });
    },
  };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
