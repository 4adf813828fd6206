import { isEncrypted } from '@swarm/shared/domain/network-allocation';
import { networksNeeded } from '@swarm/shared/domain/network-needs';
import type { Template } from '@swarm/shared/domain/objects';
import type { NetworkSpec } from '@swarm/shared/engine-api/payload-specs';
import type { Placement, TaskSpec } from '@swarm/shared/engine-api/service-spec';
import { asID, type NetworkID } from '@swarm/shared/runtime/ids';
import { buildGenericDemand, type GenericDemand, NO_GENERIC } from './generic-resources.ts';

/**
 * What the tasks of one template ask of a node, read out of the template once. Tasks with the same `key` fit the same
 * nodes, whatever service they belong to: they share one candidate index.
 */
export interface Demand {
  /** Empty when the tasks fit every node that is ready. */
  readonly key: string;
  /** The key of the same demand without what it takes of a node: see `withoutLoad`. */
  readonly nodeKey: string;
  readonly nanoCPUs: number;
  readonly memoryBytes: number;
  readonly generic: GenericDemand;
  readonly plugins: readonly PluginDemand[];
  /** The tasks are in networks between hosts: their own, or ingress. */
  readonly networks: boolean;
  /** Ids of those among them that are encrypted, which not every kernel can do. */
  readonly encrypted: readonly string[];
  readonly placement: Placement | undefined;
  /** `protocol/port`. */
  readonly hostPorts: readonly string[];
  /** Tasks of the service per node; 0 is no limit. Not part of the key: it looks at the service's own tasks. */
  readonly maxReplicas: number;
  readonly spread: readonly SpreadLabel[];
}

export interface PluginDemand {
  readonly type: 'Volume' | 'Network' | 'Log';
  readonly name: string;
}

export interface SpreadLabel {
  readonly owner: 'node' | 'engine';
  readonly label: string;
}

/** Drivers that need no plugin: the engine has them built in, or (overlay) the cluster's own network takes their place. */
const BUILT_IN_NETWORK_DRIVERS = new Set(['', 'overlay', 'bridge', 'host', 'none', 'null']);

/** `networkSpec` gives the spec of a cluster network by its id. */
export function buildDemand(
  template: Pick<Template, 'spec' | 'endpoint'>,
  networkSpec: (networkID: string) => NetworkSpec | undefined,
): Demand {
  const { spec } = template;
  const reservations = spec.Resources?.Reservations;
  const ofNode = {
    plugins: readPlugins(spec, networkSpec),
    networks: networksNeeded(template, ANY_INGRESS).length > 0,
    encrypted: readEncrypted(template, networkSpec),
    placement: spec.Placement,
    spread: readSpread(spec.Placement),
  };
  const ofLoad = {
    nanoCPUs: reservations?.NanoCPUs ?? 0,
    memoryBytes: reservations?.MemoryBytes ?? 0,
    generic: buildGenericDemand(reservations?.GenericResources),
    hostPorts: readHostPorts(template),
  };
  const nodeKey = nodeKeyOf(ofNode);
  return { ...ofNode, ...ofLoad, maxReplicas: spec.Placement?.MaxReplicas ?? 0, key: nodeKey + loadKeyOf(ofLoad), nodeKey };
}

function readHostPorts({ endpoint }: Pick<Template, 'endpoint'>): readonly string[] {
  const ports = endpoint?.Ports ?? NONE;
  if (ports.length === 0) return NONE;
  const onHost = ports.filter((port) => port.PublishMode === 'host' && (port.PublishedPort ?? 0) > 0);
  return [...new Set(onHost.map((port) => `${port.Protocol ?? 'tcp'}/${port.PublishedPort}`))];
}

function readEncrypted(
  template: Pick<Template, 'spec' | 'endpoint'>,
  networkSpec: (networkID: string) => NetworkSpec | undefined,
): readonly string[] {
  if ((template.spec.Networks ?? NONE).length === 0) return NONE;
  return networksNeeded(template, undefined).filter((id) => isEncryptedNetwork(networkSpec(id)));
}

