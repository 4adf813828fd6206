/**
 * One stream of bytes between a worker and its manager (a log, later exec), beside the session. Back-pressure is end to
 * end: `write` waits for the reader, so a slow one holds back its own stream and nothing else.
 */
export interface ByteStream {
  /** Resolves when there is room for more; one call at a time. @throws StreamBroken once the peer is gone. */
  write(chunk: Uint8Array): Promise<void>;
  /** Nothing more comes from this side. With a failure the peer's reading ends with it as `StreamBroken`. */
  end(failure?: string): void;
  /** The next chunk, or undefined after the peer's `end`; one call at a time. @throws StreamBroken */
  read(): Promise<Uint8Array | undefined>;
  /** Ends both directions at once, and frees what the stream holds. Whoever read the end calls it. */
  destroy(): void;
  /** Fires once when the stream is over, whoever ended it. */
  onClose: () => void;
}

export class StreamBroken extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'StreamBroken';
  }
}

/** Bytes that a reader may be behind before the writer is held back. */
export const STREAM_WINDOW_BYTES = 256 * 1024;
/** The largest chunk on the wire; larger ones are cut. */
export const STREAM_CHUNK_BYTES = 64 * 1024;
export const CONNECTION_LOST = 'the connection to the node was lost';

/** Chunks that have arrived and wait for `read`: the half that both kinds of stream share. */
export class StreamInbox {
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #end: { readonly failure?: string } | undefined;
  #wake: (() => void) | undefined;
  readonly #onRoom: () => void;

  constructor(onRoom: () => void) {
    this.#onRoom = onRoom;
  }

  get isFull(): boolean {
    return this.#bytes >= STREAM_WINDOW_BYTES;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  push(chunk: Uint8Array): void {
    // Those without a byte would fill no window, however many a peer sends.
    if (this.#end !== undefined || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#wake?.();
  }

  /** The first end counts: a connection that closes after it changes nothing. */
  end(failure?: string): void {
    this.#end ??= failure === undefined ? {} : { failure };
    this.#wake?.();
  }

  async read(): Promise<Uint8Array | undefined> {
    while (this.#chunks.length === 0 && this.#end === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      if (this.#end?.failure !== undefined) throw new StreamBroken(this.#end.failure);
      return undefined;
    }
    const wasFull = this.isFull;
    this.#bytes -= chunk.length;
    if (wasFull && !this.isFull) this.#onRoom();
    return chunk;
  }

  discard(): void {
    this.#chunks = [];
    this.#bytes = 0;
  }
}
