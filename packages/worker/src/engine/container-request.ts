import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { predefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import type { ContainerSpec, Healthcheck, Privileges } from '@swarm/shared/engine-api/container-spec';
import type { GenericResource, PortConfig, ResourceRequirements } from '@swarm/shared/engine-api/service-spec';
import type { AssignedTask, AssignedTemplate } from '@swarm/shared/protocol/session';
import { expandContainerSpec, type PlaceholderContext } from '@swarm/shared/templates/expand-container-spec';
import { TemplateError } from '@swarm/shared/templates/template-error';
import type { ReadyNetwork } from '../network/network-plane.ts';
import type { PayloadFile } from '../payloads/payload-files.ts';
import { buildTaskPayloads, type PayloadStock, type TaskPayloads } from '../payloads/task-payloads.ts';
import { compareApiVersions } from './api-version.ts';
import { toEngineMounts, UnsupportedSpec, volumesToEnsure } from './container-mounts.ts';
import type { ContainerCreateRequest, VolumeRequest } from './engine.ts';

/** What a task's container needs to know of the node it runs on. */
export interface NodeOfTask {
  readonly nodeID: string;
  readonly clusterID: string;
  readonly hostname: string;
  readonly os: string;
  readonly architecture: string;
  readonly apiVersion: string;
}

/** A task's place in a network of the cluster, on this node. */
export interface Attachment extends ReadyNetwork {
  /** Without mask. */
  readonly address: string;
}

export type ContainerRequest =
  | {
      readonly ok: true;
      readonly create: ContainerCreateRequest;
      readonly volumes: readonly VolumeRequest[];
      /** Secrets and configs: the container mounts them, so they are there before it is started. */
      readonly files: readonly PayloadFile[];
    }
  | { readonly ok: false; readonly message: string };

/** Engines before this version do not know it and would run the check at another pace than was asked for. */
const START_INTERVAL_SINCE = '1.44';

const NANOSECONDS_PER_SECOND = 1e9;

/**
 * A task as the body of `POST /containers/create`. Source of the mapping: Docker Swarm's executor (moby
 * daemon/cluster/executor/container), contract §6.4.
 */
export function buildContainerRequest(
  task: AssignedTask,
  template: AssignedTemplate,
  node: NodeOfTask,
  stock: PayloadStock,
  attachments: readonly Attachment[],
): ContainerRequest {
  try {
    const context = placeholders(task, template, node);
    const spec = expandContainerSpec(template.spec.ContainerSpec ?? {}, context);
    const payloads = buildTaskPayloads(spec, context, stock);
    return {
      ok: true,
      create: { name: containerName(task, template, node.nodeID), body: buildBody({ task, template, spec, node, payloads, attachments }) },
      volumes: volumesToEnsure(spec.Mounts ?? []),
      files: payloads.files,
    };
  } catch (error) {
    if (error instanceof UnsupportedSpec || error instanceof TemplateError) return { ok: false, message: error.message };
    throw error;
  }
}

function placeholders(task: AssignedTask, template: AssignedTemplate, node: NodeOfTask): PlaceholderContext {
  return {
    service: { ID: task.serviceID, Name: template.serviceName, Labels: template.serviceLabels },
    node: { ID: node.nodeID, Hostname: node.hostname, Platform: { Architecture: node.architecture, OS: node.os } },
    task: { ID: task.ID, Name: containerName(task, template, node.nodeID), Slot: taskSlot(task, template, node.nodeID) },
  };
}

function taskSlot(task: AssignedTask, template: AssignedTemplate, nodeID: string): string {
  return template.global ? nodeID : String(task.slot ?? 0);
}

export function containerName(task: AssignedTask, template: AssignedTemplate, nodeID: string): string {
  return `${template.serviceName}.${taskSlot(task, template, nodeID)}.${task.ID}`;
}

/** Host-mode ports of a service: the only ones a container publishes itself. */
export function hostPorts(template: AssignedTemplate): readonly PortConfig[] {
  return (template.endpoint?.Ports ?? []).filter((port) => port.PublishMode === 'host');
}

interface BodyParts {
  readonly task: AssignedTask;
  readonly template: AssignedTemplate;
  readonly spec: ContainerSpec;
  readonly node: NodeOfTask;
  readonly payloads: TaskPayloads;
  readonly attachments: readonly Attachment[];
}

function buildBody({ task, template, spec, node, payloads, attachments }: BodyParts): { readonly [key: string]: unknown } {
  const mounts = [...toEngineMounts(spec.Mounts ?? [], node.apiVersion), ...payloads.mounts];
  const ports = hostPorts(template);
  const log = template.spec.LogDriver ?? task.logDriver;
  return dropAbsent({
    Image: spec.Image,
    Labels: { ...spec.Labels, ...taskLabels(task, template, node) },
    Entrypoint: spec.Command?.length ? spec.Command : undefined,
    Cmd: spec.Args?.length ? spec.Args : undefined,
    Env: [...(spec.Env ?? []), ...resourceVariables(task.genericResources ?? [])],
    Hostname: spec.Hostname || undefined,
    WorkingDir: spec.Dir || undefined,
    User: spec.User || undefined,
    Tty: spec.TTY,
    OpenStdin: spec.OpenStdin,
    StopSignal: spec.StopSignal || undefined,
    // Whoever stops the container gives it the same grace as we do.
    StopTimeout: spec.StopGracePeriod === undefined ? undefined : Math.ceil(spec.StopGracePeriod / NANOSECONDS_PER_SECOND),
    Healthcheck: buildHealthcheck(spec.Healthcheck, node.apiVersion),
    ExposedPorts: ports.length > 0 ? Object.fromEntries(ports.map((port) => [portKey(port), {}])) : undefined,
    HostConfig: dropAbsent({
      ...buildResources(template.spec.Resources),
      // A task is one attempt: what ends is not started again behind the reconciler's back.
      RestartPolicy: { Name: 'no' },
      NetworkMode: attachments[0]?.engineNetwork ?? networkMode(template),
      PortBindings: ports.length > 0 ? buildBindings(ports) : undefined,
      Mounts: mounts.length > 0 ? mounts : undefined,
      GroupAdd: spec.Groups,
      ReadonlyRootfs: spec.ReadOnly,
      Isolation: spec.Isolation || undefined,
      Init: spec.Init,
      Sysctls: spec.Sysctls,
      CapAdd: spec.CapabilityAdd,
      CapDrop: spec.CapabilityDrop,
      Ulimits: spec.Ulimits,
      OomScoreAdj: spec.OomScoreAdj,
      Dns: nameservers(spec, attachments),
      DnsSearch: spec.DNSConfig?.Search,
      DnsOptions: resolverOptions(spec, attachments),
      ExtraHosts: spec.Hosts?.length ? spec.Hosts.flatMap(toExtraHosts) : undefined,
      SecurityOpt: securityOptions(spec.Privileges, payloads.credentialSpec),
      LogConfig: log?.Name ? { Type: log.Name, Config: log.Options ?? {} } : undefined,
    }),
    NetworkingConfig: networkingConfig(attachments[0]),
  });
}

/** The labels by which we know a container of ours again. */
export function taskLabels(
  task: AssignedTask,
  template: AssignedTemplate,
  node: Pick<NodeOfTask, 'nodeID' | 'clusterID'>,
): { readonly [key: string]: string } {
  return {
    [CONTAINER_LABELS.task]: '',
    [CONTAINER_LABELS.taskID]: task.ID,
    [CONTAINER_LABELS.taskName]: containerName(task, template, node.nodeID),
    [CONTAINER_LABELS.nodeID]: node.nodeID,
    [CONTAINER_LABELS.serviceID]: task.serviceID,
    [CONTAINER_LABELS.serviceName]: template.serviceName,
    [CLUSTER_LABEL]: node.clusterID,
  };
}

/** `DOCKER_RESOURCE_GPU=id1,id2` for named resources, the count for discrete ones. */
function resourceVariables(resources: readonly GenericResource[]): readonly string[] {
  const values = new Map<string, string[]>();
  for (const { NamedResourceSpec: named, DiscreteResourceSpec: discrete } of resources) {
    const kind = named?.Kind ?? discrete?.Kind ?? '';
    const value = named?.Value ?? String(discrete?.Value ?? 0);
    values.set(kind, [...(values.get(kind) ?? []), value]);
  }
  return [...values].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, of]) => `DOCKER_RESOURCE_${kind.toUpperCase()}=${of.join(',')}`);
}

