import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { type Task, taskName } from '@swarm/shared/domain/objects';
import type { Clock } from '@swarm/shared/runtime/clock';
import { timestamp } from '@swarm/shared/runtime/clock';
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
  /** The tasks to read, asked again whenever tasks change while the log is followed. */
  readonly tasks: (tx: ReadTransaction) => readonly Task[];
  /** More tasks may come. Ends with the client only. */
  readonly open: boolean;
}

/**
 * Writes the logs of all tasks of a stream into one. A node that cannot be reached is named in a line of its own task,
 * on stderr, and the others go on. Rejects only for what nobody foresaw.
 */
export async function streamLogs(deps: LogStreamDeps, stream: LogStream): Promise<void> {
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
      if (active === 0 && waiting.length === 0 && !(stream.open && stream.query.follow)) settle();
    };
    const collect = (tx: ReadTransaction) => {
      for (const task of stream.tasks(tx)) {
        if (seen.has(task.ID) || !hasContainer(task)) continue;
        seen.add(task.ID);
        waiting.push(task);
      }
    };
    // Listening before the first look: no task can come between the two.
    const stop = stream.query.follow
      ? deps.store.watch((commit) => {
          if (!commit.changes.some((change) => change.table === 'tasks')) return;
          deps.store.view(collect);
          startNext();
        })
      : () => undefined;
    stream.sink.signal.addEventListener('abort', () => settle(new ClientGone()), { once: true });
    deps.store.view(collect);
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
  const { stdout, stderr, follow, timestamps, since, tail } = query;
  const lines = new LogLines({ tty });
  try {
    const chunks = await deps.logs.open(
      {
        nodeID: NodeID,
        taskID: task.ID,
        stdout,
        stderr,
        follow,
        timestamps,
        ...(since !== undefined && { since }),
        ...(tail !== undefined && { tail }),
      },
      signal,
    );
    for await (const chunk of chunks) for (const line of lines.push(chunk)) await write(line);
    for (const line of lines.end()) await write(line);
  } catch (error) {
    if (signal.aborted) throw new ClientGone();
    if (!(error instanceof TaskLogsUnavailable)) throw error;
    const name = deps.store.view((tx) => nameOf(tx, task));
    const prefix = timestamps ? `${timestamp(deps.clock.now())} ` : '';
    await write({ stream: stderr ? 2 : 1, text: Buffer.from(`${prefix}the log of ${name} cannot be read: ${error.message}\n`) });
  }
}

/** The task and its node in the user's words. */
function nameOf(tx: ReadTransaction, task: Task): string {
  const template = tx.templates.get(task.templateID);
  const name = template === undefined ? task.ID : taskName(template.serviceName, task, template.global);
  const node = task.NodeID === undefined ? undefined : tx.nodes.get(task.NodeID);
  const host = node?.Spec.Name ?? node?.Description?.Hostname ?? task.NodeID ?? '';
  return node === undefined ? `${name} on removed node ${host}` : `${name} on node ${host} (${node.Status.State})`;
}
