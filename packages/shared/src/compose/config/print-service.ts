import type { ComposeDeploy, ComposeMount, ComposeResources, ComposeService, ComposeUpdate } from '../model.ts';
import { formatDuration } from '../units.ts';
import { Float, type Tree, type TreeMap } from '../yaml-tree.ts';
import { extensions, fields, filledOptions, optionsTree } from './fields.ts';

/** A service with its keys in the docker CLI's order. Zero values are left out but where a pointer holds them there. */
export function serviceTree(service: ComposeService): TreeMap {
  const ignored = (key: string): Tree | undefined => service.ignored?.get(key);
  return fields([
    ['build', service.ignored?.get('build')],
    ['cap_add', list(service.capAdd)],
    ['cap_drop', list(service.capDrop)],
    ['cgroupns_mode', ignored('cgroupns_mode')],
    ['cgroup_parent', ignored('cgroup_parent')],
    ['command', list(service.command)],
    ['configs', references(service.configs)],
    ['container_name', ignored('container_name')],
    ['credential_spec', credentialSpec(service)],
    ['depends_on', ignored('depends_on')],
    ['deploy', deployTree(service.deploy)],
    ['devices', ignored('devices')],
    ['dns', list(service.dns)],
    ['dns_opt', list(service.dnsOptions)],
    ['dns_search', list(service.dnsSearch)],
    ['domainname', ignored('domainname')],
    ['entrypoint', list(service.entrypoint)],
    ['environment', service.environment.size === 0 ? undefined : optionsTree(service.environment)],
    ['env_file', ignored('env_file')],
    ['expose', ignored('expose')],
    ['external_links', ignored('external_links')],
    ['extra_hosts', list(service.extraHosts)],
    ['group_add', list(service.groups)],
    ['hostname', service.hostname || undefined],
    ['healthcheck', healthcheck(service)],
    ['image', service.image || undefined],
    ['init', service.init],
    ['ipc', ignored('ipc')],
    ['isolation', service.isolation || undefined],
    ['labels', filledOptions(service.labels)],
    ['links', ignored('links')],
    ['logging', logging(service)],
    ['mac_address', ignored('mac_address')],
    ['network_mode', ignored('network_mode')],
    ['networks', networks(service)],
    ['oom_score_adj', service.oomScoreAdj],
    ['pid', ignored('pid')],
    ['platform', platform(service)],
    ['ports', ports(service)],
    ['privileged', ignored('privileged')],
    ['read_only', service.readOnly || undefined],
    ['restart', service.restart || undefined],
    ['secrets', references(service.secrets)],
    ['security_opt', ignored('security_opt') ?? securityOptions(service)],
    ['shm_size', ignored('shm_size')],
    ['stdin_open', service.stdinOpen || undefined],
    ['stop_grace_period', duration(service.stopGracePeriod)],
    ['stop_signal', service.stopSignal || undefined],
    ['sysctls', filledOptions(service.sysctls)],
    ['tmpfs', ignored('tmpfs') ?? list(tmpfsSpecs(service.volumes))],
    ['tty', service.tty || undefined],
    ['ulimits', ulimits(service)],
    ['user', service.user || undefined],
    ['userns_mode', ignored('userns_mode')],
    ['volumes', list(service.volumes?.filter((mount) => !isTmpfsSpec(mount)).map(mountTree))],
    ['working_dir', service.workingDir || undefined],
    ...extensions(service.extensions),
  ]);
}

function list(values: readonly Tree[] | undefined): Tree[] | undefined {
  return values === undefined || values.length === 0 ? undefined : [...values];
}

function duration(nanoseconds: number | undefined): string | undefined {
  return nanoseconds === undefined ? undefined : formatDuration(nanoseconds);
}

function nonZero<T extends number>(value: T | undefined): T | undefined {
  return value === 0 ? undefined : value;
}

function references(entries: ComposeService['configs']): Tree[] | undefined {
  return list(
    entries?.map(({ source, target, uid, gid, mode }) =>
      fields([
        ['source', source],
        ['target', target || undefined],
        ['uid', uid || undefined],
        ['gid', gid || undefined],
        ['mode', mode],
      ]),
    ),
  );
}

function credentialSpec({ credentialSpec: spec }: ComposeService): TreeMap | undefined {
  const tree = fields([
    ['config', spec?.config || undefined],
    ['file', spec?.file || undefined],
    ['registry', spec?.registry || undefined],
  ]);
  return tree.size === 0 ? undefined : tree;
}

function deployTree(deploy: ComposeDeploy): TreeMap | undefined {
  const resources = fields([
    ['limits', deploy.limits && resourcesTree(deploy.limits)],
    ['reservations', deploy.reservations && resourcesTree(deploy.reservations)],
  ]);
  const policy = deploy.restartPolicy;
  const placement = fields([
    ['constraints', list(deploy.constraints)],
    ['preferences', list(deploy.preferences?.map((spread) => fields([['spread', spread]])))],
    ['max_replicas_per_node', nonZero(deploy.maxReplicas)],
  ]);
  const tree = fields([
    ['mode', deploy.mode || undefined],
    ['replicas', deploy.replicas],
    ['labels', filledOptions(deploy.labels)],
    ['update_config', deploy.updateConfig && updateTree(deploy.updateConfig)],
    ['rollback_config', deploy.rollbackConfig && updateTree(deploy.rollbackConfig)],
    ['resources', resources.size === 0 ? undefined : resources],
    [
      'restart_policy',
      policy &&
        fields([
          ['condition', policy.condition || undefined],
          ['delay', duration(policy.delay)],
          ['max_attempts', policy.maxAttempts],
          ['window', duration(policy.window)],
        ]),
    ],
    ['placement', placement.size === 0 ? undefined : placement],
    ['endpoint_mode', deploy.endpointMode || undefined],
  ]);
  return tree.size === 0 ? undefined : tree;
}

