/**
 * An ordered message pipe between one worker and one manager: the seam that a WebSocket and the simulation's
 * in-memory pipe both fill. A message is a JSON value; both ends validate what they receive.
 */
export interface Link {
  /**
   * Queues a message, or the one that a `SharedMessage` stands for. Never throws; after `close` it does nothing. Delivered in order, or not at all once the link
   * breaks: then `onClose` fires on both ends, sooner or later. A message over `MAX_MESSAGE_BYTES` breaks the link.
   */
  send(message: unknown): void;
  /** Bytes queued and not yet handed to the network: callers hold back past a bound of their own. */
  readonly bufferedBytes: number;
  /** What comes before this is set is held back, and delivered then. */
  onMessage: (message: unknown) => void;
  /** Fires when `bufferedBytes` has come down to nothing after a send. */
  onDrain: () => void;
  /** Fires once, also after our own `close`, never within a call of `send` or `close`. Not before `onMessage` is set. */
  onClose: (reason: string) => void;
  close(reason: string): void;
}

/**
 * The largest message, as JSON text: a bound on what a peer can make us hold. Senders keep far below it by cutting what
 * can grow into parts; the largest thing that cannot be cut is one template or one config.
 */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

/**
 * A message that many get: its text is made once, when it is first sent, and kept as long as this is. A thousand texts of
 * a large message would all be in memory at once.
 */
export class SharedMessage<Message> {
  readonly message: Message;
  #text: Uint8Array | undefined;

  constructor(message: Message) {
    this.message = message;
  }

  /** JSON, in UTF-8. */
  get text(): Uint8Array {
    this.#text ??= new TextEncoder().encode(JSON.stringify(this.message));
    return this.#text;
  }

  /** Links that make texts of their own see nothing but the message. */
  toJSON(): Message {
    return this.message;
  }
}
