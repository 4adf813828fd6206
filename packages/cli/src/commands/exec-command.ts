import type { Duplex, Readable, Writable } from 'node:stream';
import type { ApiClient } from '../client/api-client.ts';
import { readFrames } from '../client/log-frames.ts';
import { defineCommand } from '../command/command.ts';
import type { Context, TerminalControl } from '../command/context.ts';
import { CommandFailure, EXIT, usageError } from '../command/exit-codes.ts';
import { writeBytes } from '../command/write-bytes.ts';

/** `swarm exec web.1 sh`: a program in a task's container, whichever node it is on. Ends with the program's exit code. */
export const exec = defineCommand({
  path: ['exec'],
  summary: "Run a program in a task's container, on whichever node that is",
  description:
    'TASK is a name as in web.1, a task or a container. At a terminal the program gets one (-it) unless told otherwise. Ends with its exit code.',
  arguments: [{ name: 'TASK', complete: 'task' }, { name: 'COMMAND' }, { name: 'ARGUMENT', optional: true, variadic: true }],
  stopAtArguments: true,
  options: {
    detach: { kind: 'flag', short: 'd', help: 'do not wait for it, and show nothing of it' },
    env: { kind: 'list', short: 'e', value: 'name=value', help: 'environment variable' },
    interactive: { kind: 'flag', short: 'i', help: 'pass standard input on' },
    tty: { kind: 'flag', short: 't', help: 'give it a terminal' },
    user: { kind: 'text', short: 'u', value: 'name|uid[:group]', help: 'run as this user' },
    workdir: { kind: 'text', short: 'w', value: 'path', help: 'its working directory' },
  },
  async run({ args, options, context }) {
    const [term = '', ...Cmd] = args;
    const { tty: terminal } = context.streams;
    const detach = options.detach === true;
    const wantsTTY = options.tty ?? (!detach && options.interactive === undefined && terminal !== undefined);
    const interactive = options.interactive ?? (!detach && options.tty === undefined && terminal !== undefined);
    if (wantsTTY && !detach && interactive && terminal === undefined) {
      throw usageError('--tty: standard input and output are no terminal; leave -t out');
    }
    const api = await context.api();
    const id = await api.createExec(term, {
      Cmd,
      AttachStdin: interactive && !detach,
      AttachStdout: !detach,
      AttachStderr: !detach,
      Tty: wantsTTY,
      ...(options.env.length > 0 && { Env: options.env }),
      ...(options.user !== undefined && { User: options.user }),
      ...(options.workdir !== undefined && { WorkingDir: options.workdir }),
    });
    if (detach) {
      await api.startExec(id, wantsTTY);
      return EXIT.ok;
    }
    await runAttached(context, api, id, { tty: wantsTTY, interactive });
    const code = await api.execExitCode(id);
    if (code === null) throw new CommandFailure(`the connection to ${term} ended, and its program runs on`);
    return code;
  },
});

interface Shape {
  readonly tty: boolean;
  readonly interactive: boolean;
}

async function runAttached(context: Context, api: ApiClient, id: string, { tty, interactive }: Shape): Promise<void> {
  const { connection, head } = await api.attachExec(id, tty);
  const { stdin, stdout, stderr, tty: terminal } = context.streams;
  if (head.length > 0) connection.unshift(head);
  const stopInput = interactive ? passInput(stdin, connection) : endInput(connection);
  const giveBack = tty && terminal !== undefined ? takeTerminal(terminal, api, id, interactive) : () => undefined;
  try {
    if (tty) await copy(connection, stdout);
    else await copyFrames(connection, stdout, stderr);
  } catch (error) {
    if (context.signal.aborted) throw context.signal.reason;
    if (error instanceof CommandFailure) throw error;
    throw new CommandFailure(`the connection to the program broke: ${error instanceof Error ? error.message : String(error)}`, 1, error);
  } finally {
    giveBack();
    stopInput();
    connection.destroy();
  }
}

function endInput(connection: Duplex): () => void {
  connection.end();
  return () => undefined;
}

/** Its end is the program's end of input; the program may write on. */
function passInput(stdin: Readable, connection: Duplex): () => void {
  stdin.pipe(connection);
  return () => {
    stdin.unpipe(connection);
    // What still reads from a terminal keeps this process alive.
    stdin.destroy();
  };
}

function takeTerminal(terminal: TerminalControl, api: ApiClient, id: string, raw: boolean): () => void {
  const resize = () => {
    // The program may be gone, or not be there yet: the size of its terminal is worth no failure.
    api.resizeExec(id, terminal.size()).catch(() => undefined);
  };
  if (raw) terminal.setRaw(true);
  resize();
  const stop = terminal.onResize(resize);
  return () => {
    stop();
    if (raw) terminal.setRaw(false);
  };
}

async function copy(from: AsyncIterable<Uint8Array>, to: Writable): Promise<void> {
  for await (const chunk of from) await writeBytes(to, chunk);
}

async function copyFrames(from: AsyncIterable<Uint8Array>, stdout: Writable, stderr: Writable): Promise<void> {
  for await (const { type, text } of readFrames(from)) {
    if (type === 'error') throw new CommandFailure(Buffer.from(text).toString('utf8').trim());
    await writeBytes(type === 'stderr' ? stderr : stdout, text);
  }
}
