import type { Terminal } from './context.ts';

/** A terminal that keeps what was written, for tests. */
export interface RecordingTerminal extends Terminal {
  readonly output: string;
  readonly errors: string;
}

export function recordingTerminal(): RecordingTerminal {
  const written = { out: '', err: '' };
  return {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    isTTY: false,
    columns: 120,
    get output() {
      return written.out;
    },
    get errors() {
      return written.err;
    },
  };
}
