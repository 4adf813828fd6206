import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { type Task, taskName } from '@swarm/shared/domain/objects';
import { isLive } from '@swarm/shared/domain/task-state';
import { StreamBroken } from '@swarm/shared/protocol/byte-stream';
import { type Clock, delay, timestamp } from '@swarm/shared/runtime/clock';
import { type TaskLogs, TaskLogsUnavailable } from '../../seams/task-logs.ts';
import type { ReadTransaction, Store } from '../../store/store.ts';
import { addDetails, encodeDetails, frameHeader, type LogLine, LogLines } from './log-lines.ts';
import type { LogQuery } from './log-query.ts';
import { ClientGone, type LogSink } from './log-sink.ts';

/** How many tasks of a service are read at once when nothing is followed. */
const PARALLEL_READS = 16;

export interface LogStreamDeps {
  readonly store: Store;
  readonly logs: TaskLogs;
  readonly clock: Clock;
}

export interface LogStream {
  readonly query: LogQuery;
  readonly sink: LogSink;
  /** Whether the tasks have a terminal: then the stream has no frames. */
  readonly tty: boolean;
  /** The tasks to read. */
  readonly tasks: (tx: ReadTransaction) => readonly Task[];
  /** Whether a task that has come or changed while the log is followed is one of them. */
  readonly has: (task: Task) => boolean;
  /** More tasks may come. Ends with the client only. */
  readonly open: boolean;
}

/**
 * Writes the logs of all tasks of a stream into one. A node that cannot be reached is named in a line of its own task,
 * on stderr, and the others go on. Rejects only for what nobody foresaw.
 */
export async function streamLogs(deps: LogStreamDeps, stream: LogStream): Promise<void> {
  /** Of those that the store still has: whoever follows a service for weeks sees very many tasks. */
  const seen = new Set<string>();
  const waiting: Task[] = [];
  const failed = new AbortController();
  const signal = AbortSignal.any([stream.sink.signal, failed.signal]);
  const limit = stream.query.follow ? Number.POSITIVE_INFINITY : PARALLEL_READS;
  let active = 0;

  await new Promise<void>((resolve, reject) => {
    const settle = (error?: unknown) => {
      stop();
      failed.abort(error);
      if (error === undefined || error instanceof ClientGone) resolve();
      else reject(error);
    };
    // A task that has no container yet has no log yet: who follows it waits for that.
    const moreMayCome = () =>
      stream.query.follow && (stream.open || deps.store.view((tx) => stream.tasks(tx).some((task) => !seen.has(task.ID) && isLive(task))));
    const startNext = () => {
      while (active < limit) {
        const task = waiting.shift();
        if (task === undefined) break;
        active += 1;
        copyTaskLog(deps, stream, task, signal).then(() => {
          active -= 1;
          startNext();
        }, settle);
      }
      if (active === 0 && waiting.length === 0 && !moreMayCome()) settle();
    };
    const collect = (tasks: readonly Task[]) => {
      for (const task of tasks) {
        if (seen.has(task.ID) || !hasContainer(task)) continue;
        seen.add(task.ID);
        waiting.push(task);
      }
    };
    // Listening before the first look: no task can come between the two.
    const stop = stream.query.follow
      ? deps.store.watch((commit) => {
          const changes = commit.changes.filter((change) => change.table === 'tasks');
          const own = changes.filter(({ before, after }) => [before, after].some((task) => task !== undefined && stream.has(task)));
          if (own.length === 0) return;
          for (const { id, after } of own) if (after === undefined) seen.delete(id);
          collect(own.flatMap(({ after }) => after ?? []));
          startNext();
        })
      : () => undefined;
    stream.sink.signal.addEventListener('abort', () => settle(new ClientGone()), { once: true });
    if (stream.sink.signal.aborted) {
      settle(new ClientGone());
      return;
    }
    collect(deps.store.view(stream.tasks));
    startNext();
  });
}

function hasContainer(task: Task): boolean {
  return task.NodeID !== undefined && (task.Status.ContainerStatus?.ContainerID ?? '') !== '';
}

