import type { Tree, TreeMap } from '../yaml-tree.ts';

/**
 * The keys that deploying has no use for, in their long form: `docker stack config` prints and merges them like the
 * others. A key that is zero is as good as absent.
 */
const SCALARS = [
  'cgroupns_mode',
  'cgroup_parent',
  'container_name',
  'domainname',
  'ipc',
  'mac_address',
  'network_mode',
  'pid',
  'privileged',
  'shm_size',
  'userns_mode',
];
const LISTS = ['depends_on', 'devices', 'env_file', 'expose', 'external_links', 'links', 'security_opt', 'tmpfs'];

export function ignoredKeys(service: TreeMap): TreeMap | undefined {
  const kept: TreeMap = new Map();
  for (const key of SCALARS) {
    const value = service.get(key);
    if (value) kept.set(key, typeof value === 'boolean' ? value : String(value));
  }
  for (const key of LISTS) {
    const items = strings(service.get(key));
    if (items.length > 0) kept.set(key, items);
  }
  const build = service.get('build');
  const detail = typeof build === 'string' ? new Map<string, Tree>([['context', build]]) : build;
  if (detail instanceof Map) {
    const tree = buildTree(detail);
    if (tree.size > 0) kept.set('build', tree);
  }
  return kept.size === 0 ? undefined : kept;
}

/** Keys for the user's own use. */
export function extensionsOf(tree: TreeMap): TreeMap | undefined {
  const own = [...tree].filter(([key]) => key.startsWith('x-'));
  return own.length === 0 ? undefined : new Map(own);
}

export function mergeIgnored(base: TreeMap | undefined, over: TreeMap | undefined): TreeMap | undefined {
  if (base === undefined || over === undefined) return over ?? base;
  const merged: TreeMap = new Map(base);
  for (const [key, value] of over) merged.set(key, mergeTrees(merged.get(key), value));
  const build = merged.get('build');
  if (build instanceof Map) merged.set('build', ordered(build));
  return merged;
}

function mergeTrees(base: Tree | undefined, over: Tree): Tree {
  if (Array.isArray(base) && Array.isArray(over)) return [...base, ...over];
  if (!(base instanceof Map && over instanceof Map)) return over;
  const merged: TreeMap = new Map(base);
  for (const [key, value] of over) merged.set(key, mergeTrees(merged.get(key), value));
  return merged;
}

const BUILD_KEYS = ['context', 'dockerfile', 'args', 'labels', 'cache_from', 'extra_hosts', 'isolation', 'network', 'target'];

function ordered(build: TreeMap): TreeMap {
  return new Map(BUILD_KEYS.flatMap((key): [string, Tree][] => (build.has(key) ? [[key, build.get(key) ?? null]] : [])));
}

function buildTree(build: TreeMap): TreeMap {
  const result: TreeMap = new Map();
  for (const key of BUILD_KEYS) {
    const value = build.get(key);
    if (key === 'args' || key === 'labels') {
      const entries = pairs(value, key === 'labels' ? '' : null);
      if (entries.size > 0) result.set(key, entries);
    } else if (key === 'cache_from' || key === 'extra_hosts') {
      const items = value instanceof Map ? [...pairs(value, '')].map(([host, address]) => `${host}:${String(address)}`) : strings(value);
      if (items.length > 0) result.set(key, items);
    } else if (value !== undefined && value !== null && value !== '') result.set(key, String(value));
  }
  return result;
}

/** A mapping, or a list of `key=value`; sorted by key. */
function pairs(value: Tree | undefined, bare: '' | null): TreeMap {
  const entries: [string, Tree][] = Array.isArray(value)
    ? value.map((item) => {
        const [key = '', rest] = String(item).split(/=(.*)/s);
        return [key, rest ?? bare];
      })
    : [...(value instanceof Map ? value : [])].map(([key, item]) => [key, item === null ? bare : String(item)]);
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

function strings(value: Tree | undefined): string[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value.map(String) : [String(value)];
}
