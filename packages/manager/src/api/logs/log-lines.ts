/** The streams of a frame as the Engine API numbers them. Frames of type 3 are errors of the daemon itself. */
export type StreamKind = 1 | 2;
export const ERROR_FRAME = 3;

export interface LogLine {
  readonly stream: StreamKind;
  /** Ends in a newline. */
  readonly text: Buffer;
}

/** A line longer than this is passed on in pieces, so that one without end does not fill the memory. */
const MAX_LINE_BYTES = 64 * 1024;
/** Engines cut at 16 KiB; what announces more is no log. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;
const HEADER_BYTES = 8;
const NEWLINE = 10;

/**
 * Cuts a container's log, as its engine frames it, into whole lines: chunks end anywhere, and the clients want a whole
 * line in each frame. A log with a TTY has no frames: all of it is stdout.
 */
export class LogLines {
  readonly #framed: boolean;
  #rest: Buffer = Buffer.alloc(0);
  readonly #open: Record<StreamKind, Buffer> = { 1: Buffer.alloc(0), 2: Buffer.alloc(0) };

  constructor(options: { readonly tty: boolean }) {
    this.#framed = !options.tty;
  }

  /** @throws Error when the bytes are no frames. */
  push(chunk: Uint8Array): LogLine[] {
    if (!this.#framed) return this.#cut(1, Buffer.from(chunk));
    const lines: LogLine[] = [];
    let bytes = Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= HEADER_BYTES) {
      const stream = streamOf(bytes[0]);
      const size = bytes.readUInt32BE(4);
      if (size > MAX_FRAME_BYTES)
        throw new Error(`the engine announced a log frame of ${size} bytes; ${MAX_FRAME_BYTES} is the most it may have`);
      if (bytes.length < HEADER_BYTES + size) break;
      lines.push(...this.#cut(stream, bytes.subarray(HEADER_BYTES, HEADER_BYTES + size)));
      bytes = bytes.subarray(HEADER_BYTES + size);
    }
    this.#rest = bytes;
    return lines;
  }

  /** What is left when the log ends: a last line without a newline gets one. */
  end(): LogLine[] {
    return ([1, 2] as const).flatMap((stream) => {
      const text = this.#open[stream];
      this.#open[stream] = Buffer.alloc(0);
      return text.length === 0 ? [] : [{ stream, text: Buffer.concat([text, Buffer.of(NEWLINE)]) }];
    });
  }

  #cut(stream: StreamKind, added: Buffer): LogLine[] {
    const lines: LogLine[] = [];
    let bytes = Buffer.concat([this.#open[stream], added]);
    for (;;) {
      const end = bytes.indexOf(NEWLINE);
      if (end >= 0) {
        lines.push({ stream, text: bytes.subarray(0, end + 1) });
        bytes = bytes.subarray(end + 1);
      } else if (bytes.length > MAX_LINE_BYTES) {
        lines.push({ stream, text: Buffer.concat([bytes, Buffer.of(NEWLINE)]) });
        bytes = Buffer.alloc(0);
      } else break;
    }
    this.#open[stream] = bytes;
    return lines;
  }
}

function streamOf(kind: number | undefined): StreamKind {
  if (kind === 0 || kind === 1) return 1;
  if (kind === 2) return 2;
  throw new Error(`the engine sent a log frame of type ${kind}, which is neither stdout nor stderr`);
}

/** The 8 bytes that go before a frame. */
export function frameHeader(kind: StreamKind | typeof ERROR_FRAME, size: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = kind;
  header.writeUInt32BE(size, 4);
  return header;
}

/** `k=v` pairs, comma-joined, keys sorted, escaped as in a URL's query. The docker CLI fails without them. */
export function encodeDetails(details: Readonly<Record<string, string>>): string {
  return Object.keys(details)
    .sort()
    .map((key) => `${escapeQuery(key)}=${escapeQuery(details[key] ?? '')}`)
    .join(',');
}

function escapeQuery(text: string): string {
  return encodeURIComponent(text)
    .replace(/%20/g, '+')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Puts the details behind the timestamp where the engine has put one, else in front. */
export function addDetails(text: Buffer, details: string, hasTimestamp: boolean): Buffer {
  const space = hasTimestamp ? text.indexOf(0x20) : -1;
  return Buffer.concat([text.subarray(0, space + 1), Buffer.from(`${details} `), text.subarray(space + 1)]);
}
