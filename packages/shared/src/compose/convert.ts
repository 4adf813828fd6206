import { DEPENDS_ON_LABEL, formatDependsOn } from '../domain/depends-on.ts';
import { familiarReference, parseImageReference } from '../domain/image-reference.ts';
import { ROTATES_LABEL, STACK_IMAGE_LABEL, STACK_NAMESPACE_LABEL } from '../domain/labels.ts';
import type { ConfigReference, ContainerSpec, Mount, SecretReference } from '../engine-api/container-spec.ts';
import type { ConfigSpec, NetworkSpec, SecretSpec } from '../engine-api/payload-specs.ts';
import type {
  EndpointSpec,
  Platform,
  PortConfig,
  RestartPolicy,
  ServiceMode,
  ServiceSpecInput,
  TaskSpec,
  UpdateConfig,
} from '../engine-api/service-spec.ts';
import { byCodeUnit, defined } from './legacy/decode.ts';
import type { StackSpec } from './load-stack.ts';
import type {
  ComposeFile,
  ComposeFileReference,
  ComposeMount,
  ComposeNetwork,
  ComposeResources,
  ComposeService,
  ComposeUpdate,
  Options,
} from './model.ts';
import { nameVersions, payloadBytes } from './rotation.ts';
import type { Path } from './yaml-tree.ts';

export interface ConvertContext {
  readonly stackName: string;
  readonly readFile: (path: string) => Uint8Array | undefined;
  /** All configs and secrets of the stack rotate, see `rotation.ts`. */
  readonly rotate: boolean;
  readonly problem: (path: Path, message: string) => void;
}

const PREDEFINED_NETWORKS = new Set(['bridge', 'host', 'none', 'default']);

/** The model of one or more merged files as the objects that `docker stack deploy` would post. */
export function convertStack(given: ComposeFile, context: ConvertContext): StackSpec {
  const { stackName } = context;
  const file = nameVersions(given, context);
  const used = new Set(
    [...file.services.values()].flatMap((service) => (service.networks.size === 0 ? ['default'] : [...service.networks.keys()])),
  );
  const networks: Record<string, NetworkSpec> = {};
  const externalNetworks: string[] = [];
  for (const key of [...used].sort(byCodeUnit)) {
    const network: ComposeNetwork = file.networks.get(key) ?? { driverOpts: new Map(), external: false, labels: new Map() };
    const name = network.name || `${stackName}_${key}`;
    if (network.external) externalNetworks.push(name);
    else if (file.networks.has(key) || key === 'default') networks[name] = convertNetwork(name, network, stackName);
  }
  const secrets = payloads(file, 'secrets', context) as Record<string, SecretSpec>;
  const configs = payloads(file, 'configs', context);
  const services = [...file.services.values()].map((service) => {
    const path = ['services', service.name];
    return [`${stackName}_${service.name}`, new ServiceConverter(service, file, context, path).convert()] as const;
  });
  return {
    name: stackName,
    networks,
    secrets,
    configs,
    services: Object.fromEntries(services.sort(([a], [b]) => byCodeUnit(a, b))),
    external: {
      networks: externalNetworks.filter((name) => !PREDEFINED_NETWORKS.has(name) && name !== 'container').sort(byCodeUnit),
      secrets: externals(file, 'secrets'),
      configs: externals(file, 'configs'),
    },
  };
}

function externals(file: ComposeFile, kind: 'secrets' | 'configs'): string[] {
  const referenced = new Set([...file.services.values()].flatMap((service) => (service[kind] ?? []).map((reference) => reference.source)));
  return [...file[kind]]
    .filter(([key, payload]) => payload.external && referenced.has(key))
    .map(([key, payload]) => payload.name ?? key)
    .sort(byCodeUnit);
}

function stackLabels(stackName: string, labels: Options): { [key: string]: string } {
  return { ...record(labels), [STACK_NAMESPACE_LABEL]: stackName };
}

function record(options: Options): { [key: string]: string } {
  return Object.fromEntries([...options].sort(([a], [b]) => byCodeUnit(a, b)));
}

type IPAMConfig = NonNullable<NonNullable<NetworkSpec['IPAM']>['Config']>[number];

