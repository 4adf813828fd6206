import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@swarm/shared/runtime/logger';
import { EngineError } from '@swarm/worker/engine/engine';
import type { TaskSocket } from '@swarm/worker/engine/engine-socket';
import { NetProcessError } from '@swarm/worker/network/net-process';
import type { Target } from '../client/target.ts';
import type { RunningNetProcess } from './net-process.ts';

/** In the data root: a task of this node has mounted the socket, so it must be there before containers start. */
const MARK = 'task-socket';

/** The socket that tasks mount, and the process that holds it across restarts of the daemon. */
export interface HeldSocket extends TaskSocket {
  /** After a start: makes it anew when tasks of this node use it and its holder is gone (reboot). */
  revive(): Promise<void>;
  /** The node has left: no task uses it. */
  giveUp(): Promise<void>;
}

export interface HeldSocketDeps {
  /** The daemon's own socket. */
  readonly api: string;
  /** What tasks mount. */
  readonly socket: string;
  readonly process: Pick<RunningNetProcess, 'ensure'>;
  readonly dataRoot: string;
  readonly engine: Target;
  readonly logger: Logger;
}

export function createHeldSocket({ api, socket, process, dataRoot, engine, logger }: HeldSocketDeps): HeldSocket {
  const mark = join(dataRoot, MARK);

  async function ensure(): Promise<void> {
    try {
      await process.ensure();
    } catch (error) {
      if (!(error instanceof NetProcessError)) throw error;
      throw new EngineError('unavailable', `the socket ${socket} that tasks mount cannot be made: ${error.message}`);
    }
  }

  return {
    replaces: [...new Set([...(engine.kind === 'unix' ? [engine.path, '/var/run/docker.sock', '/run/docker.sock'] : []), api, socket])],
    async path() {
      await writeFile(mark, '').catch((error: Error) => {
        throw new EngineError('unavailable', `the socket ${socket} that tasks mount cannot be made: ${error.message}`, { cause: error });
      });
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
      await rm(mark, { force: true });
    },
  };
}
