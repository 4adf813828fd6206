/**
 * Where a process that must outlive its log writes it. A disk that is full, or a reader that is gone, costs lines and nothing
 * else: pino's own output waits for ever at the end of a process whose log cannot be written, and standard error ends it.
 * What could not be written comes before the next line, as far as it is kept.
 */
export interface LogOutput {
  write(line: string): void;
}

/** What is kept of lines that could not be written, in bytes: the first ones, since they tell the cause. */
export const MOST_KEPT_BYTES = 65_536;

/** `write` is a write to a file descriptor: how many bytes it took, or throws. `now`: the time of the line that counts lost ones. */
export function logOutput(write: (bytes: Uint8Array) => number, now: () => string): LogOutput {
  let kept: Uint8Array[] = [];
  let keptBytes = 0;
  let lost = 0;

  function keep(bytes: Uint8Array): void {
    kept.push(bytes);
    keptBytes += bytes.length;
  }

  /** False when it took not all of them; the rest stays in front, so that no line is cut in two. */
  function flush(): boolean {
    const waiting = kept;
    kept = [];
    keptBytes = 0;
    for (const [at, bytes] of waiting.entries()) {
      const rest = writeAll(write, bytes);
      if (rest === undefined) continue;
      for (const left of [rest, ...waiting.slice(at + 1)]) keep(left);
      return false;
    }
    return true;
  }

  return {
    write(line) {
      const bytes = Buffer.from(line, 'utf8');
      if (keptBytes > 0 && keptBytes + bytes.length > MOST_KEPT_BYTES) {
        if (!flush()) {
          lost += 1;
          return;
        }
      }
      if (lost > 0) {
        keep(
          Buffer.from(
            `${JSON.stringify({ level: 'warn', time: now(), lines: lost, msg: 'lines of this log are lost: it could not be written' })}\n`,
          ),
        );
        lost = 0;
      }
      keep(bytes);
      flush();
    },
  };
}

/** What is left of them; undefined when all are written. */
function writeAll(write: (bytes: Uint8Array) => number, bytes: Uint8Array): Uint8Array | undefined {
  let rest = bytes;
  try {
    while (rest.length > 0) {
      const taken = write(rest);
      if (taken === 0) return rest;
      rest = rest.subarray(taken);
    }
    return undefined;
  } catch {
    // There is nowhere to say so; the next line tries again.
    return rest;
  }
}