/** One for all: most demands ask little, and there may be one for each of a hundred thousand services. */
const NONE: readonly never[] = [];

function isEncryptedNetwork(spec: NetworkSpec | undefined): boolean {
  return spec !== undefined && isEncrypted(spec);
}

/** Whichever it is: only whether it is needed counts here. */
const ANY_INGRESS = asID<NetworkID>('ingress');

const NO_LOAD = { nanoCPUs: 0, memoryBytes: 0, generic: NO_GENERIC, hostPorts: NONE } as const;

/** What the demand asks of the node object alone, whatever is on the node already. */
export function withoutLoad(demand: Demand): Demand {
  return { ...demand, ...NO_LOAD, key: demand.nodeKey };
}

function readPlugins(spec: TaskSpec, networkSpec: (networkID: string) => NetworkSpec | undefined): readonly PluginDemand[] {
  const plugins: PluginDemand[] = [];
  for (const mount of spec.ContainerSpec?.Mounts ?? NONE) {
    const name = mount.Type === 'volume' ? (mount.VolumeOptions?.DriverConfig?.Name ?? '') : '';
    if (name !== '' && name !== 'local') plugins.push({ type: 'Volume', name });
  }
  for (const { Target = '' } of spec.Networks ?? NONE) {
    const name = networkSpec(Target)?.Driver ?? '';
    if (!BUILT_IN_NETWORK_DRIVERS.has(name)) plugins.push({ type: 'Network', name });
  }
  const log = spec.LogDriver?.Name ?? '';
  if (log !== '' && log !== 'none') plugins.push({ type: 'Log', name: log });
  return plugins.length === 0 ? NONE : plugins;
}

/** Only spreading over a label is defined; any other descriptor is ignored. */
function readSpread(placement: Placement | undefined): readonly SpreadLabel[] {
  const preferences = placement?.Preferences ?? NONE;
  if (preferences.length === 0) return NONE;
  return preferences.flatMap(({ Spread }) => {
    const descriptor = Spread?.SpreadDescriptor ?? '';
    const known = SPREADABLE.find(
      ({ prefix }) => descriptor.length > prefix.length && descriptor.slice(0, prefix.length).toLowerCase() === prefix,
    );
    return known === undefined ? NONE : { owner: known.owner, label: descriptor.slice(known.prefix.length) };
  });
}

const SPREADABLE = [
  { owner: 'node', prefix: 'node.labels.' },
  { owner: 'engine', prefix: 'engine.labels.' },
] as const;

/** JSON, or empty when the tasks fit every node that is ready. */
function nodeKeyOf({
  plugins,
  networks,
  encrypted,
  placement,
  spread,
}: Omit<Demand, 'key' | 'nodeKey' | 'maxReplicas' | keyof typeof NO_LOAD>): string {
  const constraints = placement?.Constraints ?? NONE;
  const platforms = placement?.Platforms ?? NONE;
  // Only what is asked, each with its name before it: writing this text is most of what a template costs.
  const asked: unknown[] = [];
  if (plugins.length > 0) asked.push('plugins', plugins);
  if (networks) asked.push('networks', encrypted);
  if (constraints.length > 0) asked.push('constraints', constraints);
  if (platforms.length > 0) asked.push('platforms', platforms);
  if (spread.length > 0) asked.push('spread', spread);
  return asked.length === 0 ? '' : JSON.stringify(asked);
}

/** Stands behind the other key. JSON shows its own end, so the two together cannot be read in another way. */
function loadKeyOf({ nanoCPUs, memoryBytes, generic, hostPorts }: Pick<Demand, keyof typeof NO_LOAD>): string {
  const wantsGeneric = generic.discrete.length + generic.named.length > 0;
  if (nanoCPUs === 0 && memoryBytes === 0 && !wantsGeneric && hostPorts.length === 0) return '';
  const rest = wantsGeneric || hostPorts.length > 0 ? JSON.stringify([generic, hostPorts]) : '';
  return `|${nanoCPUs} ${memoryBytes}${rest}`;
}
