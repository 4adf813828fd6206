import { DESCRIPTION_LIMITS, type NodeDescription } from '@swarm/shared/engine-api/cluster-spec';
import type { EngineInfo } from './engine/engine.ts';

const { hostname, word, labels, labelName, labelValue, plugins, plugin } = DESCRIPTION_LIMITS;

/** What this node says of itself to its manager, from what its engine says, within `DESCRIPTION_LIMITS`. Source of the shape: contract §3.2. */
export function describeNode(info: EngineInfo): NodeDescription {
  // Cluster networks are ours to make, whatever the engine has.
  const told = info.plugins.filter(({ Type, Name }) => Type.length <= word && Name.length <= plugin).slice(0, plugins - 1);
  const unique = new Map([...told, { Type: 'Network', Name: 'overlay' }].map((one) => [`${one.Type} ${one.Name}`, one]));
  const ownLabels = toldLabels(info);
  return {
    Hostname: info.hostname.slice(0, hostname),
    Platform: { Architecture: info.architecture.slice(0, word), OS: info.os.slice(0, word) },
    Resources: { NanoCPUs: info.nanoCPUs, MemoryBytes: info.memoryBytes },
    Engine: {
      EngineVersion: info.engineVersion.slice(0, word),
      ...(ownLabels.length === 0 ? {} : { Labels: Object.fromEntries(ownLabels) }),
      Plugins: [...unique.values()].sort((a, b) => compare(a.Type, b.Type) || compare(a.Name, b.Name)),
    },
  };
}

/** How many of the engine's labels the manager does not hear of. */
export function countUntoldLabels(info: EngineInfo): number {
  return Object.keys(info.labels).length - toldLabels(info).length;
}

/** Whole or not at all: part of a value would meet constraints that the value does not. */
function toldLabels(info: EngineInfo): [string, string][] {
  return Object.entries(info.labels)
    .filter(([name, value]) => name.length <= labelName && value.length <= labelValue)
    .sort(([a], [b]) => compare(a, b))
    .slice(0, labels);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
