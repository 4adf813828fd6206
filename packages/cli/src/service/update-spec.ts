import type { ConfigReference, ContainerSpec, SecretReference } from '@swarm/shared/engine-api/container-spec';
import type {
  EndpointSpec,
  NetworkAttachmentConfig,
  Placement,
  ResourceRequirements,
  ServiceMode,
  ServiceSpec,
  TaskSpec,
} from '@swarm/shared/engine-api/service-spec';
import type { OptionValues } from '../command/command.ts';
import { usageError } from '../command/exit-codes.ts';
import { resolveVariable } from './create-spec.ts';
import { familiarImage } from './image.ts';
import { parseMount } from './mounts.ts';
import type { UPDATE_OPTIONS } from './options.ts';
import { parsePublish } from './ports.ts';
import { normaliseCapability, parseGenericResource, parseHost, parseIP, parsePreference, parseUlimit } from './references.ts';
import { containerSettings, endpointMode, logDriver, placement, resources, restartPolicy, rollout } from './settings.ts';
import { parseCount, parsePairs, splitPair, splitWords } from './values.ts';

export type UpdateOptions = OptionValues<typeof UPDATE_OPTIONS>;

/** What the manager said to the names that the flags use. */
export interface ResolvedNames {
  readonly secrets: readonly SecretReference[];
  readonly configs: readonly ConfigReference[];
  readonly networks: readonly NetworkAttachmentConfig[];
  /** Ids and names of the networks to leave. */
  readonly leftNetworks: ReadonlySet<string>;
}

/**
 * The spec after the flags. What no flag names stays as it is. Lists keep their order: what is replaced stays in its
 * place, what is new comes last, so that the same update twice changes nothing. @throws CommandFailure (usage).
 */
export function applyUpdate(
  spec: ServiceSpec,
  options: UpdateOptions,
  names: ResolvedNames,
  environment: { readonly [name: string]: string | undefined },
): ServiceSpec {
  const updateConfig = rollout('update', options, spec.UpdateConfig);
  const rollbackConfig = rollout('rollback', options, spec.RollbackConfig);
  const endpoint = editEndpoint(spec.EndpointSpec, options);
  return {
    ...spec,
    Labels: editPairs('label', spec.Labels, options['label-add'], options['label-rm']) ?? {},
    TaskTemplate: editTask(spec.TaskTemplate, options, names, environment),
    Mode: editMode(spec.Mode, options),
    ...(updateConfig !== undefined && { UpdateConfig: updateConfig }),
    ...(rollbackConfig !== undefined && { RollbackConfig: rollbackConfig }),
    ...(endpoint !== undefined && { EndpointSpec: endpoint }),
  };
}

function editTask(
  task: TaskSpec,
  options: UpdateOptions,
  names: ResolvedNames,
  environment: { readonly [name: string]: string | undefined },
): TaskSpec {
  const restart = restartPolicy(options, task.RestartPolicy);
  const log = logDriver(options, task.LogDriver);
  const networks = editList(task.Networks, names.networks, (network) => network.Target ?? '', names.leftNetworks);
  return withoutUndefined({
    ...task,
    ContainerSpec: editContainer(task.ContainerSpec ?? {}, options, names, environment),
    Resources: editResources(task.Resources, options),
    Placement: editPlacement(task.Placement, options),
    Networks: networks,
    ...(restart !== undefined && { RestartPolicy: restart }),
    ...(log !== undefined && { LogDriver: log }),
    ForceUpdate: (task.ForceUpdate ?? 0) + (options.force === true ? 1 : 0),
  });
}

