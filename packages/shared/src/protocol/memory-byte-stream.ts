import { type ByteStream, CONNECTION_LOST, StreamBroken, StreamInbox } from './byte-stream.ts';

/** Two ends of one stream in memory: the fake behind the `ByteStream` seam. */
export function memoryByteStreamPair(): { readonly near: ByteStream; readonly far: ByteStream; readonly lose: () => void } {
  const near = new MemoryByteStream();
  const far = new MemoryByteStream();
  near.peer = far;
  far.peer = near;
  return { near, far, lose: () => [near, far].forEach((end) => void end.destroy()) };
}

class MemoryByteStream implements ByteStream {
  peer: MemoryByteStream | undefined;
  onClose: () => void = () => undefined;
  readonly #inbox = new StreamInbox(() => this.peer?.resume());
  #resume: (() => void) | undefined;
  #closed = false;

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#closed || this.peer === undefined) throw new StreamBroken(CONNECTION_LOST);
    this.peer.#inbox.push(chunk.slice());
    if (!this.peer.#inbox.isFull) return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
    });
    if (this.#closed) throw new StreamBroken(CONNECTION_LOST);
  }

  end(failure?: string): void {
    if (this.peer !== undefined) this.peer.#inbox.end(failure);
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#inbox.read();
  }

  resume(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  destroy(): void {
    this.#close();
    this.#inbox.discard();
    if (this.peer !== undefined) this.peer.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.end(CONNECTION_LOST);
    this.resume();
    this.onClose();
  }
}
