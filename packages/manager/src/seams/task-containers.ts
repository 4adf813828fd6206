import type { ByteStream } from '@swarm/shared/protocol/byte-stream';
import type { CallHead, ContainerCall } from '@swarm/shared/protocol/container-call';

/** Calls on tasks' containers, wherever they run. Served by the dispatcher over the workers' own connections, used by the API. */
export interface TaskContainers {
  /**
   * Opens one call. The caller ends and destroys the stream of the exchange; an abort of `signal` before that does too.
   * @throws ApiError 503 when the node is not connected or has too much to do.
   */
  open(place: ContainerPlace, call: ContainerCall, signal: AbortSignal): Promise<ContainerExchange>;
  /** An exec was made there: calls that name it will go there. Forgotten after a while without use, the oldest first when many are kept. */
  rememberExec(execID: string, place: ContainerPlace): void;
  findExec(execID: string): ContainerPlace | undefined;
}

/** Which task's container, and where. */
export interface ContainerPlace {
  readonly nodeID: string;
  readonly taskID: string;
}

export interface ContainerExchange {
  /** `write` and `end` are the request's body or the raw connection's input. */
  readonly stream: ByteStream;
  /** To be called once. @throws StreamBroken */
  answer(): Promise<{ readonly head: CallHead; readonly output: AsyncIterable<Uint8Array> }>;
}