function editContainer(
  before: ContainerSpec,
  options: UpdateOptions,
  names: ResolvedNames,
  environment: { readonly [name: string]: string | undefined },
): ContainerSpec {
  const spec = containerSettings(options, before);
  const dns = spec.DNSConfig ?? {};
  const capabilities = editCapabilities(spec, options);
  return withoutUndefined({
    ...spec,
    Command: spec.Command?.length === 0 ? undefined : spec.Command,
    ...(options.image !== undefined && { Image: familiarImage(options.image) }),
    ...(options.args !== undefined && { Args: splitWords('args', options.args) }),
    Labels: editPairs('container-label', spec.Labels, options['container-label-add'], options['container-label-rm']),
    Env: editList(
      spec.Env,
      options['env-add'].map((text) => resolveVariable('env-add', text, environment)),
      nameOf,
      new Set(options['env-rm']),
    ),
    Groups: editList(spec.Groups, options['group-add'], itself, new Set(options['group-rm'])),
    Mounts: editList(
      spec.Mounts,
      options['mount-add'].map((text) => parseMount('mount-add', text)),
      (mount) => mount.Target ?? '',
      new Set(options['mount-rm']),
    ),
    Hosts: editList(
      withoutHosts(spec.Hosts, options['host-rm']),
      options['host-add'].map((text) => parseHost('host-add', text)),
      itself,
      new Set(),
    ),
    ...(spec.DNSConfig === undefined && !touchesDNS(options)
      ? {}
      : {
          DNSConfig: withoutUndefined({
            Nameservers: editList(
              dns.Nameservers,
              options['dns-add'].map((text) => parseIP('dns-add', text)),
              itself,
              new Set(options['dns-rm']),
            ),
            Search: editList(dns.Search, options['dns-search-add'], itself, new Set(options['dns-search-rm'])),
            Options: editList(dns.Options, options['dns-option-add'], itself, new Set(options['dns-option-rm'])),
          }),
        }),
    Secrets: editList(
      spec.Secrets,
      names.secrets,
      (reference) => reference.File?.Name ?? '',
      namesToTargets(spec.Secrets, options['secret-rm'], (ref) => ref.SecretName),
    ),
    Configs: editList(
      spec.Configs,
      names.configs,
      (reference) => reference.File?.Name ?? '',
      namesToTargets(spec.Configs, options['config-rm'], (ref) => ref.ConfigName),
    ),
    Sysctls: editPairs('sysctl', spec.Sysctls, options['sysctl-add'], options['sysctl-rm']),
    CapabilityAdd: capabilities.add,
    CapabilityDrop: capabilities.drop,
    Ulimits: editList(
      spec.Ulimits,
      options['ulimit-add'].map((text) => parseUlimit('ulimit-add', text)),
      (limit) => limit.Name ?? '',
      new Set(options['ulimit-rm']),
    ),
  });
}

/** `name` or `name:ip` goes from every entry that has it; an entry may hold several names of an address. */
function withoutHosts(entries: readonly string[] | undefined, removed: readonly string[]): readonly string[] | undefined {
  const gone = removed.map((text) => (/[:=]/.test(text) ? parseHost('host-rm', text).split(' ') : [undefined, text]));
  return entries?.flatMap((entry) => {
    const [address, ...names] = entry.split(/\s+/);
    const kept = names.filter((name) => !gone.some(([ip, host]) => host === name && (ip === undefined || ip === address)));
    if (kept.length === names.length) return [entry];
    return kept.length === 0 ? [] : [[address, ...kept].join(' ')];
  });
}

function touchesDNS(options: UpdateOptions): boolean {
  return (['dns-add', 'dns-rm', 'dns-search-add', 'dns-search-rm', 'dns-option-add', 'dns-option-rm'] as const).some(
    (name) => options[name].length > 0,
  );
}

/** Secrets and configs are removed by name, and replaced by target. */
function namesToTargets<Ref extends { readonly File?: { readonly Name?: string } }>(
  references: readonly Ref[] | undefined,
  removed: readonly string[],
  name: (reference: Ref) => string | undefined,
): ReadonlySet<string> {
  return new Set(
    (references ?? []).filter((reference) => removed.includes(name(reference) ?? '')).map((reference) => reference.File?.Name ?? ''),
  );
}

/** Adding what is dropped takes it off the drop list, and the other way round; as Docker's CLI does. */
function editCapabilities(
  spec: ContainerSpec,
  options: UpdateOptions,
): { readonly add: readonly string[] | undefined; readonly drop: readonly string[] | undefined } {
  const add = new Set((spec.CapabilityAdd ?? []).map(normaliseCapability));
  const drop = new Set((spec.CapabilityDrop ?? []).map(normaliseCapability));
  for (const name of options['cap-add'].map(normaliseCapability)) if (!drop.delete(name)) add.add(name);
  for (const name of options['cap-drop'].map(normaliseCapability)) if (!add.delete(name)) drop.add(name);
  return { add: add.size === 0 ? undefined : [...add].sort(), drop: drop.size === 0 ? undefined : [...drop].sort() };
}

function editResources(before: ResourceRequirements | undefined, options: UpdateOptions): ResourceRequirements | undefined {
  const changed = resources(options, before ?? {});
  const kind = (resource: { readonly DiscreteResourceSpec?: { readonly Kind?: string } }) => resource.DiscreteResourceSpec?.Kind ?? '';
  const generic = editList(
    changed.Reservations?.GenericResources,
    options['generic-resource-add'].map((text) => parseGenericResource('generic-resource-add', text)),
    kind,
    new Set(options['generic-resource-rm']),
  );
  if (generic === undefined && changed.Reservations?.GenericResources === undefined) return orAbsent(before, changed);
  return { ...changed, Reservations: withoutUndefined({ ...changed.Reservations, GenericResources: generic }) };
}

