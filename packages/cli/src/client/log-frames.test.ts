import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LogFrame, readFrames } from './log-frames.ts';

const TYPES = { stdout: 1, stderr: 2, error: 3 } as const;

function encode({ type, text }: { readonly type: LogFrame['type']; readonly text: string }): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = TYPES[type];
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
}

async function* inPieces(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    if (at >= bytes.length) return;
    yield bytes.subarray(at, at + size);
    at += size;
  }
  if (at < bytes.length) yield bytes.subarray(at);
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<{ type: string; text: string }[]> {
  const frames = [];
  for await (const { type, text } of readFrames(stream)) frames.push({ type, text: Buffer.from(text).toString() });
  return frames;
}

const frame = fc.record({ type: fc.constantFrom<LogFrame['type']>('stdout', 'stderr', 'error'), text: fc.string() });

describe('a multiplexed log', () => {
  it('gives back its frames, however the network cuts it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(frame), fc.array(fc.integer({ min: 1, max: 40 })), async (frames, sizes) => {
        expect(await collect(inPieces(Buffer.concat(frames.map(encode)), sizes))).toEqual(frames);
      }),
    );
  });

  it('is refused when it ends within a frame', async () => {
    const whole = encode({ type: 'stdout', text: 'hello' });
    await expect(collect(inPieces(whole.subarray(0, 10), []))).rejects.toThrow(/ended in the middle of a line/);
  });

  it('is refused when it is no such log', async () => {
    await expect(collect(inPieces(Buffer.from('plain text, not framed'), []))).rejects.toThrow(/not framed/);
  });
});
