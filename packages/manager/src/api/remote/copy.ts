import type { Readable, Writable } from 'node:stream';
import { type ByteStream, StreamBroken } from '@swarm/shared/protocol/byte-stream';
import { frameHeader } from '../logs/log-lines.ts';

/** Writes as fast as the client reads; ends early when it has gone. */
export async function copyOutput(output: AsyncIterable<Uint8Array>, client: Writable): Promise<void> {
  for await (const chunk of output) {
    if (client.destroyed) return;
    if (!client.write(chunk)) await drained(client);
  }
}

function drained(client: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      client.off('drain', done);
      client.off('close', done);
      resolve();
    };
    client.on('drain', done);
    client.on('close', done);
    if (client.destroyed) done();
  });
}

/** Passes on what the client sends, its end included. What becomes of the stream the reader of its output learns. */
export async function copyInput(client: Readable, stream: ByteStream): Promise<void> {
  try {
    for await (const chunk of client.iterator({ destroyOnReturn: false })) await stream.write(chunk as Uint8Array);
    stream.end();
  } catch (error) {
    // A client that broke off is no end of the input: what it has not sent must not count as sent.
    if (!(error instanceof StreamBroken)) stream.destroy();
    // Nobody reads it any more; its end must still be seen.
    client.resume();
  }
}

const STDERR = 2;

/** What went wrong, where a person who looks at the output sees it. */
export function tellInStream(client: Writable, message: string, tty: boolean): void {
  const text = Buffer.from(`${tty ? '\r\n' : ''}${message}${tty ? '\r' : ''}\n`);
  client.write(tty ? text : Buffer.concat([frameHeader(STDERR, text.length), text]));
}
