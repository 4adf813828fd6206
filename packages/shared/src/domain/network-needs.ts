import type { EndpointSpec, PortConfig } from '../engine-api/service-spec.ts';
import type { NetworkService } from '../protocol/network-state.ts';
import { asID, type NetworkID } from '../runtime/ids.ts';
import { INGRESS_LABEL } from './labels.ts';
import type { Service, Task, Template } from './objects.ts';
import { predefinedNetwork } from './predefined-networks.ts';
import { compareStates, isWanted } from './task-state.ts';

/** What services and tasks need of the cluster's networks: asked by admission, allocator and dispatcher alike. */

export function isIngressPort(port: PortConfig): boolean {
  return (port.PublishMode ?? 'ingress') === 'ingress';
}

export function hasIngressPorts(endpoint: EndpointSpec | undefined): boolean {
  return (endpoint?.Ports ?? []).some(isIngressPort);
}

export function isIngressMode(word: string): word is NetworkService['ingressMode'] {
  return word === 'mesh' || word === 'local';
}

export function ingressMode(labels: Readonly<Record<string, string>>): NetworkService['ingressMode'] {
  return labels[INGRESS_LABEL] === 'local' ? 'local' : 'mesh';
}

/** The cluster's networks that the tasks of a template have addresses in: those of its spec in their order, then ingress. */
export function networksNeeded(template: Pick<Template, 'spec' | 'endpoint'>, ingressID: NetworkID | undefined): readonly NetworkID[] {
  const own = (template.spec.Networks ?? []).map(({ Target = '' }) => Target).filter((target) => predefinedNetwork(target) === undefined);
  const ingress = hasIngressPorts(template.endpoint) && ingressID !== undefined ? [ingressID] : [];
  return [...own.map(asID<NetworkID>), ...ingress];
}

/** The networks in which a service has a virtual IP. */
export function vipNetworks(service: Pick<Service, 'Spec'>, ingressID: NetworkID | undefined): readonly NetworkID[] {
  const { TaskTemplate, EndpointSpec } = service.Spec;
  if (EndpointSpec?.Mode === 'dnsrr') return [];
  return networksNeeded({ spec: TaskTemplate, ...(EndpointSpec !== undefined && { endpoint: EndpointSpec }) }, ingressID);
}

/**
 * A task that its node may not have yet: it has been placed, and waits for its addresses. One that nobody wants any
 * more goes to its node as it is, so that it can end.
 */
export function waitsForAddresses(task: Pick<Task, 'DesiredState' | 'Status' | 'attachments'>, needed: readonly NetworkID[]): boolean {
  if (compareStates(task.Status.State, 'assigned') !== 0 || !isWanted(task.DesiredState)) return false;
  return needed.some((networkID) => task.attachments?.some((attachment) => attachment.networkID === networkID) !== true);
}
