import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Coverage } from './coverage.ts';
import type { RunResult } from './run-seed.ts';

/** How many broken seeds are told of in full; more say nothing new. */
const ENOUGH_FAILURES = 3;
/** What a process gets at once: little enough that all end together, enough that asking costs nothing. */
const SHARE = 10;
const RUNNER = fileURLToPath(new URL('seed-process.ts', import.meta.url));

export interface Share {
  readonly first: number;
  readonly count: number;
}

/** What a process says of its share. */
export interface ShareResult {
  readonly count: number;
  readonly counts: readonly (readonly [string, number])[];
  readonly failures: readonly Failure[];
}

export type Failure = Pick<RunResult, 'seed' | 'story' | 'violations'>;

export interface SeedsResult {
  readonly coverage: Coverage;
  readonly failures: readonly Failure[];
  /** How many were run. */
  readonly done: number;
}

export interface RunSeedsOptions {
  readonly first: number;
  /** Infinity: until enough are broken. */
  readonly count: number;
  /** Called after each share. */
  readonly onProgress?: (sofar: SeedsResult) => void;
}

/** Runs the seeds in as many processes as there are cores; stops early when enough of them are broken. */
export async function runSeeds({ first, count, onProgress }: RunSeedsOptions): Promise<SeedsResult> {
  const coverage = new Coverage();
  const failures: Failure[] = [];
  let next = first;
  let done = 0;
  const nextShare = (): Share | undefined => {
    if (next >= first + count || failures.length >= ENOUGH_FAILURES) return undefined;
    const share = { first: next, count: Math.min(SHARE, first + count - next) };
    next += share.count;
    return share;
  };
  const take = ({ count: ran, counts, failures: found }: ShareResult) => {
    coverage.addCounts(counts);
    failures.push(...found);
    done += ran;
    onProgress?.({ coverage, failures, done });
  };
  await Promise.all(Array.from({ length: availableParallelism() }, () => runShares(nextShare, take)));
  return { coverage, failures, done };
}

/** One process, which gets one share after the other. */
function runShares(nextShare: () => Share | undefined, take: (result: ShareResult) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(RUNNER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    let isAsked = false;
    const ask = () => {
      const share = nextShare();
      isAsked = share !== undefined;
      if (share === undefined) child.disconnect();
      else child.send(share);
    };
    child.on('message', (result: ShareResult) => {
      take(result);
      ask();
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (isAsked || code !== 0) reject(new Error(`a process that runs seeds ended (${signal ?? code}) before it was done`));
      else resolve();
    });
    ask();
  });
}

/** The story of a broken seed, as far as it was told, what broke, and how to see it again. */
export function renderFailure({ seed, story, violations }: Failure): string {
  return [
    '',
    `Seed ${seed}:`,
    ...story.map((line) => (line.length > 240 ? `${line.slice(0, 239)}…` : line)),
    ...violations.map((violation) => `BROKEN: ${violation}`),
    `Again, with all that the cluster did: npm run simulate -- ${seed}`,
  ].join('\n');
}
