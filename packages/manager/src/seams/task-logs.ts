/** One task's log, wherever it runs. Served by the dispatcher, used by the API. */
export interface TaskLogs {
  /**
   * Opens the log of a task's container over its worker's own connection. Chunks are as the engine frames them.
   * Ends when the log ends, or when `signal` is aborted. A slow reader holds back only its own stream.
   * @throws TaskLogsUnavailable when the node is not connected, or the worker has no such container.
   */
  open(request: TaskLogRequest, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

export interface TaskLogRequest {
  readonly nodeID: string;
  readonly taskID: string;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** Unix seconds, fraction allowed. */
  readonly since?: number;
  /** Lines from the end; absent: all. */
  readonly tail?: number;
  /** The engine puts its own RFC 3339 timestamp before each line. */
  readonly timestamps: boolean;
}

export class TaskLogsUnavailable extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TaskLogsUnavailable';
  }
}
