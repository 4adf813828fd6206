import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { type ByteStream, STREAM_CHUNK_BYTES, StreamBroken } from './byte-stream.ts';

export interface StreamEnds {
  readonly near: ByteStream;
  readonly far: ByteStream;
  readonly lose: () => void;
  readonly dispose: () => void | Promise<void>;
}

/** What every `ByteStream` promises. */
export function describeByteStream(name: string, connect: () => Promise<StreamEnds>): void {
  async function open() {
    const ends = await connect();
    onTestFinished(() => ends.dispose());
    return ends;
  }

  async function readAll(stream: ByteStream): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for (;;) {
      const chunk = await stream.read();
      if (chunk === undefined) return Buffer.concat(chunks);
      chunks.push(chunk);
    }
  }

  describe(`byte stream: ${name}`, () => {
    test('bytes arrive whole and in order, then the end', async () => {
      const { near, far } = await open();
      const bytes = Buffer.alloc(3 * STREAM_CHUNK_BYTES + 7, 'abcdefg');
      const reading = readAll(far);
      await near.write(bytes);
      await near.write(Buffer.from([0, 255, 128]));
      near.end();
      expect(await reading).toEqual(Buffer.concat([bytes, Buffer.from([0, 255, 128])]));
      expect(await far.read()).toBeUndefined();
    });

    test('a failure comes after the bytes before it', async () => {
      const { near, far } = await open();
      await near.write(Buffer.from('before'));
      near.end('the container was removed');
      expect(Buffer.from((await far.read()) ?? []).toString()).toBe('before');
      await expect(far.read()).rejects.toThrow(new StreamBroken('the container was removed'));
    });

    test('a writer waits for a reader that does not read, and loses nothing', async () => {
      const { near, far } = await open();
      const chunk = Buffer.alloc(1024 * 1024, 'x');
      const total = 32;
      let written = 0;
      const writing = (async () => {
        for (; written < total; written += 1) await near.write(chunk);
        near.end();
      })();
      const stuckAt = await settled(() => written);
      expect(stuckAt).toBeLessThan(total);
      expect((await readAll(far)).length).toBe(total * chunk.length);
      await writing;
      expect(written).toBe(total);
    });

    test('a reader that gives up ends the writing, and both ends know that it is over', async () => {
      const { near, far } = await open();
      const over = vi.fn<() => void>();
      near.onClose = over;
      await near.write(Buffer.from('a'));
      far.destroy();
      far.destroy();
      await eventually(() => expect(over).toHaveBeenCalledOnce());
      await expect(near.write(Buffer.from('b'))).rejects.toThrow(StreamBroken);
    });

    test('a lost connection ends a read that waits', async () => {
      const { far, lose } = await open();
      const reading = far.read();
      lose();
      await expect(reading).rejects.toThrow('the connection to the node was lost');
    });

    test('after the end, a connection that closes is no failure', async () => {
      const { near, far } = await open();
      await near.write(Buffer.from('all'));
      near.end();
      expect((await readAll(far)).toString()).toBe('all');
      near.destroy();
      expect(await far.read()).toBeUndefined();
    });
  });
}

/** Waits until a value stands still over many turns of the event loop. */
async function settled(read: () => number): Promise<number> {
  let last = read();
  for (let still = 0; still < 200; still += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (read() !== last) {
      last = read();
      still = 0;
    }
  }
  return last;
}
