import type { PortConfig } from '../../engine-api/service-spec.ts';
import { byCodeUnit, defined } from '../absent.ts';
import type {
  ComposeAttachment,
  ComposeDeploy,
  ComposeFileReference,
  ComposeHealthcheck,
  ComposeMount,
  ComposeResources,
  ComposeService,
  ComposeUpdate,
} from '../model.ts';
import { joinPath } from '../paths.ts';
import { parseBytes, parseNanoCPUs } from '../units.ts';
import { Float, type Path, type Tree, type TreeMap } from '../yaml-tree.ts';
import { parseEnvFile } from './env-file.ts';
import { extensionsOf, ignoredKeys } from './ignored.ts';
import type { Lookup } from './interpolate.ts';
import { parseMount, resolveSource } from './mounts.ts';
import { parsePorts } from './ports.ts';
import { splitCommand } from './split-command.ts';
import { flag, keyValues, listOfMaps, mapping, nanoseconds, options, text, texts, whole } from './values.ts';

/** What decoding needs besides the tree, and where it says what it found. */
export interface DecodeContext {
  readonly directory: string;
  readonly home: string;
  readonly lookup: Lookup;
  readonly readFile: (path: string) => Uint8Array | undefined;
  readonly problem: (path: Path, message: string) => void;
  readonly warning: (path: Path, message: string) => void;
}

/** One service of a tree whose shape has been checked. */
export class ServiceDecoder {
  readonly #tree: TreeMap;
  readonly #path: Path;
  readonly #context: DecodeContext;

  constructor(tree: TreeMap, path: Path, context: DecodeContext) {
    this.#tree = tree;
    this.#path = path;
    this.#context = context;
  }

  decode(name: string): ComposeService {
    const tree = this.#tree;
    return defined<ComposeService>({
      name,
      image: text(tree.get('image')),
      capAdd: texts(tree.get('cap_add')),
      capDrop: texts(tree.get('cap_drop')),
      command: this.#command('command'),
      entrypoint: this.#command('entrypoint'),
      configs: this.#references('configs'),
      secrets: this.#references('secrets'),
      credentialSpec: tree.has('credential_spec') ? credentialSpec(mapping(tree.get('credential_spec'))) : undefined,
      deploy: this.#deploy(),
      dns: texts(tree.get('dns')),
      dnsSearch: texts(tree.get('dns_search')),
      environment: this.#environment(),
      extraHosts: extraHosts(tree.get('extra_hosts')),
      healthcheck: tree.has('healthcheck') ? this.#healthcheck(mapping(tree.get('healthcheck'))) : undefined,
      hostname: text(tree.get('hostname')),
      init: flag(tree.get('init')),
      isolation: text(tree.get('isolation')),
      labels: keyValues(tree.get('labels')),
      logging: tree.has('logging') ? logging(mapping(tree.get('logging'))) : undefined,
      networks: networks(tree.get('networks')),
      ports: this.#ports(),
      readOnly: flag(tree.get('read_only')),
      restart: text(tree.get('restart')),
      stdinOpen: flag(tree.get('stdin_open')),
      stopGracePeriod: nanoseconds(tree.get('stop_grace_period')),
      stopSignal: text(tree.get('stop_signal')),
      sysctls: keyValues(tree.get('sysctls')),
      tty: flag(tree.get('tty')),
      ulimits: ulimits(tree.get('ulimits')),
      user: text(tree.get('user')),
      volumes: this.#volumes(),
      workingDir: text(tree.get('working_dir')),
      ignored: ignoredKeys(tree),
      extensions: extensionsOf(tree),
    });
  }

