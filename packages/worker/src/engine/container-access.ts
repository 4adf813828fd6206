import type { CallHead, ContainerCall } from '@swarm/shared/protocol/container-call';

/**
 * The second, narrow seam to the engine: calls that somebody elsewhere in the cluster makes on one container. What
 * passes is the engine's own: status, body, raw connection.
 */
export interface ContainerAccess {
  /**
   * Resolves once the engine has answered the head; `input` is the request's body or the raw connection's input, read
   * as fast as the engine takes it, its end passed on. @throws EngineError `unavailable` when the engine does not answer.
   */
  call(containerID: string, call: ContainerCall, input: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<ContainerAnswer>;
  /** The container an exec runs in; undefined when the engine knows no such exec. @throws EngineError */
  execContainer(execID: string): Promise<string | undefined>;
}

export interface ContainerAnswer {
  readonly head: CallHead;
  /** Body or raw output. Whoever stops reading early aborts the call's signal. */
  readonly output: AsyncIterable<Uint8Array>;
}
