import { addressOf } from '@swarm/shared/domain/ipv4';
import { STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import { isEncrypted, MTU_OPTION } from '@swarm/shared/domain/network-allocation';
import { ingressMode, isIngressPort, networksNeeded } from '@swarm/shared/domain/network-needs';
import {
  dataPathAddress,
  type Gateway,
  type Guest,
  type Network,
  type Node,
  type Service,
  type Task,
  type Template,
  taskName,
} from '@swarm/shared/domain/objects';
import { isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import type { PortConfig } from '@swarm/shared/engine-api/service-spec';
import {
  MAX_NETWORK_NAME,
  type NetworkDefinition,
  type NetworkEndpoint,
  type NetworkPeer,
  type NetworkService,
} from '@swarm/shared/protocol/network-state';

/** What the nodes of a network are told, derived from stored objects alone: any manager derives the same. */

export const DEFAULT_DATA_PATH_PORT = 4789;

export function definitionOf({ ID, Spec, allocation, keys }: Network, dataPathPort: number): NetworkDefinition | undefined {
  const subnet = allocation?.configs[0]?.Subnet;
  if (allocation === undefined || subnet === undefined) return undefined;
  const { Options = {} } = Spec;
  const mtu = Options[MTU_OPTION];
  return {
    ID,
    name: Spec.Name,
    vni: allocation.vni,
    subnet,
    vipRange: allocation.vipRange,
    internal: Spec.Internal === true,
    ingress: Spec.Ingress === true,
    attachable: Spec.Attachable === true,
    encrypted: isEncrypted(Spec),
    ...(mtu !== undefined && { mtu: Number(mtu) }),
    ...(dataPathPort !== DEFAULT_DATA_PATH_PORT && { dataPathPort }),
    ...(keys !== undefined && { keys: keys.map(({ number, secret, sending }) => ({ number, secret, sending })) }),
  };
}

/** Undefined while nobody knows where the node is. */
export function peerOf(gateway: Gateway | undefined, node: Node | undefined): NetworkPeer | undefined {
  const address = node === undefined ? '' : dataPathAddress(node);
  if (gateway === undefined || node === undefined || address === '') return undefined;
  return { nodeID: node.ID, address, gateway: gateway.address };
}

export function serviceEntry(service: Service | undefined, network: Network): NetworkService | undefined {
  if (service === undefined) return undefined;
  const { ID, Spec, Endpoint } = service;
  const isIngress = network.Spec.Ingress === true;
  const endpoint = Spec.EndpointSpec;
  const needed = networksNeeded({ spec: Spec.TaskTemplate, ...(endpoint && { endpoint }) }, isIngress ? network.ID : undefined);
  if (!needed.includes(network.ID)) return undefined;
  const vip = Endpoint.VirtualIPs?.find(({ NetworkID }) => NetworkID === network.ID)?.Addr;
  return {
    ID,
    name: Spec.Name,
    aliases: isIngress ? [] : aliasesOf(service, network.ID),
    ...(vip !== undefined && { vip: addressOf(vip) }),
    ports: isIngress ? (Endpoint.Ports ?? []).flatMap(publishedPort) : [],
    ingressMode: ingressMode(Spec.Labels),
  };
}

/** The short name within its stack, and what the user gave; sorted, so that equal services are equal entries. */
function aliasesOf({ Spec }: Service, networkID: string): readonly string[] {
  const given = Spec.TaskTemplate.Networks?.find(({ Target }) => Target === networkID)?.Aliases ?? [];
  const stack = Spec.Labels[STACK_NAMESPACE_LABEL];
  const short = stack !== undefined && Spec.Name.startsWith(`${stack}_`) ? [Spec.Name.slice(stack.length + 1)] : [];
  // What a node would not read would end its session, and that of every other with the network.
  const isName = (alias: string) => alias !== '' && alias.length <= MAX_NETWORK_NAME && alias !== Spec.Name;
  return [...new Set([...short, ...given])].filter(isName).sort();
}

function publishedPort(port: PortConfig): NetworkService['ports'] {
  const { PublishedPort: published = 0, TargetPort: target = 0, Protocol: protocol = 'tcp' } = port;
  return isIngressPort(port) && published > 0 && target > 0 ? [{ protocol, published, target }] : [];
}

export function endpointEntry(
  task: Task | undefined,
  template: Pick<Template, 'serviceName' | 'global'> | undefined,
  node: Node | undefined,
  networkID: string,
): NetworkEndpoint | undefined {
  const cidr = task?.attachments?.find((attachment) => attachment.networkID === networkID)?.addresses[0];
  if (task?.NodeID === undefined || cidr === undefined || isTerminal(task.Status.State)) return undefined;
  return {
    taskID: task.ID,
    serviceID: task.ServiceID,
    nodeID: task.NodeID,
    address: addressOf(cidr),
    name: taskName(template?.serviceName ?? '', task, template?.global === true),
    serving: isServing(task) && node !== undefined && node.Status.State !== 'down',
  };
}

/** Undefined before its container is made: nobody can be there. */
export function guestEntry(guest: Guest | undefined, node: Node | undefined): NetworkEndpoint | undefined {
  if (guest?.address === undefined || guest.containerID === undefined) return undefined;
  const { ID, nodeID, address, containerID, name, aliases, running } = guest;
  return {
    taskID: ID,
    nodeID,
    address,
    containerID,
    name: name || containerID,
    ...(aliases.length > 0 && { aliases }),
    serving: running && node !== undefined && node.Status.State !== 'down',
  };
}

/** Gets traffic, as far as the task itself goes: it runs, is healthy where that is checked, and is not about to stop. */
export function isServing(task: Task): boolean {
  // A worker that stops an unhealthy container says so as long as that takes; of others that run it has nothing to say.
  return task.Status.State === 'running' && (task.Status.Err ?? '') === '' && isWanted(task.DesiredState);
}
