import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type Dockerode from 'dockerode';
import { isGone, statusOf } from './engine.ts';
import { KEPT, LAB_LABEL, OWNER_LABEL, WORKSPACE_LABEL, WORKSPACE_NAME } from './labels.ts';
import { waitFor } from './wait-for.ts';

/**
 * Removes everything that carries the lab's name: containers with their volumes, then the network. Two processes may
 * do it at once (a test's end and the reaper): what is gone already is fine.
 */
export async function removeLab(engine: Dockerode, name: string): Promise<void> {
  const filters = { label: [`${LAB_LABEL}=${name}`] };
  await waitFor(`the lab "${name}" to be gone`, async () => {
    const containers = await engine.listContainers({ all: true, filters });
    await Promise.all(containers.map(({ Id }) => tolerateGone(engine.getContainer(Id).remove({ force: true, v: true }))));
    const { Volumes } = await engine.listVolumes({ filters });
    await Promise.all((Volumes ?? []).map(({ Name }) => tolerateGone(engine.getVolume(Name).remove())));
    const networks = await engine.listNetworks({ filters });
    await Promise.all(networks.map(({ Id }) => tolerateGone(engine.getNetwork(Id).remove())));
    return containers.length + (Volumes ?? []).length + networks.length === 0;
  });
}

/** 409: somebody else is removing it, or it is still held for a moment; the next look tells. */
async function tolerateGone(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!isGone(error) && statusOf(error) !== 409 && statusOf(error) !== 403) throw error;
  }
}

/** Removes the labs of this working tree whose process is gone, whatever ended it. Labs that are kept stay. */
export async function sweepAbandoned(engine: Dockerode): Promise<readonly string[]> {
  const filters = { label: [`${WORKSPACE_LABEL}=${WORKSPACE_NAME}`] };
  const [containers, networks] = await Promise.all([engine.listContainers({ all: true, filters }), engine.listNetworks({ filters })]);
  const abandoned = new Set<string>();
  for (const { Labels } of [...containers, ...networks]) {
    const name = Labels?.[LAB_LABEL];
    const owner = Labels?.[OWNER_LABEL];
    if (name && owner && owner !== KEPT && !isAlive(owner)) abandoned.add(name);
  }
  const names = [...abandoned].sort();
  for (const name of names) await removeLab(engine, name);
  return names;
}

/** This process, so that another can tell whether it still lives: a process id alone may be somebody else's by then. */
export function thisProcess(): string {
  return `${process.pid}@${startTime(process.pid)}`;
}

export function isAlive(owner: string): boolean {
  const [pid = '', started] = owner.split('@');
  return started !== undefined && startTime(Number(pid)) === started;
}

/** When a process started, in clock ticks since boot; undefined where there is none. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, which may hold anything; start time is the 22nd field.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return undefined;
    throw error;
  }
}

/**
 * Starts a process that removes the lab as soon as this one ends, however it ends: Ctrl-C, a crash, kill -9. It
 * notices by the end of its standard input, whose other end only we hold. The returned function lets it go.
 */
export function startReaper(name: string): () => void {
  const reaper = spawn(process.execPath, [join(import.meta.dirname, 'reaper.ts'), name], {
    // A session of its own: the terminal's Ctrl-C must not end it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  reaper.unref();
  if ('unref' in reaper.stdin && typeof reaper.stdin.unref === 'function') reaper.stdin.unref();
  return () => {
    reaper.stdin.end('done\n');
  };
}