function convertNetwork(name: string, network: ComposeNetwork, stackName: string): NetworkSpec {
  const { ipam } = network;
  return defined<NetworkSpec>({
    Name: name,
    Driver: network.driver || 'overlay',
    IPAM:
      ipam !== undefined && (ipam.driver || ipam.subnets.length > 0)
        ? defined<NonNullable<NetworkSpec['IPAM']>>({
            Driver: ipam.driver || undefined,
            Config:
              ipam.configs?.map((config) =>
                defined<IPAMConfig>({ Subnet: config.subnet, IPRange: config.ipRange, Gateway: config.gateway }),
              ) ?? ipam.subnets.map((Subnet) => ({ Subnet })),
          })
        : undefined,
    Internal: network.internal || undefined,
    Attachable: network.attachable || undefined,
    Options: network.driverOpts.size > 0 ? record(network.driverOpts) : undefined,
    Labels: stackLabels(stackName, network.labels),
  });
}

function payloads(file: ComposeFile, kind: 'secrets' | 'configs', context: ConvertContext): Record<string, SecretSpec & ConfigSpec> {
  const result: Record<string, SecretSpec & ConfigSpec> = {};
  for (const [key, payload] of [...file[kind]].sort(([a], [b]) => byCodeUnit(a, b))) {
    if (payload.external) continue;
    const name = payload.name || `${context.stackName}_${key}`;
    const versionOf = payload.versionOf === undefined ? {} : { [ROTATES_LABEL]: payload.versionOf };
    const base = { Name: name, Labels: { ...stackLabels(context.stackName, payload.labels), ...versionOf } };
    const templating = payload.templateDriver ? { Templating: { Name: payload.templateDriver } } : {};
    if (payload.driver) {
      const options = payload.driverOpts.size > 0 ? { Options: record(payload.driverOpts) } : {};
      result[name] = { ...base, Driver: { Name: payload.driver, ...options }, ...templating };
      continue;
    }
    const bytes = payloadBytes(payload, context.readFile);
    if (bytes === undefined) context.problem([kind, key, 'file'], `open ${payload.file}: no such file or directory`);
    else result[name] = { ...base, Data: base64(bytes), ...templating };
  }
  return result;
}

function base64(bytes: Uint8Array): string {
  return bytes.toBase64();
}

class ServiceConverter {
  readonly #service: ComposeService;
  readonly #file: ComposeFile;
  readonly #context: ConvertContext;
  readonly #path: Path;

  constructor(service: ComposeService, file: ComposeFile, context: ConvertContext, path: Path) {
    this.#service = service;
    this.#file = file;
    this.#context = context;
    this.#path = path;
  }

  convert(): ServiceSpecInput {
    const { deploy, image = '', dependsOn } = this.#service;
    const { stackName } = this.#context;
    const labels = {
      ...stackLabels(stackName, deploy.labels),
      [STACK_IMAGE_LABEL]: image,
      ...(dependsOn !== undefined && { [DEPENDS_ON_LABEL]: formatDependsOn(dependsOn) }),
    };
    return defined<ServiceSpecInput>({
      Name: `${stackName}_${this.#service.name}`,
      Labels: labels,
      TaskTemplate: this.#taskTemplate(),
      Mode: this.#mode(),
      UpdateConfig: updateConfig(deploy.updateConfig),
      RollbackConfig: updateConfig(deploy.rollbackConfig),
      EndpointSpec: endpointSpec(this.#service),
    });
  }

  #problem(key: string, message: string): void {
    this.#context.problem([...this.#path, ...key.split('.')], `service ${this.#service.name}: ${message}`);
  }

