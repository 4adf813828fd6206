import { addAbortSignal, type Readable } from 'node:stream';
import type { TerminalControl } from './context.ts';
import { CommandFailure, EXIT } from './exit-codes.ts';

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

const [INTERRUPT, END, BACKSPACE, ENTER, ERASE, DELETE] = [0x03, 0x04, 0x08, 0x0d, 0x15, 0x7f];

/**
 * As `readLine`, at a terminal that does not show what is typed. Without its own line editing: keys that take back the last
 * byte or all of them do so here. @throws the signal's reason; CommandFailure on Ctrl-C, which then is a key like any other.
 */
export async function readHiddenLine(
  { stdin, keyboard }: { readonly stdin: Readable; readonly keyboard: Pick<TerminalControl, 'setRaw'> },
  signal: AbortSignal,
): Promise<string> {
  const typed: number[] = [];
  const isLast = (key: number): boolean => {
    if (key === INTERRUPT) throw new CommandFailure('interrupted', EXIT.interrupted);
    if (key === NEWLINE || key === ENTER || key === END) return true;
    if (key === BACKSPACE || key === DELETE) typed.pop();
    else if (key === ERASE) typed.length = 0;
    else typed.push(key);
    return false;
  };
  keyboard.setRaw(true);
  try {
    await read(stdin, signal, (chunk) => chunk.some(isLast));
  } finally {
    keyboard.setRaw(false);
  }
  return Buffer.from(typed).toString('utf8');
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
