import { DEPENDS_ON_LABEL, formatDependsOn } from '../domain/depends-on.ts';
import { familiarReference, parseImageReference } from '../domain/image-reference.ts';
import { STACK_IMAGE_LABEL } from '../domain/labels.ts';
import type { ConfigReference, ContainerSpec, Mount, SecretReference } from '../engine-api/container-spec.ts';
import type { Platform, RestartPolicy, ServiceMode, ServiceSpecInput, TaskSpec } from '../engine-api/service-spec.ts';
import { byCodeUnit, defined, filled } from './absent.ts';
import { type ConvertContext, PREDEFINED_NETWORKS, record, stackLabels } from './convert-context.ts';
import { MountConverter } from './convert-mount.ts';
import type { ComposeFile, ComposeService } from './model.ts';
import { capabilities, endpointSpec, environment, fileTarget, hosts, resources, updateConfig } from './service-parts.ts';
import type { Path } from './yaml-tree.ts';

/** One service as it would be posted; what it refers to is looked up in the file. */
export class ServiceConverter {
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
              Name: logging.driver || undefined,
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
    const reason =
      image === '' ? 'no image specified; name one under "image", as a cluster builds none' : `invalid reference format ("${image}")`;
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
    if (healthcheck.disable === true) return { Test: ['NONE'] };
    return defined<NonNullable<ContainerSpec['Healthcheck']>>({
      Test: filled(healthcheck.test),
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
    if (given.length === 0) return undefined;
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