  #taskTemplate(): TaskSpec {
    const { deploy, logging, platform } = this.#service;
    const limits = deploy.limits === undefined ? undefined : resources(deploy.limits);
    const reservations = deploy.reservations === undefined ? undefined : resources(deploy.reservations);
    return defined<TaskSpec>({
      ContainerSpec: this.#containerSpec(),
      Resources: defined<NonNullable<TaskSpec['Resources']>>({ Limits: limits, Reservations: reservations }),
      RestartPolicy: this.#restartPolicy(),
      Placement: defined<NonNullable<TaskSpec['Placement']>>({
        Constraints: filled(deploy.constraints),
        Preferences: filled(deploy.preferences?.map((SpreadDescriptor) => ({ Spread: { SpreadDescriptor } }))),
        MaxReplicas: deploy.maxReplicas || undefined,
        Platforms: platform === undefined ? undefined : [defined<Platform>({ OS: platform.os, Architecture: platform.architecture })],
      }),
      Networks: this.#networks(),
      LogDriver:
        logging === undefined
          ? undefined
          : defined<NonNullable<TaskSpec['LogDriver']>>({
              Name: logging.driver,
              Options: logging.options.size > 0 ? record(logging.options) : undefined,
            }),
      ForceUpdate: 0,
    });
  }

  #containerSpec(): ContainerSpec {
    const service = this.#service;
    const { add, drop } = capabilities(service.capAdd ?? [], service.capDrop ?? []);
    return defined<ContainerSpec>({
      Image: this.#image(),
      Labels: stackLabels(this.#context.stackName, service.labels),
      Command: filled(service.entrypoint),
      Args: filled(service.command),
      Hostname: service.hostname || undefined,
      Env: filled(environment(service.environment)),
      Dir: service.workingDir || undefined,
      User: service.user || undefined,
      Groups: filled(service.groups),
      Privileges: this.#privileges(),
      Init: service.init,
      StopSignal: service.stopSignal || undefined,
      TTY: service.tty || undefined,
      OpenStdin: service.stdinOpen || undefined,
      ReadOnly: service.readOnly || undefined,
      Mounts: filled(this.#mounts()),
      StopGracePeriod: service.stopGracePeriod,
      Healthcheck: this.#healthcheck(),
      Hosts: filled(hosts(service.extraHosts ?? [])),
      DNSConfig:
        service.dns === undefined && service.dnsSearch === undefined && service.dnsOptions === undefined
          ? undefined
          : defined<NonNullable<ContainerSpec['DNSConfig']>>({
              Nameservers: filled(service.dns),
              Search: filled(service.dnsSearch),
              Options: filled(service.dnsOptions),
            }),
      Secrets: filled(this.#references('secret')) as SecretReference[] | undefined,
      Configs: filled([...(this.#references('config') ?? []), ...this.#credentialConfig()]) as ConfigReference[] | undefined,
      Isolation: service.isolation || undefined,
      Sysctls: service.sysctls.size > 0 ? record(service.sysctls) : undefined,
      CapabilityAdd: filled(add),
      CapabilityDrop: filled(drop),
      Ulimits: filled(
        [...service.ulimits].sort(([a], [b]) => byCodeUnit(a, b)).map(([Name, { soft, hard }]) => ({ Name, Soft: soft, Hard: hard })),
      ),
      OomScoreAdj: service.oomScoreAdj || undefined,
    });
  }

  #privileges(): NonNullable<ContainerSpec['Privileges']> {
    const { noNewPrivileges, seccomp, appArmor, seLinux } = this.#service.privileges ?? {};
    return defined<NonNullable<ContainerSpec['Privileges']>>({
      CredentialSpec: this.#credentialSpec(),
      SELinuxContext: seLinux,
      Seccomp: seccomp === undefined ? undefined : { Mode: seccomp },
      AppArmor: appArmor === undefined ? undefined : { Mode: appArmor },
      NoNewPrivileges: noNewPrivileges || undefined,
    });
  }

  #image(): string {
    const { image = '' } = this.#service;
    const reference = image === '' ? undefined : parseImageReference(image);
    if (reference !== undefined) return familiarReference(reference);
    const reason = image === '' ? 'no image specified' : 'invalid reference format';
    this.#context.problem(
      [...this.#path, ...(image === '' ? [] : ['image'])],
      `invalid image reference for service ${this.#service.name}: ${reason}`,
    );
    return '';
  }

  #mode(): ServiceMode {
    const { mode = '', replicas } = this.#service.deploy;
    if ((mode === 'global' || mode === 'global-job') && replicas !== undefined) {
      this.#problem('deploy.replicas', 'replicas can only be used with replicated or replicated-job mode');
    }
    switch (mode) {
      case 'global':
        return { Global: {} };
      case 'global-job':
        return { GlobalJob: {} };
      case 'replicated-job':
        return { ReplicatedJob: replicas === undefined ? {} : { MaxConcurrent: replicas, TotalCompletions: replicas } };
      case 'replicated':
      case '':
        return { Replicated: replicas === undefined ? {} : { Replicas: replicas } };
      default:
        this.#problem('deploy.mode', `unknown mode: ${mode}`);
        return { Replicated: {} };
    }
  }

  #restartPolicy(): RestartPolicy | undefined {
    const { restart = '', deploy } = this.#service;
    const policy = deploy.restartPolicy;
    if (policy !== undefined) {
      return defined<RestartPolicy>({
        Condition: (policy.condition || undefined) as RestartPolicy['Condition'],
        Delay: policy.delay,
        MaxAttempts: policy.maxAttempts,
        Window: policy.window,
      });
    }
    const [word = '', count, ...more] = restart.split(':');
    if (restart === '') return undefined;
    if (more.length > 0 || (count !== undefined && !/^\d+$/.test(count))) {
      this.#problem('restart', `invalid restart policy format: ${restart}`);
      return undefined;
    }
    switch (word) {
      case 'no':
        return undefined;
      case 'always':
      case 'unless-stopped':
        return { Condition: 'any' };
      case 'on-failure':
        return { Condition: 'on-failure', MaxAttempts: Number(count ?? 0) };
      default:
        this.#problem('restart', `unknown restart policy: ${restart}`);
        return undefined;
    }
  }

  #networks(): TaskSpec['Networks'] {
    const { name, networks } = this.#service;
    const entries = networks.size === 0 ? [['default', null] as const] : [...networks];
    return entries
      .flatMap(([key, attachment]) => {
        const network = this.#file.networks.get(key);
        if (network === undefined && key !== 'default') {
          this.#problem(`networks.${key}`, `undefined network "${key}"`);
          return [];
        }
        const Target = network?.name || `${this.#context.stackName}_${key}`;
        const aliases = [
          ...(attachment?.aliases ?? []),
          ...(PREDEFINED_NETWORKS.has(Target) || Target.startsWith('container:') ? [] : [name]),
        ];
        const DriverOpts = attachment?.driverOpts === undefined ? undefined : record(attachment.driverOpts);
        return [defined<NonNullable<TaskSpec['Networks']>[number]>({ Target, Aliases: filled(aliases), DriverOpts })];
      })
      .sort((a, b) => byCodeUnit(a.Target ?? '', b.Target ?? ''));
  }

  #healthcheck(): ContainerSpec['Healthcheck'] {
    const { healthcheck } = this.#service;
    if (healthcheck === undefined) return undefined;
    if (healthcheck.disable === true && (healthcheck.test?.length ?? 0) > 0) {
      this.#problem('healthcheck', "test and disable can't be set at the same time");
      return undefined;
    }
    return defined<NonNullable<ContainerSpec['Healthcheck']>>({
      Test: healthcheck.disable === true ? ['NONE'] : filled(healthcheck.test),
      Interval: healthcheck.interval || undefined,
      Timeout: healthcheck.timeout || undefined,
      StartPeriod: healthcheck.startPeriod || undefined,
      StartInterval: healthcheck.startInterval || undefined,
      Retries: healthcheck.retries || undefined,
    });
  }

  #mounts(): Mount[] {
    return (this.#service.volumes ?? []).map((mount, index) => {
      const problem = (message: string) => this.#problem(`volumes.${index}`, message);
      return new MountConverter(mount, this.#file, this.#context.stackName, problem).convert();
    });
  }

  #references(kind: 'secret' | 'config'): (SecretReference | ConfigReference)[] | undefined {
    const list = this.#service[`${kind}s`];
    if (list === undefined) return undefined;
    const seen = new Set<string>();
    const references = list.flatMap((reference, index) => {
      const payload = this.#file[`${kind}s`].get(reference.source);
      if (payload === undefined) {
        this.#problem(`${kind}s.${index}`, `undefined ${kind} "${reference.source}"`);
        return [];
      }
      const name = payload.name || `${this.#context.stackName}_${reference.source}`;
      const target = reference.target || reference.source;
      if (seen.has(target)) this.#problem(`${kind}s.${index}`, `duplicate ${kind} target for ${name} not allowed`);
      seen.add(target);
      return [{ name, file: fileTarget(reference, target) }];
    });
    references.sort((a, b) => byCodeUnit(a.name, b.name));
    return references.map(({ name, file }) => (kind === 'secret' ? { File: file, SecretName: name } : { File: file, ConfigName: name }));
  }

  #credentialSpec(): NonNullable<ContainerSpec['Privileges']>['CredentialSpec'] {
    const { credentialSpec } = this.#service;
    if (credentialSpec === undefined) return undefined;
    const given = Object.entries(credentialSpec).filter(([, value]) => value !== '');
    if (given.length > 1) {
      this.#problem('credential_spec', `invalid credential spec: cannot specify both "${given.map(([key]) => key).join('" and "')}"`);
    }
    const { config, file, registry } = credentialSpec;
    return defined<NonNullable<NonNullable<ContainerSpec['Privileges']>['CredentialSpec']>>({
      Config: config ? this.#configName(config) : undefined,
      File: file || undefined,
      Registry: registry || undefined,
    });
  }

  #configName(key: string): string {
    const payload = this.#file.configs.get(key);
    if (payload === undefined) this.#problem('credential_spec.config', `undefined config "${key}"`);
    return payload?.name || `${this.#context.stackName}_${key}`;
  }

  /** A credential spec from a config needs the config itself at hand, though no file of the container. */
  #credentialConfig(): ConfigReference[] {
    const config = this.#service.credentialSpec?.config;
    return config ? [{ Runtime: {}, ConfigName: this.#configName(config) }] : [];
  }
}