function updateTree(update: ComposeUpdate): TreeMap {
  return fields([
    ['parallelism', update.parallelism],
    ['delay', duration(nonZero(update.delay))],
    ['failure_action', update.failureAction || undefined],
    ['monitor', duration(nonZero(update.monitor))],
    ['max_failure_ratio', update.maxFailureRatio ? new Float(update.maxFailureRatio) : undefined],
    ['order', update.order || undefined],
  ]);
}

function resourcesTree(resources: ComposeResources): TreeMap {
  return fields([
    ['cpus', resources.cpus || undefined],
    ['memory', resources.memoryBytes ? String(resources.memoryBytes) : undefined],
    ['pids', nonZero(resources.pids)],
    [
      'generic_resources',
      list(
        resources.genericResources?.map(({ kind, value }) =>
          fields([
            [
              'discrete_resource_spec',
              fields([
                ['kind', kind],
                ['value', value],
              ]),
            ],
          ]),
        ),
      ),
    ],
  ]);
}

function healthcheck({ healthcheck: check }: ComposeService): TreeMap | undefined {
  return (
    check &&
    fields([
      ['test', list(check.test)],
      ['timeout', duration(check.timeout)],
      ['interval', duration(check.interval)],
      ['retries', check.retries],
      ['start_period', duration(check.startPeriod)],
      ['start_interval', duration(check.startInterval)],
      ['disable', check.disable || undefined],
    ])
  );
}

function logging({ logging: log }: ComposeService): TreeMap | undefined {
  return (
    log &&
    fields([
      ['driver', log.driver || undefined],
      ['options', filledOptions(log.options)],
    ])
  );
}

function networks(service: ComposeService): Tree | undefined {
  if (service.networks.size === 0) return undefined;
  return optionsTree(
    new Map(
      [...service.networks].map(([name, attachment]): [string, Tree] => [
        name,
        attachment &&
          fields([
            ['aliases', list(attachment.aliases)],
            ['driver_opts', filledOptions(attachment.driverOpts)],
            ['ipv4_address', attachment.ipv4Address || undefined],
            ['ipv6_address', attachment.ipv6Address || undefined],
          ]),
      ]),
    ),
  );
}

function platform({ platform: value }: ComposeService): string | undefined {
  return value && [value.os, value.architecture].filter((part) => part !== undefined).join('/');
}

function ports(service: ComposeService): Tree[] | undefined {
  return list(
    service.ports?.map((port) =>
      fields([
        ['mode', port.PublishMode || undefined],
        ['target', port.TargetPort || undefined],
        ['published', port.PublishedPort || undefined],
        ['protocol', port.Protocol || undefined],
      ]),
    ),
  );
}

function securityOptions({ privileges }: ComposeService): Tree[] | undefined {
  if (privileges === undefined) return undefined;
  const { noNewPrivileges, seccomp, appArmor, seLinux = {} } = privileges;
  return list([
    ...(noNewPrivileges ? ['no-new-privileges:true'] : []),
    ...(seccomp === undefined ? [] : ['seccomp:unconfined']),
    ...(appArmor === undefined ? [] : ['apparmor:unconfined']),
    ...Object.entries(seLinux).map(([key, value]) => `label:${key.toLowerCase()}${value === true ? '' : `:${String(value)}`}`),
  ]);
}

function ulimits(service: ComposeService): Tree | undefined {
  if (service.ulimits.size === 0) return undefined;
  return optionsTree(
    new Map(
      [...service.ulimits].map(([name, { soft, hard, single }]): [string, Tree] => [
        name,
        single && soft !== 0
          ? soft
          : fields([
              ['soft', nonZero(soft)],
              ['hard', nonZero(hard)],
            ]),
      ]),
    ),
  );
}

function mountTree(mount: ComposeMount): TreeMap {
  return fields([
    ['type', mount.type],
    ['source', mount.source || undefined],
    ['target', mount.target || undefined],
    ['read_only', mount.readOnly || undefined],
    ['consistency', mount.consistency || undefined],
    ['bind', mount.bind && fields([['propagation', mount.bind.propagation || undefined]])],
    [
      'volume',
      mount.volume &&
        fields([
          ['nocopy', mount.volume.nocopy || undefined],
          ['subpath', mount.volume.subpath || undefined],
        ]),
    ],
    ['tmpfs', mount.tmpfs && fields([['size', nonZero(mount.tmpfs.size)]])],
  ]);
}

/** Options that only the short form under `tmpfs` can say. */
function isTmpfsSpec(mount: ComposeMount): boolean {
  return mount.type === 'tmpfs' && (mount.tmpfs?.mode !== undefined || mount.tmpfs?.options !== undefined);
}

function tmpfsSpecs(mounts: readonly ComposeMount[] = []): string[] {
  return mounts.filter(isTmpfsSpec).map(({ target = '', tmpfs = {}, readOnly }) => {
    const options = [
      ...(readOnly ? ['ro'] : []),
      ...(tmpfs.size ? [`size=${tmpfs.size}`] : []),
      ...(tmpfs.mode === undefined ? [] : [`mode=${tmpfs.mode.toString(8)}`]),
      ...(tmpfs.options ?? []).map((option) => option.join('=')),
    ];
    return `${target}:${options.join(',')}`;
  });
}
