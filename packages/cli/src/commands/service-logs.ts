import type { IncomingMessage } from 'node:http';
import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { type ApiClient, ApiRefusal } from '../client/api-client.ts';
import { type LogFrame, readFrames } from '../client/log-frames.ts';
import { defineCommand, type OptionValues } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { CommandFailure, EXIT } from '../command/exit-codes.ts';
import { writeBytes } from '../command/write-bytes.ts';
import { nodeName, slotName } from '../render/tasks.ts';
import { parseMoment } from './moment.ts';
import { namesOf } from './resolve.ts';

export const LOG_OPTIONS = {
  details: { kind: 'flag', help: 'show extra attributes of each line' },
  follow: { kind: 'flag', short: 'f', help: 'go on with what is written from now on' },
  'no-resolve': { kind: 'flag', help: 'show ids instead of names' },
  'no-task-ids': { kind: 'flag', help: 'leave the task ids out' },
  'no-trunc': { kind: 'flag', help: 'show task ids whole' },
  raw: { kind: 'flag', help: 'only the lines, without who wrote them' },
  since: { kind: 'text', value: 'time', help: 'from this time on: 2026-01-02T13:23:37Z, or 42m for the last 42 minutes (default: all)' },
  tail: { kind: 'text', short: 'n', value: 'number', help: 'only so many lines from the end of each task (default all)' },
  timestamps: { kind: 'flag', short: 't', help: 'show when each line was written' },
} as const;
type Options = OptionValues<typeof LOG_OPTIONS>;

export const logs = defineCommand({
  path: ['service', 'logs'],
  summary: 'Show what the tasks of a service, or one task, have written',
  arguments: [{ name: 'SERVICE|TASK', complete: 'service-or-task' }],
  options: LOG_OPTIONS,
  async run({ args, options, context }) {
    const api = await context.api();
    return printLogs(context, api, [await findSource(api, args[0] ?? '')], options);
  },
});

/** Prints the logs of all sources as their lines come, each line with who wrote it. Resolves with the exit code. */
export async function printLogs(context: Context, api: ApiClient, sources: readonly Source[], options: Options): Promise<number> {
  const query = buildQuery(options, context.clock.now());
  const printer = options.raw === true ? rawPrinter(context) : namedPrinter(context, api, options);
  const failures: CommandFailure[] = [];
  await Promise.all(
    sources.map(async ({ kind, id, name, tty }) => {
      try {
        const response = await api.logs(kind, id, query);
        if (tty) await printPlain(context, response);
        else await printFrames(readFrames(response), printer, name);
      } catch (error) {
        if (context.signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        failures.push(error instanceof CommandFailure ? error : new CommandFailure(`the log of ${name} broke off: ${reason}`, 1, error));
      }
    }),
  );
  if (context.signal.aborted) return EXIT.interrupted;
  const [first, ...others] = failures;
  if (first === undefined) return EXIT.ok;
  for (const { message } of others) context.terminal.err(`swarm: ${message}\n`);
  throw first;
}

export interface Source {
  readonly name: string;
  readonly kind: 'services' | 'tasks';
  readonly id: string;
  /** A terminal's output is not framed. */
  readonly tty: boolean;
}

async function findSource(api: ApiClient, term: string): Promise<Source> {
  try {
    const service = await api.service(term);
    return { kind: 'services', id: service.ID, name: term, tty: service.Spec.TaskTemplate.ContainerSpec?.TTY === true };
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.status !== 404) throw error;
  }
  try {
    const task = await api.task(term);
    return { kind: 'tasks', id: task.ID, name: term, tty: task.Spec.ContainerSpec?.TTY === true };
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.status !== 404) throw error;
    throw new CommandFailure(`no such task or service: ${term}`);
  }
}

