import { type Link, MAX_MESSAGE_BYTES, SharedMessage } from './link.ts';

/** What a link needs of a WebSocket; `ws` fits, on both ends. Here, so that both ends share the code and not the library. */
export interface Socket {
  readonly bufferedAmount: number;
  send(data: string | Uint8Array, options: { readonly binary: boolean }, sent: (error?: Error) => void): void;
  close(code: number, reason: string): void;
  pause(): void;
  resume(): void;
  on(event: 'message', listener: (data: Uint8Array | ArrayBuffer | Uint8Array[], isBinary: boolean) => void): unknown;
  on(event: 'close', listener: (code: number, reason: Uint8Array) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** How every WebSocket of ours is opened. No compression: it costs more memory per connection than it saves. */
export const SOCKET_OPTIONS = {
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
  /** How long a closing socket waits for its peer before it is torn down. */
  closeTimeout: 2_000,
} as const;

/** A text up to this long is within the bound whatever its characters: none takes more than three bytes. */
const MAX_CERTAIN_LENGTH = Math.floor(MAX_MESSAGE_BYTES / 3);

const NORMAL = 1000;
const NO_STATUS = 1005;
const ABNORMAL = 1006;
/** A close frame has room for this many bytes of reason. */
const MAX_REASON_BYTES = 123;

/** A `Link` over an open WebSocket: one JSON text per message. Give it the socket in the turn in which it opened. */
export function socketLink(socket: Socket): Link {
  return new SocketLink(socket);
}

class SocketLink implements Link {
  onDrain: () => void = () => undefined;
  onClose: (reason: string) => void = () => undefined;
  readonly #socket: Socket;
  #onMessage: ((message: unknown) => void) | undefined;
  #closed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.pause();
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('error', (error) => this.#end(error.message));
    socket.on('close', (code, reason) => this.#end(explainClose(code, reason)));
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get onMessage(): (message: unknown) => void {
    return this.#onMessage ?? (() => undefined);
  }

  set onMessage(listener: (message: unknown) => void) {
    this.#onMessage = listener;
    this.#socket.resume();
  }

  send(message: unknown): void {
    if (this.#closed) return;
    const text = message instanceof SharedMessage ? message.text : JSON.stringify(message);
    if (text.length > MAX_CERTAIN_LENGTH && Buffer.byteLength(text) > MAX_MESSAGE_BYTES) {
      this.close(`a message of ${text.length} bytes is over the bound of ${MAX_MESSAGE_BYTES}`);
      return;
    }
    this.#socket.send(text, { binary: false }, () => {
      if (!this.#closed && this.#socket.bufferedAmount === 0) this.onDrain();
    });
  }

  close(reason: string): void {
    if (this.#closed) return;
    this.#socket.resume();
    this.#socket.close(NORMAL, clipReason(reason));
    this.#end(reason);
  }

  #receive(data: Uint8Array | ArrayBuffer | Uint8Array[], isBinary: boolean): void {
    if (this.#closed) return;
    const parsed = isBinary ? undefined : parseText(data);
    if (parsed === undefined) this.close('the peer sent a message that is not JSON text');
    else this.#onMessage?.(parsed.value);
  }

  #end(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    setImmediate(() => this.onClose(reason));
  }
}

function parseText(data: Uint8Array | ArrayBuffer | Uint8Array[]): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(Buffer.isBuffer(data) ? data.toString('utf8') : '') };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export function explainClose(code: number, reason: Uint8Array): string {
  const text = Buffer.from(reason).toString('utf8');
  if (text !== '') return text;
  return code === ABNORMAL || code === NO_STATUS ? 'connection lost' : `connection closed with code ${code}`;
}

/** Cut to what a close frame takes, at a character's border. */
export function clipReason(reason: string): string {
  if (Buffer.byteLength(reason) <= MAX_REASON_BYTES) return reason;
  return Buffer.from(reason)
    .subarray(0, MAX_REASON_BYTES - 3)
    .toString('utf8')
    .replace(/\uFFFD*$/, '');
}
