import { capabilities } from '@swarm/shared/compose/service-parts';
import type { ContainerSpec } from '@swarm/shared/engine-api/container-spec';
import type { ResourceRequirements, ServiceMode, ServiceSpecInput, TaskSpec } from '@swarm/shared/engine-api/service-spec';
import type { OptionValues } from '../command/command.ts';
import { usageError } from '../command/exit-codes.ts';
import { familiarImage } from './image.ts';
import { parseMount } from './mounts.ts';
import type { CREATE_OPTIONS } from './options.ts';
import { parsePublish } from './ports.ts';
import {
  type FileReference,
  parseFileReference,
  parseGenericResource,
  parseHost,
  parseIP,
  parseNetwork,
  parsePreference,
  parseUlimit,
} from './references.ts';
import { containerSettings, endpointMode, logDriver, placement, resources, restartPolicy, rollout } from './settings.ts';
import { parseChoice, parseCount, parsePairs, splitPair } from './values.ts';

export type CreateOptions = OptionValues<typeof CREATE_OPTIONS>;

/** What the flags ask for, before the manager was asked for ids. */
export interface ServiceDraft {
  readonly spec: ServiceSpecInput;
  readonly secrets: readonly FileReference[];
  readonly configs: readonly FileReference[];
}

export interface CreateInput {
  readonly image: string;
  readonly args: readonly string[];
  readonly options: CreateOptions;
  readonly environment: { readonly [name: string]: string | undefined };
  /** The text of each `--env-file`, in order. */
  readonly envFiles: readonly string[];
}

/** The spec that Docker's CLI posts for the same flags. @throws CommandFailure (usage). */
export function buildServiceDraft({ image, args, options, environment, envFiles }: CreateInput): ServiceDraft {
  const env = readEnvironment(options.env, envFiles, environment);
  const { add, drop } = capabilities(options['cap-add'], options['cap-drop']);
  const container: ContainerSpec = withoutEmpty({
    ...containerSettings(options, {
      Image: familiarImage(image),
      Labels: parsePairs('container-label', options['container-label']),
      Args: args,
      Env: env,
      Groups: options.group,
      Mounts: options.mount.map((text) => parseMount('mount', text)),
      Hosts: options.host.map((text) => parseHost('host', text)),
      DNSConfig: withoutEmpty({
        Nameservers: options.dns.map((text) => parseIP('dns', text)),
        Search: options['dns-search'],
        Options: options['dns-option'],
      }),
      Sysctls: parsePairs('sysctl', options.sysctl),
      CapabilityAdd: add,
      CapabilityDrop: drop,
      Ulimits: options.ulimit.map((text) => parseUlimit('ulimit', text)),
      Init: false,
    }),
  });
  const restart = restartPolicy(options, undefined);
  const log = logDriver(options, undefined);
  const networks = options.network.map((text) => parseNetwork('network', text));
  const template: TaskSpec = {
    ContainerSpec: container,
    Resources: buildResources(options),
    ...(restart !== undefined && { RestartPolicy: restart }),
    Placement: placement(
      options,
      withoutEmpty({
        Constraints: options.constraint,
        Preferences: options['placement-pref'].map((text) => parsePreference('placement-pref', text)),
      }),
    ),
    ...(networks.length > 0 && { Networks: networks }),
    ...(log !== undefined && { LogDriver: log }),
    ForceUpdate: 0,
  };
  const updateConfig = rollout('update', options, undefined);
  const rollbackConfig = rollout('rollback', options, undefined);
  const ports = options.publish.flatMap((text) => parsePublish('publish', text));
  return {
    spec: {
      ...(options.name !== undefined && { Name: options.name }),
      Labels: parsePairs('label', options.label),
      TaskTemplate: template,
      Mode: buildMode(options),
      ...(updateConfig !== undefined && { UpdateConfig: updateConfig }),
      ...(rollbackConfig !== undefined && { RollbackConfig: rollbackConfig }),
      EndpointSpec: { Mode: 'vip', ...endpointMode(options), ...(ports.length > 0 && { Ports: ports }) },
    },
    secrets: distinctTargets(
      'secret',
      options.secret.map((text) => parseFileReference('secret', text)),
    ),
    configs: distinctTargets(
      'config',
      options.config.map((text) => parseFileReference('config', text)),
    ),
  };
}

