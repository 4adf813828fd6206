import type { NodeDescription } from '@swarm/shared/engine-api/cluster-spec';
import type { GenericResource } from '@swarm/shared/engine-api/service-spec';
import { type ContainerEngine, EngineError, type EngineInfo } from '../engine/engine.ts';

/** What this host adds to what its engine says of itself. */
export interface HostFacts {
  readonly genericResources?: readonly GenericResource[];
  readonly tls?: NodeDescription['TLSInfo'];
}

export function describeNode(info: EngineInfo, host: HostFacts): NodeDescription {
  return {
    Hostname: info.hostname,
    Platform: { Architecture: info.architecture, OS: info.os },
    Resources: {
      NanoCPUs: info.nanoCPUs,
      MemoryBytes: info.memoryBytes,
      ...(host.genericResources === undefined ? {} : { GenericResources: host.genericResources }),
    },
    Engine: { EngineVersion: info.engineVersion, Labels: info.labels, Plugins: info.plugins },
    ...(host.tls === undefined ? {} : { TLSInfo: host.tls }),
  };
}

/** The `describe` of a session: undefined while the engine does not answer within `timeoutMs`. */
export function engineDescriber(engine: ContainerEngine, host: () => HostFacts, timeoutMs: number) {
  return async (): Promise<NodeDescription | undefined> => {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      return describeNode(await engine.info(timeout), host());
    } catch (error) {
      if (error instanceof EngineError || timeout.aborted) return undefined;
      throw error;
    }
  };
}
