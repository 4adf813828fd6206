import type { ApiClient } from '../client/api-client.ts';
import type { ApiTask } from '../client/api-objects.ts';
import { readFrames } from '../client/log-frames.ts';
import type { Context } from '../command/context.ts';
import { CommandFailure } from '../command/exit-codes.ts';

export const LAST_LINES = 10;
/** A node that does not answer must not keep the verdict back. */
const PATIENCE_MS = 5_000;
/** Of a log that is one endless line. */
const MAX_BYTES = 64 * 1024;

export type LastLines =
  | { readonly kind: 'lines'; readonly lines: readonly string[] }
  | { readonly kind: 'unknown'; readonly reason: string };

/** The last lines that a task has written, by way of its node; or why they cannot be had. */
export async function readLastLines(context: Context, api: ApiClient, task: ApiTask): Promise<LastLines> {
  if ((task.Status.ContainerStatus?.ContainerID ?? '') === '') return { kind: 'unknown', reason: 'its container was never made' };
  let late = false;
  let abandon: () => void = () => undefined;
  const cancel = context.clock.setTimer(PATIENCE_MS, () => {
    late = true;
    abandon();
  });
  try {
    const response = await api.logs('tasks', task.ID, `stdout=1&stderr=1&tail=${LAST_LINES}`);
    abandon = () => response.destroy();
    if (late) response.destroy();
    const text = await collect(task.Spec.ContainerSpec?.TTY === true ? response : framed(response));
    const lines = text.split('\n').map(printable);
    return { kind: 'lines', lines: lines.filter((line) => line !== '').slice(-LAST_LINES) };
  } catch (error) {
    if (context.signal.aborted) throw error;
    if (late) return { kind: 'unknown', reason: `its node did not send them within ${PATIENCE_MS / 1_000} s` };
    if (error instanceof Error) return { kind: 'unknown', reason: error.message };
    throw error;
  } finally {
    cancel();
  }
}

async function* framed(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const frame of readFrames(stream)) {
    if (frame.type === 'error') throw new CommandFailure(Buffer.from(frame.text).toString('utf8').trim());
    yield frame.text;
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of chunks) text = (text + decoder.decode(chunk, { stream: true })).slice(-MAX_BYTES);
  return text;
}

/** Without what would move the cursor or change the colours of whoever reads the verdict. */
function printable(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  return line.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '').replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '');
}
