import type { ComposeMount, ComposeService } from '../model.ts';
import { parseBytes, parseDuration } from '../units.ts';
import { Float, type Path, type Tree, type TreeMap } from '../yaml-tree.ts';

/** Where the conversion says what it could not read. */
export type Problem = (path: Path, message: string) => void;

/** Keys that both dialects write alike once the tree is canonical. */
const SHARED = [
  'image',
  'cap_add',
  'cap_drop',
  'command',
  'configs',
  'credential_spec',
  'dns',
  'dns_search',
  'entrypoint',
  'hostname',
  'isolation',
  'restart',
  'secrets',
  'stop_signal',
  'working_dir',
];

/**
 * A canonical service of the Compose Specification in the words of version 3, so that one decoder serves both dialects.
 * Numbers and booleans that the specification lets be strings are read here. `environment` is resolved already.
 */
export function toLegacyShape(service: TreeMap, path: Path, problem: Problem): TreeMap {
  const reader = new Reader(service, path, problem);
  const result: TreeMap = new Map();
  const put = (key: string, value: Tree | undefined) => {
    if (value !== undefined && value !== null) result.set(key, value);
  };
  for (const key of SHARED) put(key, service.get(key));
  for (const key of ['init', 'read_only', 'stdin_open', 'tty']) put(key, reader.flag(key));
  put('user', reader.text('user'));
  put('stop_grace_period', reader.duration(service.get('stop_grace_period'), ['stop_grace_period']));
  put('labels', texts(service.get('labels')));
  put('sysctls', texts(service.get('sysctls')));
  put('environment', service.get('environment'));
  put('extra_hosts', hosts(service.get('extra_hosts')));
  put('networks', networks(service));
  put('ports', service.get('ports'));
  put('ulimits', reader.ulimits());
  put('healthcheck', reader.healthcheck());
  put('logging', logging(service.get('logging')));
  put('volumes', reader.volumes());
  put('deploy', reader.deploy());
  for (const kind of ['configs', 'secrets']) put(kind, reader.references(kind));
  return result;
}

/** What version 3 has no words for. */
export function extras(service: TreeMap, path: Path, problem: Problem, warning: Problem): Partial<ComposeService> {
  const reader = new Reader(service, path, problem);
  const result: Partial<ComposeService> = {};
  const groups = reader.texts('group_add');
  if (groups.length > 0) result.groups = groups;
  const options = reader.texts('dns_opt');
  if (options.length > 0) result.dnsOptions = options;
  const oom = reader.whole(service.get('oom_score_adj'), ['oom_score_adj']);
  if (oom !== undefined) result.oomScoreAdj = oom;
  const platform = reader.text('platform');
  if (platform !== undefined) {
    const [os = '', architecture] = platform.split('/');
    result.platform = architecture === undefined ? { os } : { os, architecture };
  }
  const privileges = securityOptions(reader.texts('security_opt'), (index, message) => warning([...path, 'security_opt', index], message));
  if (privileges !== undefined) result.privileges = privileges;
  return result;
}

/** Mounts that are not written under `volumes`. */
export function extraMounts(service: TreeMap, path: Path, problem: Problem): ComposeMount[] {
  const reader = new Reader(service, path, problem);
  const mounts = reader.texts('tmpfs').map((spec, index) => tmpfsMount(spec, (message) => problem([...path, 'tmpfs', index], message)));
  const shared = reader.bytes(service.get('shm_size'), ['shm_size']);
  if (shared !== undefined) mounts.push({ type: 'tmpfs', target: '/dev/shm', tmpfs: { size: Number(shared) } });
  return mounts;
}

function tmpfsMount(spec: string, problem: (message: string) => void): ComposeMount {
  const [target = '', options = ''] = spec.split(/:(.*)/s);
  const mount: ComposeMount = { type: 'tmpfs', target };
  for (const option of options.split(',').filter((each) => each !== '')) {
    const [key = '', value] = option.split(/=(.*)/s);
    mount.tmpfs ??= {};
    if (key === 'ro') mount.readOnly = true;
    else if (key === 'size' && value !== undefined) {
      try {
        mount.tmpfs.size = parseBytes(value);
      } catch (error) {
        problem(`tmpfs ${target}: ${(error as Error).message}`);
      }
    } else if (key === 'mode' && value !== undefined && /^[0-7]{1,4}$/.test(value)) mount.tmpfs.mode = Number.parseInt(value, 8);
    else if (key !== 'rw') mount.tmpfs.options = [...(mount.tmpfs.options ?? []), value === undefined ? [key] : [key, value]];
  }
  return mount;
}