function buildHealthcheck(check: Healthcheck | undefined, apiVersion: string): object | undefined {
  if (check === undefined) return undefined;
  const { StartInterval, ...older } = check;
  if (!StartInterval) return older;
  if (compareApiVersions(apiVersion, START_INTERVAL_SINCE) < 0) {
    throw new UnsupportedSpec(
      `Healthcheck.StartInterval needs a Docker Engine with API ${START_INTERVAL_SINCE}, this node's speaks ${apiVersion}; upgrade the engine or drop the option`,
    );
  }
  return check;
}

function buildResources(resources: ResourceRequirements | undefined): object {
  const { Limits: limits, Reservations: reservations, SwapBytes: swap, MemorySwappiness: swappiness } = resources ?? {};
  return dropAbsent({
    NanoCpus: limits?.NanoCPUs || undefined,
    Memory: limits?.MemoryBytes || undefined,
    MemoryReservation: reservations?.MemoryBytes || undefined,
    PidsLimit: limits?.Pids || undefined,
    // The engine counts memory and swap together, the spec swap alone; -1 is no limit in both.
    MemorySwap: swap === undefined ? undefined : swap === -1 ? -1 : (limits?.MemoryBytes ?? 0) + swap,
    MemorySwappiness: swappiness,
  });
}

