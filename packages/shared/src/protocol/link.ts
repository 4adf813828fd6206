/**
 * An ordered message pipe between one worker and one manager: the seam that a WebSocket and the simulation's
 * in-memory pipe both fill. A message is a JSON value; both ends validate what they receive.
 */
export interface Link {
  /**
   * Queues a message. Never throws; after `close` it does nothing. Delivered in order, or not at all once the link
   * breaks: then `onClose` fires on both ends, sooner or later.
   */
  send(message: unknown): void;
  /** Bytes queued and not yet handed to the network: callers hold back past a bound of their own. */
  readonly bufferedBytes: number;
  /** Set before any message can arrive (in the same turn in which the link was handed over). */
  onMessage: (message: unknown) => void;
  /** Fires once, also after our own `close`. */
  onClose: (reason: string) => void;
  close(reason: string): void;
}
