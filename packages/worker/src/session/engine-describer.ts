import { DESCRIPTION_LIMITS, type NodeDescription } from '@swarm/shared/engine-api/cluster-spec';
import type { Logger } from '@swarm/shared/runtime/logger';
import { type ContainerEngine, EngineError } from '../engine/engine.ts';
import { countUntoldLabels, describeNode } from '../node-description.ts';

/** A healthy engine answers in milliseconds; one that does not is asked again. */
const TIMEOUT_MS = 5_000;

/** The `describe` of a session: undefined while the engine does not answer. */
export function engineDescriber(engine: ContainerEngine, logger: Logger) {
  let untold = 0;
  return async (): Promise<NodeDescription | undefined> => {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    try {
      const info = await engine.info(timeout);
      const count = countUntoldLabels(info);
      if (count !== untold && count > 0) {
        const { labels, labelName, labelValue } = DESCRIPTION_LIMITS;
        logger.warn(
          { labels: count },
          `labels of the engine are left out of what the cluster knows of this node: it takes ${labels}, with names of ${labelName} characters and values of ${labelValue}; constraints do not see the others`,
        );
      }
      untold = count;
      return describeNode(info);
    } catch (error) {
      if (error instanceof EngineError || timeout.aborted) return undefined;
      throw error;
    }
  };
}
