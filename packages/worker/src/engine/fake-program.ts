/** What a container of the fake engine does once it is started. The real engine's image of the contract suite does the same. */
export interface FakeProgram {
  /** Ends by itself after this long; absent: runs until it is stopped. */
  readonly exitAfterMs?: number;
  readonly exitCode?: number;
  /** Ignores the stop signal, as a process with PID 1 and no handler does: only the kill ends it. */
  readonly ignoresStopSignal?: boolean;
  /** The engine cannot start it. */
  readonly startError?: string;
}

interface CreateBody {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly HostConfig?: { readonly Init?: boolean };
}

/** Reads the few commands the fake knows. @throws for any other, so that no test relies on what the fake cannot do. */
export function fakeProgramOf(body: CreateBody): FakeProgram {
  const words = [...(body.Entrypoint ?? []), ...(body.Cmd ?? [])];
  const line = words.join(' ');
  const ignoresStopSignal = body.HostConfig?.Init !== true;
  const sleep = /^sleep (\d+)$/.exec(line);
  if (sleep?.[1] !== undefined) return { exitAfterMs: Number(sleep[1]) * 1000, ignoresStopSignal };
  const exit = /^sh -c exit (\d+)$/.exec(line);
  if (exit?.[1] !== undefined) return { exitAfterMs: 0, exitCode: Number(exit[1]) };
  if (words.length === 1 && words[0] === '/no-such-program') {
    const startError = 'failed to create task: exec: "/no-such-program": stat /no-such-program: no such file or directory: unknown';
    return { startError, exitCode: 127 };
  }
  throw new Error(`the fake engine does not know the command "${line}"`);
}

interface FakeHealthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Retries?: number;
}

/** When a healthcheck of the fake says what; undefined without one. */
export function fakeHealthOf(
  healthcheck: FakeHealthcheck | undefined,
): { readonly becomes: 'healthy' | 'unhealthy'; readonly afterMs: number } | undefined {
  const test = healthcheck?.Test ?? [];
  if (test.length === 0 || test[0] === 'NONE') return undefined;
  const intervalMs = (healthcheck?.Interval ?? 30e9) / 1e6;
  const line = test.join(' ');
  if (line === 'CMD true') return { becomes: 'healthy', afterMs: intervalMs };
  if (line === 'CMD false') return { becomes: 'unhealthy', afterMs: intervalMs * (healthcheck?.Retries ?? 3) };
  throw new Error(`the fake engine does not know the healthcheck "${line}"`);
}
