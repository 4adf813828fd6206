import { type ByteStream, CONNECTION_LOST, STREAM_CHUNK_BYTES, StreamBroken, StreamInbox } from './byte-stream.ts';
import type { Socket } from './socket-link.ts';

/** A `ByteStream` over an open WebSocket: bytes in binary frames, the end in a text frame. */
export function socketByteStream(socket: Socket): ByteStream {
  return new SocketByteStream(socket);
}

const NORMAL = 1000;
const MAX_END_BYTES = 16 * 1024;

class SocketByteStream implements ByteStream {
  onClose: () => void = () => undefined;
  readonly #socket: Socket;
  readonly #inbox: StreamInbox;
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#inbox = new StreamInbox(() => socket.resume());
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('error', (error) => this.#inbox.end(error.message));
    socket.on('close', () => this.#close());
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; at += STREAM_CHUNK_BYTES) {
      if (this.#closed) throw new StreamBroken(CONNECTION_LOST);
      await new Promise<void>((resolve, reject) => {
        this.#socket.send(chunk.subarray(at, at + STREAM_CHUNK_BYTES), { binary: true }, (error) => {
          if (error === undefined || error === null) resolve();
          else reject(new StreamBroken(CONNECTION_LOST));
        });
      });
    }
  }

  end(failure?: string): void {
    if (this.#closed) return;
    this.#socket.send(JSON.stringify({ end: true, failure: failure?.slice(0, MAX_END_BYTES) }), { binary: false }, () => undefined);
  }

  read(): Promise<Uint8Array | undefined> {
    return this.#inbox.read();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#inbox.discard();
    this.#socket.resume();
    this.#socket.close(NORMAL, '');
    this.#close();
  }

  #receive(data: Uint8Array | ArrayBuffer | Uint8Array[], isBinary: boolean): void {
    if (this.#closed || !Buffer.isBuffer(data)) return;
    if (!isBinary) {
      this.#inbox.end(readEnd(data.toString('utf8')));
      return;
    }
    this.#inbox.push(data);
    if (this.#inbox.isFull) this.#socket.pause();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox.end(CONNECTION_LOST);
    this.onClose();
  }
}

/** The failure that an end frame carries. */
function readEnd(text: string): string | undefined {
  try {
    const end: unknown = JSON.parse(text);
    if (typeof end === 'object' && end !== null && 'end' in end) {
      return 'failure' in end && typeof end.failure === 'string' ? end.failure : undefined;
    }
    return 'the peer sent an unknown frame';
  } catch (error) {
    if (error instanceof SyntaxError) return 'the peer sent an unknown frame';
    throw error;
  }
}
