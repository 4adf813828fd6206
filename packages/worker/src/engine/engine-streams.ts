import { StringDecoder } from 'node:string_decoder';
import { translateEngineError } from './engine-errors.ts';

/** What an engine sends bit by bit. */
export async function* readChunks(stream: NodeJS.ReadableStream, address: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (cause) {
    signal.throwIfAborted();
    throw translateEngineError(cause, address, 'none');
  }
}

/** Without `node:readline`, which costs every daemon 2 MB. */
export async function* readLines(stream: NodeJS.ReadableStream, address: string, signal: AbortSignal): AsyncIterable<string> {
  const decoder = new StringDecoder('utf8');
  let open = '';
  for await (const chunk of readChunks(stream, address, signal)) {
    const lines = (open + decoder.write(chunk)).split('\n');
    open = lines.pop() ?? '';
    yield* lines.filter(isNotBlank);
  }
  yield* [open + decoder.end()].filter(isNotBlank);
}

function isNotBlank(line: string): boolean {
  return line.trim() !== '';
}
