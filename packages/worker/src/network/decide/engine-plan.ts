import { CLUSTER_LABEL, CONTAINER_LABELS, NETWORK_LABEL } from '@swarm/shared/domain/labels';
import { MTU_OPTION } from '@swarm/shared/domain/network-allocation';
import type { ContainerPlaces, EngineNetwork, NetworkCreateRequest } from '../../engine/engine.ts';
import type { DeviceNames } from './device-names.ts';
import type { HostNetwork } from './host-network.ts';

export interface NetworkOwner {
  readonly nodeID: string;
  readonly clusterID: string;
}

/** The labels that all engine networks of this daemon carry, and no others. */
export function ownLabels({ nodeID, clusterID }: NetworkOwner): readonly string[] {
  return [`${CLUSTER_LABEL}=${clusterID}`, `${CONTAINER_LABELS.nodeID}=${nodeID}`, NETWORK_LABEL];
}

/** The engine network of a network of the cluster; `present`: it is there as it must be. */
export interface EngineDecision {
  readonly present: EngineNetwork | undefined;
  /** Carries our label and is not as it must be: another gateway was given to this node, or it was there twice. */
  readonly stale: readonly EngineNetwork[];
}

export function decideEngineNetwork(network: HostNetwork, own: readonly EngineNetwork[], names: DeviceNames): EngineDecision {
  const candidates = own.filter(({ labels }) => labels[NETWORK_LABEL] === network.id);
  const present = candidates.find(
    ({ subnet, gateway, options }) =>
      subnet === network.subnet && gateway === network.gateway && options[BRIDGE_NAME] === names.bridge(network.vni),
  );
  return { present, stale: candidates.filter((candidate) => candidate !== present) };
}

const BRIDGE_NAME = 'com.docker.network.bridge.name';

/** What the engine gives to containers, also to new ones: that the underlay has changed since says nothing to it. */
export function mtuOfContainers({ options }: EngineNetwork): number | undefined {
  const mtu = Number(options[MTU_OPTION]);
  return Number.isInteger(mtu) && mtu > 0 ? mtu : undefined;
}

/**
 * A plain bridge whose engine may choose no address: its only one is the gateway, so that containers that someone
 * starts by hand never take an address of the cluster's. Docker's `--internal` is not used: some versions of the
 * engine forward no names in such networks.
 */
export function buildNetworkRequest(
  network: HostNetwork,
  options: { readonly name: string; readonly mtu: number; readonly owner: NetworkOwner; readonly unprotected: boolean },
  names: DeviceNames,
): NetworkCreateRequest {
  return {
    name: options.name,
    subnet: network.subnet,
    ipRange: `${network.gateway}/32`,
    gateway: network.gateway,
    options: {
      [BRIDGE_NAME]: names.bridge(network.vni),
      [MTU_OPTION]: String(options.mtu),
      // Engines that filter with nftables have no chain for rules of others: the guard is ours alone then.
      ...(options.unprotected ? { 'com.docker.network.bridge.gateway_mode_ipv4': 'nat-unprotected' } : {}),
    },
    labels: {
      [CLUSTER_LABEL]: options.owner.clusterID,
      [CONTAINER_LABELS.nodeID]: options.owner.nodeID,
      [NETWORK_LABEL]: network.id,
    },
  };
}

/**
 * The cluster's name, as tools read it from containers. Engines choose the network that comes first by name as the way
 * out: an internal one must not be it.
 */
export function engineNetworkName(network: HostNetwork, taken: ReadonlySet<string>): string {
  const name = network.internal ? `zz-${network.name}` : network.name;
  return taken.has(name) ? `${name}-${network.vni}` : name;
}

export interface Reconnection {
  readonly containerID: string;
  readonly address: string;
  readonly disconnectFirst: boolean;
}

/** Running containers that lost their place: someone disconnected them, or their bridge had to be made anew. */
export function decideReconnections(
  wanted: readonly { readonly taskID: string; readonly containerID?: string; readonly address: string }[],
  containers: readonly ContainerPlaces[],
  networkID: string,
  bridgeIsNew: boolean,
): readonly Reconnection[] {
  const byTask = new Map(containers.map((container) => [container.labels[CONTAINER_LABELS.taskID], container]));
  const byID = new Map(containers.map((container) => [container.containerID, container]));
  return wanted.flatMap(({ taskID, containerID, address }) => {
    const container = containerID === undefined ? byTask.get(taskID) : byID.get(containerID);
    // Whoever disconnects a container that is no task means it.
    if (container === undefined || (containerID !== undefined && !bridgeIsNew)) return [];
    const isPlaced = container.places.some((place) => place.networkID === networkID);
    return isPlaced && !bridgeIsNew ? [] : [{ containerID: container.containerID, address, disconnectFirst: isPlaced }];
  });
}
