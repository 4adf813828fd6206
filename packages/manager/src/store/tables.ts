import { dependenciesOf } from '@swarm/shared/domain/depends-on';
import { ROTATES_LABEL } from '@swarm/shared/domain/labels';
import type {
  Client,
  Cluster,
  Config,
  Gateway,
  Guest,
  Network,
  Node,
  Secret,
  Service,
  StackRevision,
  Task,
  Template,
} from '@swarm/shared/domain/objects';

/** The tables of the store and the shape of their objects. */
export interface Tables {
  clusters: Cluster;
  nodes: Node;
  services: Service;
  templates: Template;
  tasks: Task;
  networks: Network;
  gateways: Gateway;
  guests: Guest;
  secrets: Secret;
  configs: Config;
  stackRevisions: StackRevision;
  clients: Client;
}
export type TableName = keyof Tables;
export const TABLE_NAMES = [
  'clusters',
  'nodes',
  'services',
  'templates',
  'tasks',
  'networks',
  'gateways',
  'guests',
  'secrets',
  'configs',
  'stackRevisions',
  'clients',
] as const satisfies readonly TableName[];

/** One key, none or several. */
export type Keys = string | undefined | readonly string[];

/** The keys under which an object of a table can be found, per index. */
type Indexes = { readonly [Name in TableName]: Readonly<Record<string, (object: Tables[Name]) => Keys>> };

const specName = (object: { readonly Spec: { readonly Name?: string } }) => object.Spec.Name?.toLowerCase();

/** What is one version of many, all under one key: few are, and they are looked at together. */
export const ROTATING = 'yes';
const rotating = ({ Spec }: { readonly Spec: { readonly Labels?: Readonly<Record<string, string>> } }) =>
  Spec.Labels?.[ROTATES_LABEL] === undefined ? undefined : ROTATING;

/** A slot's key: the service and its numbered seat; for global services the node is the seat. */
export function slotKey(task: Pick<Task, 'ServiceID' | 'Slot' | 'NodeID'>): string {
  return task.Slot === undefined ? `${task.ServiceID}/${task.NodeID ?? ''}` : `${task.ServiceID}/${task.Slot}`;
}

const SHORT_ID_LENGTH = 12;
export const shortContainerID = (id: string): string => id.slice(0, SHORT_ID_LENGTH);

/** Work per event depends on what changed: whoever needs "all tasks of X" asks an index, never a scan. */
export const INDEXES = {
  clusters: {},
  nodes: {
    hostname: (node) => node.Description?.Hostname,
    keyFingerprint: (node) => node.keyFingerprint,
  },
  services: {
    /** Lower case: names are unique whatever their case. */
    name: specName,
    secret: (service) => (service.Spec.TaskTemplate.ContainerSpec?.Secrets ?? []).map((ref) => ref.SecretID ?? ''),
    config: (service) => (service.Spec.TaskTemplate.ContainerSpec?.Configs ?? []).map((ref) => ref.ConfigID ?? ''),
    network: (service) => (service.Spec.TaskTemplate.Networks ?? []).map((attachment) => attachment.Target ?? ''),
    /** `protocol/port` for every published port, given or allocated. */
    publishedPort: (service) => [
      ...new Set(
        [...(service.Spec.EndpointSpec?.Ports ?? []), ...(service.Endpoint.Ports ?? [])]
          .filter((port) => (port.PublishedPort ?? 0) > 0)
          .map((port) => `${port.Protocol ?? 'tcp'}/${port.PublishedPort}`),
      ),
    ],
    label: (service) => Object.keys(service.Spec.Labels),
    /** Lower-case names of the services that it waits for. */
    dependency: (service) => dependenciesOf(service.Spec.Labels).map((dependency) => dependency.service.toLowerCase()),
  },
  templates: {
    service: (template) => template.serviceID,
    label: (template) => Object.keys(template.serviceLabels),
  },
  tasks: {
    service: (task) => task.ServiceID,
    node: (task) => task.NodeID,
    slot: slotKey,
    template: (task) => task.templateID,
    /** The container's short id, as engines print it. */
    container: (task) => {
      const id = task.Status.ContainerStatus?.ContainerID ?? '';
      return id === '' ? undefined : shortContainerID(id);
    },
  },
  networks: {
    name: specName,
    /** Under `true`: the network that published ports go through. There is one at most. */
    ingress: (network) => (network.Spec.Ingress === true ? 'true' : undefined),
  },
  gateways: {
    network: (gateway) => gateway.networkID,
    node: (gateway) => gateway.nodeID,
  },
  guests: {
    network: (guest) => guest.networkID,
    node: (guest) => guest.nodeID,
  },
  secrets: { name: specName, rotating },
  configs: { name: specName, rotating },
  stackRevisions: { stack: (revision) => revision.stack },
  clients: { name: specName },
} as const satisfies Indexes;

export type IndexName<Name extends TableName> = keyof (typeof INDEXES)[Name] & string;
