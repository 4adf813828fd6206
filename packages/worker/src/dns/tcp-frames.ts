/** Over TCP each message has its length before it, in two bytes. */
export function frame(message: Buffer): Buffer {
  const bytes = Buffer.alloc(2 + message.length);
  bytes.writeUInt16BE(message.length, 0);
  message.copy(bytes, 2);
  return bytes;
}

/**
 * Cuts what arrives into messages. Keeps at most one that is not whole. False: a message is longer than `maxBytes`, and
 * nothing more is read.
 */
export function createFrameReader(maxBytes: number, onMessage: (message: Buffer) => void): (chunk: Buffer) => boolean {
  let rest: Buffer = Buffer.alloc(0);
  let broken = false;
  return (chunk) => {
    if (broken) return false;
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= 2) {
      const length = rest.readUInt16BE(at);
      if (length > maxBytes) {
        broken = true;
        rest = Buffer.alloc(0);
        return false;
      }
      if (rest.length - at - 2 < length) break;
      onMessage(rest.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    rest = Buffer.from(rest.subarray(at));
    return true;
  };
}