class MountConverter {
  readonly #mount: ComposeMount;
  readonly #file: ComposeFile;
  readonly #stackName: string;
  readonly #problem: (message: string) => void;

  constructor(mount: ComposeMount, file: ComposeFile, stackName: string, problem: (message: string) => void) {
    this.#mount = mount;
    this.#file = file;
    this.#stackName = stackName;
    this.#problem = problem;
  }

  convert(): Mount {
    const mount = this.#mount;
    const base = defined<Mount>({
      Type: mount.type as Mount['Type'],
      Target: mount.target,
      ReadOnly: mount.readOnly || undefined,
      Consistency: mount.consistency || undefined,
    });
    switch (mount.type) {
      case 'volume':
      case '':
        return this.#volume({ ...base, Type: 'volume' });
      case 'bind':
        this.#refuse('volume', 'tmpfs');
        return {
          ...base,
          ...(mount.source ? { Source: mount.source } : {}),
          ...(mount.bind === undefined ? {} : { BindOptions: mount.bind.propagation ? { Propagation: mount.bind.propagation } : {} }),
        };
      case 'tmpfs':
        this.#refuse('bind', 'volume');
        if (mount.source) this.#problem('invalid tmpfs source, source must be empty');
        return { ...base, ...(mount.tmpfs === undefined ? {} : { TmpfsOptions: tmpfsOptions(mount.tmpfs) }) };
      case 'npipe':
        this.#refuse('volume', 'tmpfs');
        if (!mount.source) this.#problem('invalid npipe source, source cannot be empty');
        return { ...base, Source: mount.source ?? '' };
      case 'cluster':
        this.#refuse('bind', 'volume', 'tmpfs');
        if (!mount.source) this.#problem('invalid cluster source, source cannot be empty');
        return { ...base, Source: this.#clusterSource(mount.source ?? ''), ClusterOptions: {} };
      default:
        this.#problem(`volume type must be volume, bind, tmpfs, npipe, or cluster; it is "${mount.type}"`);
        return base;
    }
  }

  #clusterSource(source: string): string {
    if (source.startsWith('group:')) return source;
    return this.#file.volumes.get(source)?.name || `${this.#stackName}_${source}`;
  }

