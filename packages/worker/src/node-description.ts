import type { NodeDescription } from '@swarm/shared/engine-api/cluster-spec';
import type { EngineInfo } from './engine/engine.ts';

/** What this node says of itself to its manager, from what its engine says. Source of the shape: contract §3.2. */
export function describeNode(info: EngineInfo): NodeDescription {
  // Cluster networks are ours to make, whatever the engine has.
  const plugins = [...info.plugins, { Type: 'Network', Name: 'overlay' }];
  const unique = new Map(plugins.map((plugin) => [`${plugin.Type} ${plugin.Name}`, plugin]));
  return {
    Hostname: info.hostname,
    Platform: { Architecture: info.architecture, OS: info.os },
    Resources: { NanoCPUs: info.nanoCPUs, MemoryBytes: info.memoryBytes },
    Engine: {
      EngineVersion: info.engineVersion,
      ...(Object.keys(info.labels).length === 0 ? {} : { Labels: info.labels }),
      Plugins: [...unique.values()].sort((a, b) => compare(a.Type, b.Type) || compare(a.Name, b.Name)),
    },
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
