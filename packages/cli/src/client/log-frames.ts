/** One line of a log. `type` 3 is an error that the daemon reports within the stream. */
export interface LogFrame {
  readonly type: 'stdout' | 'stderr' | 'error';
  readonly text: Uint8Array;
}

const HEADER_BYTES = 8;
/** A frame is a line; the engine cuts longer ones. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;

/**
 * Cuts a multiplexed stream into its frames: 1 or 2 (3: error), three zero bytes, the length in 32 bits, the bytes.
 * Source: Docker Engine API, container attach.
 */
export async function* readFrames(stream: AsyncIterable<Uint8Array>): AsyncGenerator<LogFrame> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    pending = pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([pending, chunk]);
    let at = 0;
    while (pending.length - at >= HEADER_BYTES) {
      const length = pending.readUInt32BE(at + 4);
      const type = frameType(pending[at]);
      if (type === undefined || length > MAX_FRAME_BYTES) throw new Error('the log is not framed as a Docker log is');
      if (pending.length - at < HEADER_BYTES + length) break;
      yield { type, text: pending.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length) };
      at += HEADER_BYTES + length;
    }
    pending = pending.subarray(at);
  }
  if (pending.length > 0) throw new Error('the log ended in the middle of a line: the connection to its node broke');
}

function frameType(byte: number | undefined): LogFrame['type'] | undefined {
  return byte === 1 || byte === 0 ? 'stdout' : byte === 2 ? 'stderr' : byte === 3 ? 'error' : undefined;
}
