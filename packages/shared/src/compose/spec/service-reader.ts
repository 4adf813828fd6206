import { parseBytes, parseDuration } from '../units.ts';
import { Float, type Path, type Tree, type TreeMap } from '../yaml-tree.ts';
import { compact, filled, mapOf, numeric, stringOf, texts, truth } from './tree-parts.ts';

/** Where the conversion says what it could not read. */
export type Problem = (path: Path, message: string) => void;

/** Reads the keys of a canonical service, whose numbers and booleans may be strings, in the words of version 3. */
export class ServiceReader {
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
    if (value === undefined || value === null) return undefined;
    const word = truth(value);
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

  /** A whole number that cannot be less than nothing. */
  count(value: Tree | undefined, path: Path): number | undefined {
    const number = this.whole(value, path);
    if (number === undefined || number >= 0) return number;
    this.#problem([...this.#path, ...path], `${[...this.#path, ...path].join('.')}: "${String(value)}" is negative; give 0 or more`);
    return undefined;
  }

  #ratio(value: Tree | undefined, path: Path): Float | undefined {
    if (value === undefined || value === null) return undefined;
    const number = Number(String(value));
    if (Number.isFinite(number) && String(value).trim() !== '') return new Float(number);
    this.#problem(
      [...this.#path, ...path],
      `${[...this.#path, ...path].join('.')}: "${String(value)}" is not a number; write for example 0.25`,
    );
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
      ['retries', this.count(value.get('retries'), ['healthcheck', 'retries'])],
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
      this.count(deploy.get('replicas'), ['deploy', 'replicas']),
      this.count(this.#tree.get('scale'), ['scale']),
    );
    const limits = this.#resources(mapOf(resources.get('limits')), 'limits', { cpus: 'cpus', memory: 'mem_limit', pids: 'pids_limit' });
    const reservations = this.#resources(mapOf(resources.get('reservations')), 'reservations', { memory: 'mem_reservation' });
    const placement = mapOf(deploy.get('placement'));
    const restart = deploy.get('restart_policy');
    const update = (key: string): Tree | undefined => {
      const value = deploy.get(key);
      if (!(value instanceof Map)) return undefined;
      return compact([
        ['parallelism', this.count(value.get('parallelism'), ['deploy', key, 'parallelism'])],
        ['delay', this.duration(value.get('delay'), ['deploy', key, 'delay'])],
        ['monitor', this.duration(value.get('monitor'), ['deploy', key, 'monitor'])],
        ['max_failure_ratio', this.#ratio(value.get('max_failure_ratio'), ['deploy', key, 'max_failure_ratio'])],
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
              ['max_attempts', this.count(restart.get('max_attempts'), ['deploy', 'restart_policy', 'max_attempts'])],
              ['window', this.duration(restart.get('window'), ['deploy', 'restart_policy', 'window'])],
            ])
          : undefined,
      ],
      [
        'placement',
        compact([
          ['constraints', placement.get('constraints')],
          ['preferences', placement.get('preferences')],
          ['max_replicas_per_node', this.count(placement.get('max_replicas_per_node'), ['deploy', 'placement', 'max_replicas_per_node'])],
        ]),
      ],
    ]);
  }

  #resources(tree: TreeMap, kind: string, shorthands: { readonly [key: string]: string }): TreeMap {
    const path = ['deploy', 'resources', kind];
    const short = (key: string) => (shorthands[key] === undefined ? undefined : this.#tree.get(shorthands[key]));
    const longCpus = stringOf(tree.get('cpus'));
    const shortCpus = stringOf(short('cpus'));
    const isSame = shortCpus !== undefined && Number(shortCpus) === Number(longCpus);
    const cpus = this.#one(shorthands.cpus ?? 'cpus', longCpus, isSame ? longCpus : shortCpus);
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