function editPlacement(before: Placement | undefined, options: UpdateOptions): Placement | undefined {
  const preference = (text: string) => parsePreference('placement-pref-add', text);
  const changed: Placement = withoutUndefined({
    ...placement(options, before ?? {}),
    Constraints: editList(before?.Constraints, options['constraint-add'], itself, new Set(options['constraint-rm'])),
    Preferences: editList(
      before?.Preferences,
      options['placement-pref-add'].map(preference),
      (item) => item.Spread?.SpreadDescriptor ?? '',
      new Set(options['placement-pref-rm'].map((text) => preference(text).Spread?.SpreadDescriptor ?? '')),
    ),
  });
  return orAbsent(before, changed);
}

/** What was not there and says nothing stays away. */
function orAbsent<T extends object>(before: T | undefined, changed: T): T | undefined {
  return before === undefined && Object.keys(changed).length === 0 ? undefined : changed;
}

function editMode(mode: ServiceMode, options: UpdateOptions): ServiceMode {
  const replicas = options.replicas === undefined ? undefined : parseCount('replicas', options.replicas);
  const concurrent = options['max-concurrent'] === undefined ? undefined : parseCount('max-concurrent', options['max-concurrent']);
  if (mode.ReplicatedJob !== undefined) {
    return {
      ReplicatedJob: {
        ...mode.ReplicatedJob,
        ...(concurrent !== undefined && { MaxConcurrent: concurrent }),
        ...(replicas !== undefined && { TotalCompletions: replicas }),
      },
    };
  }
  if (concurrent !== undefined) throw usageError('--max-concurrent is for a service in the mode replicated-job only; drop it');
  if (replicas === undefined) return mode;
  if (mode.Replicated === undefined)
    throw usageError('--replicas makes no sense for a global service, which runs one task per node; drop it');
  return { Replicated: { Replicas: replicas } };
}

function editEndpoint(before: EndpointSpec | undefined, options: UpdateOptions): EndpointSpec | undefined {
  const added = options['publish-add'].flatMap((text) => parsePublish('publish-add', text));
  // A port is taken away by the container's number: a published one beside it says nothing more.
  const removed = options['publish-rm'].flatMap((text) => parsePublish('publish-rm', text));
  const mode = endpointMode(options);
  if (added.length === 0 && removed.length === 0 && mode.Mode === undefined) return before;
  type Port = NonNullable<EndpointSpec['Ports']>[number];
  const kept = (before?.Ports ?? []).filter(
    (port) => !removed.some((gone) => gone.TargetPort === port.TargetPort && gone.Protocol === (port.Protocol ?? 'tcp')),
  );
  const key = (port: Port) => `${port.Protocol ?? 'tcp'}/${port.TargetPort}/${port.PublishedPort ?? 0}/${port.PublishMode ?? 'ingress'}`;
  const ports = editList(kept, added, key, new Set());
  return withoutUndefined({ ...before, ...mode, Ports: ports });
}

/** Removes, then replaces or appends. Undefined when nothing is left. */
function editList<T>(
  before: readonly T[] | undefined,
  added: readonly T[],
  key: (item: T) => string,
  removed: ReadonlySet<string>,
): readonly T[] | undefined {
  const items = new Map((before ?? []).filter((item) => !removed.has(key(item))).map((item) => [key(item), item]));
  for (const item of added) items.set(key(item), item);
  return items.size === 0 ? undefined : [...items.values()];
}

function editPairs(
  flag: string,
  before: { readonly [key: string]: string } | undefined,
  added: readonly string[],
  removed: readonly string[],
): { readonly [key: string]: string } | undefined {
  const pairs = { ...before };
  for (const key of removed) delete pairs[key];
  const result = { ...pairs, ...parsePairs(`${flag}-add`, added) };
  return Object.keys(result).length === 0 ? undefined : result;
}

const itself = (text: string) => text;
const nameOf = (text: string) => splitPair(text)[0];

/** An absent key instead of an undefined one. */
function withoutUndefined<T extends object>(value: { readonly [Key in keyof T]: T[Key] | undefined }): T {
  // Exactly the keys whose value is undefined are gone, and those are optional in T.
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}
