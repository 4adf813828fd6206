import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import type { Logger } from '@swarm/shared/runtime/logger';
import type { ContainerEngine } from '../engine/engine.ts';

const AT_ONCE = 16;

/** Stops, each by its own grace, and removes all containers that this node made for its cluster, and no other. */
export async function removeNodeContainers(deps: {
  readonly engine: ContainerEngine;
  readonly logger: Logger;
  readonly nodeID: string;
  readonly clusterID: string;
}): Promise<void> {
  const { engine, logger, nodeID, clusterID } = deps;
  const ours = await engine.listContainers([`${CLUSTER_LABEL}=${clusterID}`, `${CONTAINER_LABELS.nodeID}=${nodeID}`]);
  const left = [...ours];
  async function removeNext(): Promise<void> {
    for (let container = left.pop(); container !== undefined; container = left.pop()) {
      await engine.stopContainer(container.id, undefined);
      await engine.removeContainer(container.id);
      logger.info({ containerID: container.id, name: container.name }, 'container removed: this node leaves its cluster');
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, removeNext));
}
