import type { LabHost } from './host.ts';
import type { LookUp } from './look-up.ts';
import type { LoadResult } from './request-load.ts';
import { waitFor } from './wait-for.ts';

export interface LoadOptions {
  /** On which host, and in the network namespace of which of its containers; absent: the host's own. */
  readonly host: LabHost;
  readonly container?: string;
  readonly url: string;
  readonly count: number;
  readonly concurrency?: number;
  /** Requests per second; absent: as many as come through. */
  readonly rate?: number;
}

/** Requests that go on while a test does other things. */
export interface Load {
  /** Resolves when all are through. */
  readonly done: Promise<LoadResult>;
}

/** Ends what hangs: 20,000 requests at the pace of a test take more than two minutes. */
const LIMIT_MS = 900_000;
const NODE = '/opt/swarm/node_modules/.bin/node';
const SCRIPT = '/opt/swarm/test/lab/request-load.ts';

export async function startLoad({ host, container, url, count, concurrency = 8, rate = 0 }: LoadOptions): Promise<Load> {
  const words = [NODE, SCRIPT, '--url', url, '--count', `${count}`, '--concurrency', `${concurrency}`, '--rate', `${rate}`];
  const command = container === undefined ? words : ['nsenter', '-t', await pidOf(host, container), '-n', '--', ...words];
  const done = host.exec(command, { timeoutMs: LIMIT_MS }).then(({ stdout, stderr, exitCode }) => {
    const line = stdout.trim().split('\n').at(-1) ?? '';
    if (exitCode !== 0 || line === '') throw new Error(`the requests to ${url} ended with exit code ${exitCode}\n${stdout}${stderr}`);
    return JSON.parse(line) as LoadResult;
  });
  // A test that fails first does not wait for it.
  done.catch(() => undefined);
  return { done };
}

/** One request after the other until one comes through. */
export async function awaitService(options: Omit<LoadOptions, 'count'>): Promise<void> {
  await waitFor(`an answer of ${options.url}`, async () => {
    const { failures } = await (await startLoad({ ...options, count: 1, concurrency: 1 })).done;
    return failures === 0;
  });
}

export async function pidOf(host: LabHost, container: string): Promise<string> {
  return (await host.docker('inspect', '-f', '{{.State.Pid}}', container)).trim();
}

/** What a container of the host finds under each name, in their order. */
export async function lookUpIn(host: LabHost, container: string, ...names: readonly string[]): Promise<readonly LookUp[]> {
  return JSON.parse(
    await host.sh(`nsenter -t ${await pidOf(host, container)} -n -- ${NODE} /opt/swarm/test/lab/look-up.ts ${names.join(' ')}`),
  );
}
