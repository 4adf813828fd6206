import { addAbortSignal, type Readable } from 'node:stream';

const NEWLINE = 0x0a;

/** All of it. @throws the signal's reason: whoever types at a terminal may give up. */
export function readAll(stdin: Readable, signal: AbortSignal): Promise<Buffer> {
  return read(stdin, signal, () => false);
}

/** What stands before the first end of a line, which is Enter at a terminal. @throws the signal's reason */
export async function readLine(stdin: Readable, signal: AbortSignal): Promise<string> {
  const text = (await read(stdin, signal, (chunk) => chunk.includes(NEWLINE))).toString('utf8');
  return text.split('\n', 1)[0] ?? '';
}

async function read(stdin: Readable, signal: AbortSignal, isLast: (chunk: Buffer) => boolean): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of addAbortSignal(signal, stdin) as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      if (isLast(chunk)) break;
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  }
  return Buffer.concat(chunks);
}