function buildQuery(options: Options, now: number): string {
  const query = new URLSearchParams({ stdout: '1', stderr: '1', tail: options.tail ?? 'all' });
  if (options.raw !== true || options.details === true) query.set('details', '1');
  if (options.follow === true) query.set('follow', '1');
  if (options.timestamps === true) query.set('timestamps', '1');
  if (options.since !== undefined) query.set('since', parseMoment('since', options.since, now));
  return query.toString();
}

type FramePrinter = (frame: LogFrame) => Promise<void>;

async function printFrames(frames: AsyncIterable<LogFrame>, print: FramePrinter, term: string): Promise<void> {
  for await (const frame of frames) {
    if (frame.type === 'error') throw new CommandFailure(`the log of ${term}: ${Buffer.from(frame.text).toString('utf8').trim()}`);
    await print(frame);
  }
}

function rawPrinter({ streams }: Context): FramePrinter {
  return (frame) => writeBytes(frame.type === 'stderr' ? streams.stderr : streams.stdout, frame.text);
}

async function printPlain({ streams }: Context, response: IncomingMessage): Promise<void> {
  for await (const chunk of response as AsyncIterable<Buffer>) await writeBytes(streams.stdout, chunk);
}

/** `web.1.abcdefghijkl@host    | line`, as Docker prints it. */
function namedPrinter(context: Context, api: ApiClient, options: Options): FramePrinter {
  const names = new Map<string, string>();
  let widest = 0;
  return async (frame) => {
    let rest: Buffer = Buffer.from(frame.text);
    const nextWord = () => {
      const [word, after] = splitWord(rest);
      rest = after;
      return word;
    };
    const stamp = options.timestamps === true ? nextWord() : undefined;
    const details = new Map(
      nextWord()
        .split(',')
        .map((pair) => [unescapeQuery(pair.split('=', 1)[0] ?? ''), unescapeQuery(pair.slice(pair.indexOf('=') + 1))]),
    );
    const taskID = details.get(CONTAINER_LABELS.taskID);
    if (taskID === undefined)
      throw new CommandFailure('the daemon sent a log line that names no task; use --raw to see the lines as they are');
    let name = names.get(taskID);
    if (name === undefined) {
      name = await sourceName(api, taskID, options);
      names.set(taskID, name);
    }
    widest = Math.max(widest, name.length);
    const extra = options.details === true ? extraDetails(details) : undefined;
    const head = [stamp, `${name.padEnd(widest)}    |`, extra].filter((part) => part !== undefined);
    const { stdout, stderr } = context.streams;
    await writeBytes(frame.type === 'stderr' ? stderr : stdout, Buffer.concat([Buffer.from(`${head.join(' ')} `), rest]));
  };
}

/** The line itself stays bytes: a task may write what is no UTF-8, and a long line is cut anywhere. */
function splitWord(line: Buffer): readonly [word: string, rest: Buffer] {
  const space = line.indexOf(0x20);
  return space < 0 ? [line.toString('utf8'), Buffer.alloc(0)] : [line.toString('utf8', 0, space), line.subarray(space + 1)];
}

function unescapeQuery(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '));
}

function extraDetails(details: ReadonlyMap<string, string>): string | undefined {
  const own = new Set<string>([CONTAINER_LABELS.nodeID, CONTAINER_LABELS.serviceID, CONTAINER_LABELS.taskID]);
  const extra = [...details].filter(([key]) => key !== '' && !own.has(key)).map(([key, value]) => `${key}=${value}`);
  return extra.length === 0 ? undefined : extra.join(',');
}

const SHORT_ID = 12;

async function sourceName(api: ApiClient, taskID: string, options: Options): Promise<string> {
  const task = await api.task(taskID);
  const names = await namesOf(api, [task], options['no-resolve'] !== true);
  const id = options['no-task-ids'] === true ? '' : `.${options['no-trunc'] === true ? taskID : taskID.slice(0, SHORT_ID)}`;
  return `${slotName(task, names)}${id}@${nodeName(task, names)}`;
}
