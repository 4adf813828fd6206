import { validatorOf } from '../schema/validator.ts';
import { type ByteStream, StreamBroken } from './byte-stream.ts';
import { type CallHead, CallHeadSchema } from './container-call.ts';

const LENGTH_BYTES = 4;
const MAX_HEAD_BYTES = 128 * 1024;

/** A head on the wire: its length, big-endian, then JSON. */
export function encodeCallHead(head: CallHead): Uint8Array {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text]);
}

const validator = validatorOf(CallHeadSchema);

/** Reads the head, and what of the body came with it. @throws StreamBroken when the stream ends first or says nonsense. */
export async function readCallHead(stream: Pick<ByteStream, 'read'>): Promise<{ readonly head: CallHead; readonly rest: Uint8Array }> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const length = bytes.length < LENGTH_BYTES ? undefined : bytes.readUInt32BE(0);
    if (length !== undefined && length > MAX_HEAD_BYTES) throw new StreamBroken('the node answered with something unknown');
    if (length !== undefined && bytes.length >= LENGTH_BYTES + length) {
      return { head: parseHead(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length)), rest: bytes.subarray(LENGTH_BYTES + length) };
    }
    const chunk = await stream.read();
    if (chunk === undefined) throw new StreamBroken('the node ended the call without an answer');
    bytes = Buffer.concat([bytes, chunk]);
  }
}

function parseHead(bytes: Buffer): CallHead {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (validator.check(value)) return validator.clean(value);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new StreamBroken('the node answered with something unknown');
}