async function copyTaskLog(deps: LogStreamDeps, stream: LogStream, task: Task, signal: AbortSignal): Promise<void> {
  const { query, sink, tty } = stream;
  const { NodeID = '' } = task;
  const details = encodeDetails({
    [CONTAINER_LABELS.nodeID]: NodeID,
    [CONTAINER_LABELS.serviceID]: task.ServiceID,
    [CONTAINER_LABELS.taskID]: task.ID,
  });
  const write = async (line: LogLine) => {
    const text = query.details ? addDetails(line.text, details, query.timestamps) : line.text;
    await sink.write(tty ? text : Buffer.concat([frameHeader(line.stream, text.length), text]));
  };
  const tell = async (what: string) => {
    const name = deps.store.view((tx) => nameOf(tx, task));
    const prefix = query.timestamps ? `${timestamp(deps.clock.now())} ` : '';
    await write({ stream: query.stderr ? 2 : 1, text: Buffer.from(`${prefix}the log of ${name} ${what}\n`) });
  };
  const position: LogPosition = {};
  let broken = false;
  for (;;) {
    try {
      for await (const line of readTaskLog(deps, stream, task, position, signal)) {
        broken = false;
        await write(line);
      }
      return;
    } catch (error) {
      if (signal.aborted) throw new ClientGone();
      if (!(error instanceof TaskLogsUnavailable) && !(error instanceof StreamBroken)) throw error;
      const goesOn = query.follow && mayComeBack(deps.store, task);
      if (!broken || !goesOn) await tell(`cannot be read: ${error.message}${goesOn ? '; it goes on when the node is back' : ''}`);
      if (!goesOn) return;
      broken = true;
    }
    await delay(deps.clock, REOPEN_AFTER_MS, signal).catch(() => {
      throw new ClientGone();
    });
    if (!mayComeBack(deps.store, task)) return;
  }
}

/** How long until a followed log that broke off is asked for again. */
const REOPEN_AFTER_MS = 2_000;

/** How far a log has been read: where it goes on after a break. */
interface LogPosition {
  /** The time of the last line in the engine's own words, where the client wants times. */
  lastTimestamp?: string;
  /** Else when it came, in Unix seconds: hosts' clocks that differ may repeat or lose lines around a break. */
  lastArrival?: number;
}

const MS_PER_SECOND = 1_000;

async function* readTaskLog(
  deps: LogStreamDeps,
  { query, tty }: LogStream,
  task: Task,
  position: LogPosition,
  signal: AbortSignal,
): AsyncGenerator<LogLine> {
  const { stdout, stderr, follow, timestamps } = query;
  const { lastTimestamp, lastArrival } = position;
  const started = lastArrival !== undefined;
  const since = started ? (lastTimestamp === undefined ? lastArrival : Date.parse(lastTimestamp) / MS_PER_SECOND) : query.since;
  const tail = started ? undefined : query.tail;
  const lines = new LogLines({ tty });
  const request = { nodeID: task.NodeID ?? '', taskID: task.ID, stdout, stderr, follow, timestamps };
  const chunks = await deps.logs.open({ ...request, ...(since !== undefined && { since }), ...(tail !== undefined && { tail }) }, signal);
  const note = (line: LogLine): boolean => {
    const time = timestamps ? line.text.subarray(0, line.text.indexOf(SPACE)).toString() : undefined;
    // The engine repeats the last line before the break; its times have a fixed length, so they compare as text.
    if (time !== undefined && lastTimestamp !== undefined && time <= lastTimestamp) return false;
    position.lastArrival = deps.clock.now() / MS_PER_SECOND;
    if (time !== undefined) position.lastTimestamp = time;
    return true;
  };
  for await (const chunk of chunks) for (const line of lines.push(chunk)) if (note(line)) yield line;
  for (const line of lines.end()) if (note(line)) yield line;
}

const SPACE = 0x20;

/** A task that still stands in the store, not yet known to have ended, on a node that has not been removed. */
function mayComeBack(store: Store, task: Task): boolean {
  return store.view((tx) => {
    const now = tx.tasks.get(task.ID);
    return now !== undefined && isLive(now) && now.NodeID !== undefined && tx.nodes.get(now.NodeID) !== undefined;
  });
}

/** The task and its node in the user's words. */
function nameOf(tx: ReadTransaction, task: Task): string {
  const template = tx.templates.get(task.templateID);
  const name = template === undefined ? task.ID : taskName(template.serviceName, task, template.global);
  const node = task.NodeID === undefined ? undefined : tx.nodes.get(task.NodeID);
  const host = node?.Spec.Name ?? node?.Description?.Hostname ?? task.NodeID ?? '';
  return node === undefined ? `${name} on removed node ${host}` : `${name} on node ${host} (${node.Status.State})`;
}