function securityOptions(options: readonly string[], warn: (index: number, message: string) => void): ComposeService['privileges'] {
  const result: NonNullable<ComposeService['privileges']> = {};
  options.forEach((option, index) => {
    const [key = '', value = ''] = option.split(/[:=](.*)/s);
    if (key === 'no-new-privileges' && value !== 'false') result.noNewPrivileges = true;
    else if (key === 'seccomp' && value === 'unconfined') result.seccomp = 'unconfined';
    else if (key === 'apparmor' && value === 'unconfined') result.appArmor = 'disabled';
    else if (key === 'label') {
      const [name = '', label = ''] = value.split(/:(.*)/s);
      const field = { user: 'User', role: 'Role', type: 'Type', level: 'Level', disable: 'Disable' }[name];
      if (field !== undefined) result.seLinux = { ...result.seLinux, [field]: field === 'Disable' ? true : label };
    } else
      warn(
        index,
        `security_opt "${option}" is ignored: a task takes no-new-privileges, seccomp=unconfined, apparmor=unconfined and SELinux labels`,
      );
  });
  return Object.keys(result).length === 0 ? undefined : result;
}

class Reader {
  readonly #tree: TreeMap;
  readonly #path: Path;
  readonly #problem: Problem;

  constructor(tree: TreeMap, path: Path, problem: Problem) {
    this.#tree = tree;
    this.#path = path;
    this.#problem = problem;
  }

  text(key: string): string | undefined {
    const value = this.#tree.get(key);
    return value === undefined || value === null ? undefined : String(value);
  }

  texts(key: string): string[] {
    const value = this.#tree.get(key);
    return Array.isArray(value) ? value.map(String) : [];
  }

  flag(key: string, tree = this.#tree, path: Path = []): boolean | undefined {
    const value = tree.get(key);
    if (typeof value === 'boolean' || value === undefined || value === null) return value ?? undefined;
    const word = { true: true, yes: true, y: true, on: true, 1: true, false: false, no: false, n: false, off: false, 0: false }[
      String(value).toLowerCase()
    ];
    if (word === undefined)
      this.#problem([...this.#path, ...path, key], `${[...this.#path, ...path, key].join('.')}: "${String(value)}" is not true or false`);
    return word;
  }

  whole(value: Tree | undefined, path: Path): number | undefined {
    if (value === undefined || value === null) return undefined;
    const number = value instanceof Float ? value.value : Number(value);
    if (Number.isInteger(number) && String(value).trim() !== '') return number;
    this.#problem([...this.#path, ...path], `${[...this.#path, ...path].join('.')}: "${String(value)}" is not a whole number`);
    return undefined;
  }

  /** A duration with days and weeks, in the units that version 3 knows. */
  duration(value: Tree | undefined, path: Path): string | undefined {
    if (value === undefined || value === null) return undefined;
    const text = String(value).replace(
      /(\d+(?:\.\d+)?)([dw])/g,
      (_match, amount: string, unit: string) => `${Number(amount) * (unit === 'd' ? 24 : 168)}h`,
    );
    if (parseDuration(text) !== undefined) return text;
    this.#problem(
      [...this.#path, ...path],
      `${[...this.#path, ...path].join('.')}: "${String(value)}" is not a duration; write for example 1m30s`,
    );
    return undefined;
  }

  bytes(value: Tree | undefined, path: Path): string | undefined {
    if (value === undefined || value === null) return undefined;
    try {
      return String(parseBytes(String(value)));
    } catch (error) {
      this.#problem([...this.#path, ...path], `${[...this.#path, ...path].join('.')}: ${(error as Error).message}; write for example 512m`);
      return undefined;
    }
  }

  ulimits(): Tree | undefined {
    const value = this.#tree.get('ulimits');
    if (!(value instanceof Map)) return undefined;
    const entries = [...value].map(([name, limit]): [string, Tree] => {
      const path = ['ulimits', name];
      if (!(limit instanceof Map)) return [name, this.whole(limit, path) ?? 0];
      const hard = this.whole(limit.get('hard'), [...path, 'hard']);
      const soft = this.whole(limit.get('soft'), [...path, 'soft']);
      return [
        name,
        new Map<string, Tree>([
          ['soft', soft ?? hard ?? 0],
          ['hard', hard ?? soft ?? 0],
        ]),
      ];
    });
    return new Map(entries);
  }

