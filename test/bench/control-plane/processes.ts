import { type ChildProcess, fork } from 'node:child_process';

/** What a manager of thousands of nodes has in its environment (decision 0305); the number of arenas is the launcher's. */
export const MANAGER_ENVIRONMENT = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '65536' };
export const MANAGER_FLAGS = ['--max-old-space-size=3072', '--max-semi-space-size=32'];
export const FLEET_FLAGS = ['--max-old-space-size=6144', '--max-semi-space-size=32'];

export function startProcess(file: string, execArgv: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
  return fork(new URL(file, import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning', ...execArgv],
    serialization: 'advanced',
    // What the caller's environment says goes first, to compare.
    env: { ...environment, ...process.env },
  });
}

/** They end when their parent lets go of them. */
export async function endProcesses(children: readonly ChildProcess[]): Promise<void> {
  for (const child of children) {
    child.removeAllListeners('exit');
    child.disconnect();
  }
  await Promise.all(children.map(ended));
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

export function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MB`;
}
