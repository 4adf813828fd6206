import type { NodeDescription } from '@swarm/shared/engine-api/cluster-spec';
import { type ContainerEngine, EngineError } from '../engine/engine.ts';
import { describeNode } from '../node-description.ts';

/** A healthy engine answers in milliseconds; one that does not is asked again. */
const TIMEOUT_MS = 5_000;

/** The `describe` of a session: undefined while the engine does not answer. */
export function engineDescriber(engine: ContainerEngine) {
  return async (): Promise<NodeDescription | undefined> => {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    try {
      return describeNode(await engine.info(timeout));
    } catch (error) {
      if (error instanceof EngineError || timeout.aborted) return undefined;
      throw error;
    }
  };
}