  healthcheck(): Tree | undefined {
    const value = this.#tree.get('healthcheck');
    if (!(value instanceof Map)) return undefined;
    return compact([
      ['test', value.get('test')],
      ['disable', this.flag('disable', value, ['healthcheck'])],
      ['retries', this.whole(value.get('retries'), ['healthcheck', 'retries'])],
      ...['interval', 'timeout', 'start_period', 'start_interval'].map((key): [string, Tree | undefined] => [
        key,
        this.duration(value.get(key), ['healthcheck', key]),
      ]),
    ]);
  }

  volumes(): Tree[] | undefined {
    const value = this.#tree.get('volumes');
    if (!Array.isArray(value)) return undefined;
    return value.map((item, index) => {
      if (!(item instanceof Map)) return item;
      const path = ['volumes', index];
      const inner = (key: string) => (item.get(key) instanceof Map ? (item.get(key) as TreeMap) : undefined);
      const volume = inner('volume');
      const tmpfs = inner('tmpfs');
      return compact([
        ...['type', 'source', 'target', 'consistency'].map((key): [string, Tree | undefined] => [key, item.get(key)]),
        ['read_only', this.flag('read_only', item, path)],
        ['bind', inner('bind')],
        [
          'volume',
          volume &&
            compact([
              ['nocopy', this.flag('nocopy', volume, [...path, 'volume'])],
              ['subpath', volume.get('subpath')],
            ]),
        ],
        ['tmpfs', tmpfs && compact([['size', numeric(this.bytes(tmpfs.get('size'), [...path, 'tmpfs', 'size']))]])],
      ]);
    });
  }

  references(key: string): Tree[] | undefined {
    const value = this.#tree.get(key);
    if (!Array.isArray(value)) return undefined;
    return value.map((item, index) => {
      if (!(item instanceof Map)) return item;
      const mode = item.get('mode');
      const path = [key, index, 'mode'];
      const octal =
        typeof mode === 'string'
          ? /^(0o?)?[0-7]+$/.test(mode)
            ? Number.parseInt(mode.replace(/^0o?/, '') || '0', 8)
            : this.whole(mode, path)
          : mode;
      return compact([
        ['source', item.get('source')],
        ['target', item.get('target')],
        ['uid', stringOf(item.get('uid'))],
        ['gid', stringOf(item.get('gid'))],
        ['mode', octal],
      ]);
    });
  }