  #refuse(...kinds: readonly ('bind' | 'volume' | 'tmpfs')[]): void {
    for (const kind of kinds) {
      if (this.#mount[kind] !== undefined) this.#problem(`${kind} options are incompatible with type ${this.#mount.type}`);
    }
  }

  #volume(base: Mount): Mount {
    const { source, volume } = this.#mount;
    this.#refuse('bind', 'tmpfs');
    if (!source) return base;
    const named = this.#file.volumes.get(source);
    if (named === undefined) {
      this.#problem(`undefined volume "${source}"`);
      return base;
    }
    const options = defined<NonNullable<Mount['VolumeOptions']>>({
      NoCopy: volume?.nocopy || undefined,
      Subpath: volume?.subpath || undefined,
    });
    const Source = named.name || `${this.#stackName}_${source}`;
    if (named.external) return { ...base, Source, VolumeOptions: options };
    const driver =
      named.driver || named.driverOpts.size > 0
        ? {
            DriverConfig: defined<NonNullable<NonNullable<Mount['VolumeOptions']>['DriverConfig']>>({
              Name: named.driver || undefined,
              Options: named.driverOpts.size > 0 ? record(named.driverOpts) : undefined,
            }),
          }
        : {};
    return { ...base, Source, VolumeOptions: { ...options, Labels: stackLabels(this.#stackName, named.labels), ...driver } };
  }
}

function tmpfsOptions(tmpfs: NonNullable<ComposeMount['tmpfs']>): NonNullable<Mount['TmpfsOptions']> {
  return defined<NonNullable<Mount['TmpfsOptions']>>({
    SizeBytes: tmpfs.size || undefined,
    Mode: tmpfs.mode,
    Options: filled(tmpfs.options),
  });
}

function fileTarget(reference: ComposeFileReference, Name: string) {
  return { Name, UID: reference.uid || '0', GID: reference.gid || '0', Mode: reference.mode ?? 0o444 };
}

function filled<T>(list: readonly T[] | undefined): T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : [...list];
}

function environment(variables: ReadonlyMap<string, string | null>): string[] {
  return [...variables].map(([key, value]) => (value === null ? key : `${key}=${value}`)).sort(byCodeUnit);
}

/** `host:ip` as `ip host`, brackets of IPv6 addresses gone. */
function hosts(entries: readonly string[]): string[] {
  return entries.map((entry) => {
    const at = entry.indexOf(':');
    return `${entry.slice(at + 1).replace(/^\[(.*)\]$/, '$1')} ${entry.slice(0, at)}`;
  });
}

function resources(from: ComposeResources) {
  return defined<{
    NanoCPUs?: number;
    MemoryBytes?: number;
    Pids?: number;
    GenericResources?: { DiscreteResourceSpec: { Kind: string; Value: number } }[];
  }>({
    NanoCPUs: from.nanoCPUs || undefined,
    MemoryBytes: from.memoryBytes || undefined,
    Pids: from.pids || undefined,
    GenericResources: filled(from.genericResources?.map(({ kind, value }) => ({ DiscreteResourceSpec: { Kind: kind, Value: value } }))),
  });
}

function updateConfig(update: ComposeUpdate | undefined): UpdateConfig | undefined {
  if (update === undefined) return undefined;
  return defined<UpdateConfig>({
    Parallelism: update.parallelism ?? 1,
    Delay: update.delay || undefined,
    FailureAction: (update.failureAction || undefined) as UpdateConfig['FailureAction'],
    Monitor: update.monitor || undefined,
    MaxFailureRatio: update.maxFailureRatio ?? 0,
    Order: (update.order ?? '') as UpdateConfig['Order'],
  });
}

function endpointSpec(service: ComposeService): EndpointSpec {
  const ports: PortConfig[] = [...(service.ports ?? [])].sort((a, b) => (a.PublishedPort ?? 0) - (b.PublishedPort ?? 0));
  return defined<EndpointSpec>({
    Mode: (service.deploy.endpointMode?.toLowerCase() || undefined) as EndpointSpec['Mode'],
    Ports: filled(ports),
  });
}

/** Upper case with prefix, no duplicates, sorted; `ALL` swallows the rest; what is added is not dropped. */
function capabilities(add: readonly string[], drop: readonly string[]): { add: string[]; drop: string[] } {
  const normal = (names: readonly string[]) => {
    const set = new Set(
      names.map((name) => name.trim().toUpperCase()).map((name) => (name === 'ALL' || name.startsWith('CAP_') ? name : `CAP_${name}`)),
    );
    return set.has('ALL') ? new Set(['ALL']) : set;
  };
  const added = normal(add);
  const dropped = normal(drop);
  for (const name of added) dropped.delete(name);
  return { add: [...added].sort(byCodeUnit), drop: [...dropped].sort(byCodeUnit) };
}
