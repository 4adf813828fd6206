import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import type { LogStreamOptions } from '@swarm/shared/protocol/session';
import { type ContainerEngine, EngineError } from '../engine/engine.ts';

/**
 * The `openLog` of a session: finds the task's container by its labels, so that only containers of our own tasks can be
 * read. `clusterID` is undefined before the first welcome, when nobody can ask.
 */
export function taskLogOpener(engine: ContainerEngine, clusterID: () => string | undefined) {
  return async (taskID: string, options: LogStreamOptions, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> => {
    const containers = await engine.listContainers([`${CLUSTER_LABEL}=${clusterID() ?? ''}`, `${CONTAINER_LABELS.taskID}=${taskID}`]);
    const container = containers[0];
    if (container === undefined) {
      throw new EngineError('not-found', `task ${taskID} has no container on its node: it was not created yet, or has been removed`);
    }
    return engine.containerLogs(container.id, { ...options, details: false }, signal);
  };
}