  /** `deploy`, with the service-level keys that say the same filled in; two different words for one thing are a problem. */
  deploy(): Tree {
    const deploy = (this.#tree.get('deploy') as TreeMap | null | undefined) ?? new Map();
    const resources = mapOf(deploy.get('resources'));
    const replicas = this.#one(
      'scale',
      this.whole(deploy.get('replicas'), ['deploy', 'replicas']),
      this.whole(this.#tree.get('scale'), ['scale']),
    );
    const limits = this.#resources(mapOf(resources.get('limits')), 'limits', { cpus: 'cpus', memory: 'mem_limit', pids: 'pids_limit' });
    const reservations = this.#resources(mapOf(resources.get('reservations')), 'reservations', { memory: 'mem_reservation' });
    const placement = mapOf(deploy.get('placement'));
    const restart = deploy.get('restart_policy');
    const update = (key: string): Tree | undefined => {
      const value = deploy.get(key);
      if (!(value instanceof Map)) return undefined;
      const ratio = value.get('max_failure_ratio');
      return compact([
        ['parallelism', this.whole(value.get('parallelism'), ['deploy', key, 'parallelism'])],
        ['delay', this.duration(value.get('delay'), ['deploy', key, 'delay'])],
        ['monitor', this.duration(value.get('monitor'), ['deploy', key, 'monitor'])],
        ['max_failure_ratio', ratio === undefined ? undefined : new Float(Number(String(ratio)))],
        ['failure_action', value.get('failure_action')],
        ['order', value.get('order')],
      ]);
    };
    return compact([
      ['mode', deploy.get('mode')],
      ['endpoint_mode', deploy.get('endpoint_mode')],
      ['replicas', replicas],
      ['labels', texts(deploy.get('labels'))],
      ['update_config', update('update_config')],
      ['rollback_config', update('rollback_config')],
      [
        'resources',
        limits.size + reservations.size === 0
          ? undefined
          : compact([
              ['limits', filled(limits)],
              ['reservations', filled(reservations)],
            ]),
      ],
      [
        'restart_policy',
        restart instanceof Map
          ? compact([
              ['condition', restart.get('condition')],
              ['delay', this.duration(restart.get('delay'), ['deploy', 'restart_policy', 'delay'])],
              ['max_attempts', this.whole(restart.get('max_attempts'), ['deploy', 'restart_policy', 'max_attempts'])],
              ['window', this.duration(restart.get('window'), ['deploy', 'restart_policy', 'window'])],
            ])
          : undefined,
      ],
      [
        'placement',
        compact([
          ['constraints', placement.get('constraints')],
          ['preferences', placement.get('preferences')],
          ['max_replicas_per_node', this.whole(placement.get('max_replicas_per_node'), ['deploy', 'placement', 'max_replicas_per_node'])],
        ]),
      ],
    ]);
  }

  #resources(tree: TreeMap, kind: string, shorthands: { readonly [key: string]: string }): TreeMap {
    const path = ['deploy', 'resources', kind];
    const short = (key: string) => (shorthands[key] === undefined ? undefined : this.#tree.get(shorthands[key]));
    const cpus = this.#one(shorthands.cpus ?? 'cpus', stringOf(tree.get('cpus')), stringOf(short('cpus')));
    const memory = this.#one(
      shorthands.memory ?? 'memory',
      this.bytes(tree.get('memory'), [...path, 'memory']),
      this.bytes(short('memory'), [shorthands.memory ?? 'memory']),
    );
    const pids = this.#one(
      shorthands.pids ?? 'pids',
      this.whole(tree.get('pids'), [...path, 'pids']),
      this.whole(short('pids'), [shorthands.pids ?? 'pids']),
    );
    return compact([
      ['cpus', cpus],
      ['memory', memory],
      ['pids', pids],
      ['generic_resources', tree.get('generic_resources')],
    ]);
  }

  #one<T>(key: string, long: T | undefined, short: T | undefined): T | undefined {
    if (long !== undefined && short !== undefined && long !== short) {
      this.#problem(
        [...this.#path, key],
        `${[...this.#path, key].join('.')} says ${String(short)}, deploy says ${String(long)}; keep one of them`,
      );
    }
    return long ?? short;
  }
}

function compact(entries: readonly (readonly [string, Tree | undefined])[]): TreeMap {
  return new Map(entries.filter((entry): entry is [string, Tree] => entry[1] !== undefined && entry[1] !== null));
}

function filled(tree: TreeMap): TreeMap | undefined {
  return tree.size === 0 ? undefined : tree;
}

function mapOf(value: Tree | undefined): TreeMap {
  return value instanceof Map ? value : new Map();
}

function stringOf(value: Tree | undefined): string | undefined {
  return value === undefined || value === null ? undefined : String(value);
}

function numeric(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function texts(value: Tree | undefined): Tree | undefined {
  if (!(value instanceof Map)) return undefined;
  return new Map([...value].map(([key, item]) => [key, item === null ? '' : String(item)]));
}

function hosts(value: Tree | undefined): Tree | undefined {
  if (!(value instanceof Map)) return undefined;
  return [...value].flatMap(([host, addresses]) =>
    (Array.isArray(addresses) ? addresses : []).filter((address) => address !== null).map((address) => `${host}:${String(address)}`),
  );
}

function logging(value: Tree | undefined): Tree | undefined {
  return value instanceof Map
    ? compact([
        ['driver', value.get('driver')],
        ['options', texts(value.get('options'))],
      ])
    : undefined;
}

/** `network_mode: host` becomes the predefined network of that name. */
function networks(service: TreeMap): Tree | undefined {
  const mode = service.get('network_mode');
  if (mode === 'host' || mode === 'none' || mode === 'bridge') return new Map([[mode, null]]);
  const value = service.get('networks');
  if (!(value instanceof Map)) return undefined;
  return new Map(
    [...value].map(([name, attachment]): [string, Tree] => {
      if (!(attachment instanceof Map)) return [name, null];
      return [
        name,
        compact([
          ['aliases', attachment.get('aliases')],
          ['driver_opts', texts(attachment.get('driver_opts'))],
        ]),
      ];
    }),
  );
}