function buildResources(options: CreateOptions): ResourceRequirements {
  const generic = options['generic-resource'].map((text) => parseGenericResource('generic-resource', text));
  return resources(options, { Limits: {}, Reservations: generic.length > 0 ? { GenericResources: generic } : {} });
}

function buildMode(options: CreateOptions): ServiceMode {
  const mode = parseChoice('mode', options.mode ?? 'replicated', ['replicated', 'global', 'replicated-job', 'global-job'] as const);
  const replicas = options.replicas === undefined ? undefined : parseCount('replicas', options.replicas);
  const concurrent = options['max-concurrent'] === undefined ? undefined : parseCount('max-concurrent', options['max-concurrent']);
  if (concurrent !== undefined && mode !== 'replicated-job')
    throw usageError('--max-concurrent is for --mode replicated-job only; drop it');
  if (mode === 'global' || mode === 'global-job') {
    if (replicas !== undefined)
      throw usageError(`--replicas makes no sense with --mode ${mode}, which runs one task per node; drop it, or use --mode replicated`);
    if ((options['replicas-max-per-node'] ?? '0') !== '0')
      throw usageError(`--replicas-max-per-node makes no sense with --mode ${mode}, which runs one task per node; drop it`);
  }
  switch (mode) {
    case 'global':
      return { Global: {} };
    case 'global-job':
      return { GlobalJob: {} };
    case 'replicated-job': {
      const completions = replicas ?? 1;
      return { ReplicatedJob: { MaxConcurrent: concurrent ?? completions, TotalCompletions: completions } };
    }
    case 'replicated':
      return { Replicated: replicas === undefined ? {} : { Replicas: replicas } };
  }
}

/** `--env-file` first, then `--env`; a bare name takes the caller's value, and of one name the last value counts. */
export function readEnvironment(
  flags: readonly string[],
  files: readonly string[],
  environment: CreateInput['environment'],
): readonly string[] {
  const fromFiles = files.flatMap((file) =>
    file
      .replace(/^\uFEFF/, '')
      .split(/\r?\n/)
      .map((line) => line.trimStart())
      .filter((line) => line !== '' && !line.startsWith('#'))
      .flatMap((line) => {
        const [name, value] = splitPair(line);
        if (name === '' || /\s/.test(name)) throw usageError(`--env-file: "${line}" is no environment variable; write KEY=value`);
        if (value !== undefined) return [line];
        return environment[name] === undefined ? [] : [`${name}=${environment[name]}`];
      }),
  );
  const all = [...fromFiles, ...flags.map((flag) => resolveVariable('env', flag, environment))];
  return all.reduce<readonly string[]>((before, text) => {
    const [name] = splitPair(text);
    return [...before.filter((other) => other === text || !other.startsWith(`${name}=`)), text];
  }, []);
}

export function resolveVariable(flag: string, text: string, environment: CreateInput['environment']): string {
  const [name, value] = splitPair(text);
  if (name === '') throw usageError(`--${flag}: "${text}" has no name before "="; give KEY=value`);
  return value === undefined && environment[name] !== undefined ? `${name}=${environment[name]}` : text;
}

function distinctTargets(kind: string, references: readonly FileReference[]): readonly FileReference[] {
  const seen = new Set<string>();
  for (const { file } of references) {
    if (seen.has(file.Name)) throw usageError(`--${kind}: two ${kind}s have the target ${file.Name}; give one of them another target=`);
    seen.add(file.Name);
  }
  return references;
}

/** Without empty lists and maps at the top level: an absent key says the same. `DNSConfig` stays, as Docker sends it. */
function withoutEmpty<T extends object>(value: T): T {
  const kept = Object.entries(value).filter(
    ([key, item]) =>
      key === 'DNSConfig' ||
      typeof item !== 'object' ||
      item === null ||
      (Array.isArray(item) ? item.length > 0 : Object.keys(item).length > 0),
  );
  // Only keys whose absence means the same are gone; T's such keys are all optional.
  return Object.fromEntries(kept) as T;
}