/** `host`, `none` and `bridge` are the engine's own; every other service runs on the engine's default bridge. */
function networkMode(template: AssignedTemplate): string {
  const predefined = (template.spec.Networks ?? []).map(({ Target }) => predefinedNetwork(Target ?? ''));
  const mode = predefined.find((network) => network !== undefined)?.Name;
  return mode === undefined || mode === 'bridge' ? 'default' : mode;
}

/** No aliases: the engine would answer them itself, from the containers of this host alone. */
function networkingConfig(first: Attachment | undefined): object | undefined {
  if (first === undefined) return undefined;
  return { EndpointsConfig: { [first.engineNetwork]: { IPAMConfig: { IPv4Address: first.address } } } };
}

/**
 * The default of all resolvers, so that the engine does not take the options of the host: where these, or the task's
 * own, say anything of `ndots`, it answers names without a dot itself and asks nobody (20.10 to 29.3).
 */
const PLAIN_OPTIONS = ['attempts:2'];

function resolverOptions(spec: ContainerSpec, attachments: readonly Attachment[]): readonly string[] | undefined {
  const given = spec.DNSConfig?.Options;
  if (attachments.every(({ ingress }) => ingress)) return given;
  const kept = (given ?? []).filter((option) => !option.startsWith('ndots'));
  return kept.length === 0 ? PLAIN_OPTIONS : kept;
}

/** Names are asked for at this node's own address in a network of the task; ingress has none to ask for. */
function nameservers(spec: ContainerSpec, attachments: readonly Attachment[]): readonly string[] | undefined {
  const own = attachments.find(({ ingress }) => !ingress)?.gateway;
  const given = spec.DNSConfig?.Nameservers;
  return own === undefined ? given : [own, ...(given ?? [])];
}

function portKey(port: PortConfig): string {
  return `${port.TargetPort ?? 0}/${port.Protocol ?? 'tcp'}`;
}

function buildBindings(ports: readonly PortConfig[]): object {
  const bindings: { [key: string]: { HostPort: string }[] } = {};
  for (const port of ports) {
    const key = portKey(port);
    bindings[key] = [...(bindings[key] ?? []), { HostPort: port.PublishedPort ? String(port.PublishedPort) : '' }];
  }
  return bindings;
}

/** `IP host [alias…]` as in /etc/hosts becomes `host:IP`, one for each name. */
function toExtraHosts(line: string): readonly string[] {
  const [address, ...names] = line.split(/\s+/).filter((word) => word !== '');
  return names.map((name) => `${name}:${address}`);
}

function securityOptions(privileges: Privileges | undefined, credentialSpec: string | undefined): readonly string[] | undefined {
  if (privileges === undefined) return undefined;
  const { CredentialSpec: credential, SELinuxContext: selinux, Seccomp: seccomp, AppArmor: apparmor } = privileges;
  const options: string[] = [];
  if (credential?.File) options.push(`credentialspec=file://${credential.File}`);
  if (credential?.Registry) options.push(`credentialspec=registry://${credential.Registry}`);
  // The engine knows nothing of our configs: it is given the text itself.
  if (credentialSpec !== undefined) options.push(`credentialspec=raw://${credentialSpec}`);
  if (selinux?.Disable) options.push('label=disable');
  for (const [key, value] of [
    ['user', selinux?.User],
    ['role', selinux?.Role],
    ['type', selinux?.Type],
    ['level', selinux?.Level],
  ] as const) {
    if (value) options.push(`label=${key}:${value}`);
  }
  if (seccomp?.Mode === 'unconfined') options.push('seccomp=unconfined');
  if (seccomp?.Mode === 'custom') options.push(`seccomp=${Buffer.from(seccomp.Profile ?? '', 'base64').toString('utf8')}`);
  if (apparmor?.Mode === 'disabled') options.push('apparmor=unconfined');
  if (privileges.NoNewPrivileges) options.push('no-new-privileges=true');
  return options.length > 0 ? options : undefined;
}

function dropAbsent(values: { readonly [key: string]: unknown }): { readonly [key: string]: unknown } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