  #attempt<T>(path: Path, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#context.problem(path, (error as Error).message);
      return undefined;
    }
  }

  #command(key: string): string[] | undefined {
    const value = this.#tree.get(key);
    if (typeof value !== 'string') return texts(value);
    return this.#attempt([...this.#path, key], () => splitCommand(value));
  }

  #references(key: string): ComposeFileReference[] | undefined {
    const value = this.#tree.get(key);
    if (!Array.isArray(value)) return undefined;
    return value.map((item) => {
      if (typeof item === 'string') return { source: item };
      const tree = mapping(item);
      return defined<ComposeFileReference>({
        source: text(tree.get('source')) ?? '',
        target: text(tree.get('target')),
        uid: text(tree.get('uid')),
        gid: text(tree.get('gid')),
        mode: whole(tree.get('mode')),
      });
    });
  }

  /**
   * env_file first, `environment` over it. A value that is null or empty gives way to the caller's variable of that
   * name: an oddity of the docker CLI that files rely on.
   */
  #environment(): Map<string, string | null> {
    const { lookup } = this.#context;
    const result = new Map<string, string | null>();
    const put = (key: string, value: string | null) => result.set(key, value === null || value === '' ? (lookup(key) ?? value) : value);
    const files = texts(this.#tree.get('env_file')) ?? [];
    files.forEach((file, index) => {
      const path = joinPath(this.#context.directory, file);
      const bytes = this.#context.readFile(path);
      const at = [...this.#path, 'env_file', index];
      if (bytes === undefined) this.#context.problem(at, `open ${path}: no such file or directory`);
      else for (const [key, value] of this.#attempt(at, () => parseEnvFile(path, bytes, lookup)) ?? []) put(key, value);
    });
    const value = this.#tree.get('environment');
    if (Array.isArray(value)) {
      for (const item of value as string[]) {
        const at = item.indexOf('=');
        if (at < 0) put(item, null);
        else put(item.slice(0, at), item.slice(at + 1));
      }
    } else for (const [key, item] of mapping(value)) put(key, item === null ? null : String(item));
    return result;
  }

  #healthcheck(tree: TreeMap): ComposeHealthcheck {
    const test = tree.get('test');
    return defined<ComposeHealthcheck>({
      test: typeof test === 'string' ? ['CMD-SHELL', test] : texts(test),
      interval: nanoseconds(tree.get('interval')),
      timeout: nanoseconds(tree.get('timeout')),
      startPeriod: nanoseconds(tree.get('start_period')),
      startInterval: nanoseconds(tree.get('start_interval')),
      retries: whole(tree.get('retries')),
      disable: flag(tree.get('disable')),
    });
  }

  #ports(): PortConfig[] | undefined {
    const value = this.#tree.get('ports');
    if (!Array.isArray(value)) return undefined;
    return value.flatMap((item, index) => {
      if (item instanceof Map) return [longPort(item)];
      const path = [...this.#path, 'ports', index];
      const parsed = this.#attempt(path, () => parsePorts(String(item)));
      for (const address of parsed?.ignoredAddresses ?? []) {
        this.#context.warning(path, `ignoring IP-address (${address}) service will listen on '0.0.0.0'`);
      }
      return parsed?.ports ?? [];
    });
  }

  #volumes(): ComposeMount[] | undefined {
    const value = this.#tree.get('volumes');
    if (!Array.isArray(value)) return undefined;
    return value.flatMap((item, index) => {
      const path = [...this.#path, 'volumes', index];
      const mount = item instanceof Map ? longMount(item) : this.#attempt(path, () => parseMount(String(item)));
      if (mount === undefined) return [];
      if (mount.type === 'bind' && !mount.source) {
        this.#context.problem(path, 'invalid mount config for type "bind": field Source must not be empty');
      }
      return [resolveSource(mount, this.#context.directory, this.#context.home)];
    });
  }

  #deploy(): ComposeDeploy {
    const tree = mapping(this.#tree.get('deploy'));
    const resources = mapping(tree.get('resources'));
    const placement = mapping(tree.get('placement'));
    const path = [...this.#path, 'deploy'];
    return defined<ComposeDeploy>({
      mode: text(tree.get('mode')),
      endpointMode: text(tree.get('endpoint_mode')),
      replicas: whole(tree.get('replicas')),
      labels: keyValues(tree.get('labels')),
      updateConfig: tree.has('update_config') ? update(mapping(tree.get('update_config'))) : undefined,
      rollbackConfig: tree.has('rollback_config') ? update(mapping(tree.get('rollback_config'))) : undefined,
      limits: resources.has('limits') ? this.#resources(mapping(resources.get('limits')), [...path, 'resources', 'limits']) : undefined,
      reservations: resources.has('reservations')
        ? this.#resources(mapping(resources.get('reservations')), [...path, 'resources', 'reservations'])
        : undefined,
      restartPolicy: tree.has('restart_policy') ? restartPolicy(mapping(tree.get('restart_policy'))) : undefined,
      constraints: texts(placement.get('constraints')),
      preferences: listOfMaps(placement.get('preferences'))?.map((item) => text(item.get('spread')) ?? ''),
      maxReplicas: whole(placement.get('max_replicas_per_node')),
    });
  }

  #resources(tree: TreeMap, path: Path): ComposeResources {
    const cpus = text(tree.get('cpus'));
    const memory = text(tree.get('memory'));
    return defined<ComposeResources>({
      cpus,
      nanoCPUs: cpus ? this.#attempt([...path, 'cpus'], () => parseNanoCPUs(cpus)) : undefined,
      memoryBytes: memory !== undefined ? this.#attempt([...path, 'memory'], () => parseBytes(memory)) : undefined,
      pids: whole(tree.get('pids')),
      genericResources: listOfMaps(tree.get('generic_resources'))?.map((item) => {
        const spec = mapping(item.get('discrete_resource_spec'));
        return { kind: text(spec.get('kind')) ?? '', value: whole(spec.get('value')) ?? 0 };
      }),
    });
  }
}

function update(tree: TreeMap): ComposeUpdate {
  const ratio = tree.get('max_failure_ratio');
  return defined<ComposeUpdate>({
    parallelism: whole(tree.get('parallelism')),
    delay: nanoseconds(tree.get('delay')),
    failureAction: text(tree.get('failure_action')),
    monitor: nanoseconds(tree.get('monitor')),
    maxFailureRatio: ratio === undefined ? undefined : ratio instanceof Float ? ratio.value : Number(ratio),
    order: text(tree.get('order')),
  });
}

function restartPolicy(tree: TreeMap): NonNullable<ComposeDeploy['restartPolicy']> {
  return defined<NonNullable<ComposeDeploy['restartPolicy']>>({
    condition: text(tree.get('condition')),
    delay: nanoseconds(tree.get('delay')),
    maxAttempts: whole(tree.get('max_attempts')),
    window: nanoseconds(tree.get('window')),
  });
}

function credentialSpec(tree: TreeMap) {
  return defined<NonNullable<ComposeService['credentialSpec']>>({
    config: text(tree.get('config')),
    file: text(tree.get('file')),
    registry: text(tree.get('registry')),
  });
}

function logging(tree: TreeMap): NonNullable<ComposeService['logging']> {
  return defined<NonNullable<ComposeService['logging']>>({ driver: text(tree.get('driver')), options: options(tree.get('options')) });
}

function networks(value: Tree | undefined): ComposeService['networks'] {
  if (Array.isArray(value)) return new Map(value.map((name) => [String(name), null]));
  return new Map(
    [...mapping(value)].map(([name, item]) => {
      if (item === null) return [name, null];
      const tree = mapping(item);
      const attachment = defined<ComposeAttachment>({
        aliases: texts(tree.get('aliases')),
        driverOpts: mapping(tree.get('driver_opts')).size > 0 ? options(tree.get('driver_opts')) : undefined,
        ipv4Address: text(tree.get('ipv4_address')),
        ipv6Address: text(tree.get('ipv6_address')),
      });
      return [name, attachment];
    }),
  );
}

function longPort(tree: TreeMap): PortConfig {
  return defined<PortConfig>({
    Protocol: (text(tree.get('protocol')) || undefined) as PortConfig['Protocol'],
    TargetPort: whole(tree.get('target')) || undefined,
    PublishedPort: whole(tree.get('published')) || undefined,
    PublishMode: (text(tree.get('mode')) || undefined) as PortConfig['PublishMode'],
  });
}

function longMount(tree: TreeMap): ComposeMount {
  const bind = mapping(tree.get('bind'));
  const volume = mapping(tree.get('volume'));
  const tmpfs = mapping(tree.get('tmpfs'));
  return defined<ComposeMount>({
    type: text(tree.get('type')) ?? '',
    source: text(tree.get('source')),
    target: text(tree.get('target')),
    readOnly: flag(tree.get('read_only')),
    consistency: text(tree.get('consistency')),
    bind: tree.has('bind') ? defined<{ propagation?: string }>({ propagation: text(bind.get('propagation')) }) : undefined,
    volume: tree.has('volume')
      ? defined<{ nocopy?: boolean; subpath?: string }>({ nocopy: flag(volume.get('nocopy')), subpath: text(volume.get('subpath')) })
      : undefined,
    tmpfs: tree.has('tmpfs') ? defined<{ size?: number }>({ size: whole(tmpfs.get('size')) }) : undefined,
    cluster: tree.get('type') === 'cluster' ? true : undefined,
  });
}

/** `host:ip` or `host=ip` becomes `host:ip`, without brackets around the ip; map form sorted by host. Entries with neither separator are dropped. */
function extraHosts(value: Tree | undefined): string[] | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value)) {
    return (value as string[])
      .map((item) => (item.includes('=') ? item.replace('=', ':') : item))
      .filter((item) => item.includes(':'))
      .map(withoutBrackets);
  }
  return [...mapping(value)]
    .filter(([, address]) => address !== null)
    .map(([host, address]) => withoutBrackets(`${host}:${String(address)}`))
    .sort(byCodeUnit);
}

function withoutBrackets(entry: string): string {
  return entry.replace(/^([^:]*):\[(.*)\]$/, '$1:$2');
}

function ulimits(value: Tree | undefined): ComposeService['ulimits'] {
  return new Map(
    [...mapping(value)].map(([name, item]) => {
      if (item instanceof Map) return [name, { soft: whole(item.get('soft')) ?? 0, hard: whole(item.get('hard')) ?? 0 }];
      return [name, { soft: whole(item) ?? 0, hard: whole(item) ?? 0, single: true }];
    }),
  );
}
