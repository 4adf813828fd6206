import { PassThrough, type Readable, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Dockerode from 'dockerode';
import { getContainerRuntimeClient } from 'testcontainers';

/** The engine that carries the labs, as testcontainers finds it (DOCKER_HOST, then the usual sockets). */
export async function outerEngine(): Promise<Dockerode> {
  const client = await getContainerRuntimeClient();
  return client.container.dockerode;
}

export interface ExecOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Written to the command's standard input, which is closed after it. */
  readonly input?: string;
  readonly workdir?: string;
  /** The command is killed after this time and the call fails. */
  readonly timeoutMs?: number;
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

const DEFAULT_TIMEOUT_MS = 300_000;

/** Runs a command in a container. Any exit code is a result; only a command that could not run or end is an error. */
export async function execIn(container: Dockerode.Container, command: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const seconds = Math.ceil(timeoutMs / 1000);
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const outputs = Promise.all([text(stdout), text(stderr)]);
  const exitCode = await execStreaming(container, ['timeout', '-s', 'KILL', String(seconds), ...command], {
    ...(options.env && { env: options.env }),
    ...(options.workdir && { workdir: options.workdir }),
    ...(options.input !== undefined && { input: PassThrough.from([options.input]) }),
    stdout,
    stderr,
  });
  const [out, err] = await outputs;
  // `timeout` dies by the signal it sends: 128 + 9.
  if (exitCode === 137) {
    throw new Error(`"${command.join(' ')}" was killed, probably because it took longer than ${seconds} s.\n${out}${err}`);
  }
  return { stdout: out, stderr: err, exitCode };
}

export interface StreamingOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  readonly input?: Readable;
  readonly tty?: boolean;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Runs a command in a container with its streams connected, and gives its exit code. The outputs are ended with it. */
export async function execStreaming(
  container: Dockerode.Container,
  command: readonly string[],
  options: StreamingOptions,
): Promise<number> {
  const exec = await container.exec({
    Cmd: [...command],
    Env: Object.entries(options.env ?? {}).map(([key, value]) => `${key}=${value}`),
    ...(options.workdir && { WorkingDir: options.workdir }),
    AttachStdin: options.input !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    Tty: options.tty ?? false,
  });
  const stream = await exec.start({ hijack: true, stdin: options.input !== undefined, Tty: options.tty ?? false });
  options.input?.pipe(stream);
  if (options.tty) stream.pipe(options.stdout, { end: false });
  else container.modem.demuxStream(stream, options.stdout, options.stderr);
  await new Promise<void>((resolve, reject) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
    stream.once('error', reject);
  });
  options.input?.unpipe(stream);
  options.stdout.end();
  options.stderr.end();
  const { ExitCode } = await exec.inspect();
  if (ExitCode === null) throw new Error(`the engine closed the streams of "${command.join(' ')}" before it ended`);
  return ExitCode;
}

/** True for the engine's answer "there is no such thing", which a clean-up takes for success. */
export function isGone(error: unknown): boolean {
  return statusOf(error) === 404;
}

export function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined;
  return typeof error.statusCode === 'number' ? error.statusCode : undefined;
}
