import { parseMount } from '../legacy/mounts.ts';
import { parsePorts } from '../legacy/ports.ts';
import { splitCommand } from '../legacy/split-command.ts';
import { joinPath } from '../paths.ts';
import { type Path, Tagged, type Tree, type TreeMap } from '../yaml-tree.ts';

/**
 * Short forms in their long form, and paths absolute, per file and before files are merged: so that `extends`, `include`
 * and several files merge like with like, whichever way each was written.
 */
export interface CanonicalContext {
  /** What relative paths of this file stand against. */
  readonly directory: string;
  readonly home: string;
  readonly problem: (path: Path, message: string) => void;
  readonly warning: (path: Path, message: string) => void;
}

type Form = (value: Tree, path: Path, context: CanonicalContext) => Tree;

export function canonicalFile(tree: TreeMap, context: CanonicalContext): TreeMap {
  return mapEntries(tree, (key, value) => {
    if (key === 'services') return eachEntry(value, [key], (service, path) => canonicalService(service, path, context));
    if (key === 'configs' || key === 'secrets') return eachEntry(value, [key], (payload, path) => canonicalPayload(payload, path, context));
    if (key === 'networks' || key === 'volumes')
      return eachEntry(value, [key], (entry, path) => applyForms(entry, path, context, LABELLED));
    return value;
  });
}

function canonicalService(service: Tree, path: Path, context: CanonicalContext): Tree {
  return applyForms(service, path, context, SERVICE_FORMS);
}

function canonicalPayload(payload: Tree, path: Path, context: CanonicalContext): Tree {
  return applyForms(payload, path, context, {
    ...LABELLED,
    file: (value) => (typeof value === 'string' ? resolve(value, context) : value),
  });
}

const keyValues: Form = (value) => {
  if (!Array.isArray(value)) return value;
  return new Map(
    value.map((item): [string, Tree] => {
      const text = String(item);
      const at = text.indexOf('=');
      return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
};

const listed: Form = (value) => (value === null || Array.isArray(value) ? value : [value]);

const command: Form = (value, path, context) => {
  if (typeof value !== 'string') return value;
  try {
    return splitCommand(value);
  } catch (error) {
    context.problem(path, `${path.join('.')}: ${(error as Error).message}; close the quote or write the command as a list`);
    return [];
  }
};

const named =
  (entry: () => Tree): Form =>
  (value) =>
    Array.isArray(value) ? new Map(value.map((name) => [String(name), entry()])) : value;

/** Both `host:ip` and `host=ip`; a host may have several addresses. */
const hosts: Form = (value) => {
  if (!Array.isArray(value)) return mapEntries(value, (_host, addresses) => (Array.isArray(addresses) ? addresses : [addresses]));
  const result = new Map<string, Tree[]>();
  for (const item of value) {
    const [, host = '', address = ''] = /^([^=:]*)[=:](.*)$/.exec(String(item)) ?? [];
    if (host !== '') result.set(host, [...(result.get(host) ?? []), address]);
  }
  return result;
};

const ports: Form = (value, path, context) => {
  if (!Array.isArray(value)) return value;
  return value.flatMap((item, index): Tree[] => {
    const at = [...path, index];
    if (item instanceof Map) return longPorts(item, at, context);
    try {
      const { ports: parsed, ignoredAddresses } = parsePorts(String(item));
      for (const address of ignoredAddresses)
        context.warning(at, `the address of ${address} is ignored: published ports are open on all addresses of a host`);
      return parsed.map((port) => portTree(port.TargetPort ?? 0, port.PublishedPort ?? 0, port.Protocol ?? 'tcp', 'ingress'));
    } catch (error) {
      context.problem(at, `${at.join('.')}: "${String(item)}" is no port: ${(error as Error).message}`);
      return [];
    }
  });
};

function longPorts(port: TreeMap, path: Path, context: CanonicalContext): Tree[] {
  const published = String(port.get('published') ?? '');
  const target = String(port.get('target') ?? '');
  const protocol = String(port.get('protocol') ?? 'tcp');
  if (port.has('host_ip')) context.warning([...path, 'host_ip'], 'host_ip is ignored: published ports are open on all addresses of a host');
  if (target === '') {
    context.problem(path, `${path.join('.')}: target is missing: the port of the container`);
    return [];
  }
  try {
    const { ports: parsed } = parsePorts(`${published === '' ? '' : `${published}:`}${target}/${protocol}`);
    const mode = String(port.get('mode') ?? 'ingress');
    return parsed.map((each) => portTree(each.TargetPort ?? 0, each.PublishedPort ?? 0, each.Protocol ?? 'tcp', mode));
  } catch (error) {
    context.problem(path, `${path.join('.')}: ${(error as Error).message}`);
    return [];
  }
}

function portTree(target: number, published: number, protocol: string, mode: string): Tree {
  return new Map<string, Tree>([
    ['target', target],
    ...(published === 0 ? [] : [['published', published] as [string, Tree]]),
    ['protocol', protocol],
    ['mode', mode],
  ]);
}

const volumes: Form = (value, path, context) => {
  if (!Array.isArray(value)) return value;
  return value.flatMap((item, index): Tree[] => {
    if (item instanceof Map)
      return [
        mapEntries(item, (key, each) =>
          key === 'source' && item.get('type') === 'bind' && each !== '' ? resolve(String(each), context) : each,
        ),
      ];
    try {
      const mount = parseMount(String(item));
      const entries = Object.entries({
        type: mount.type,
        source: mount.type === 'bind' ? resolve(mount.source ?? '', context) : mount.source,
        target: mount.target,
        read_only: mount.readOnly,
        bind: mount.bind && new Map(Object.entries(mount.bind)),
        volume: mount.volume && new Map(Object.entries(mount.volume)),
      }).filter((entry): entry is [string, NonNullable<(typeof entry)[1]>] => entry[1] !== undefined);
      return [new Map<string, Tree>(entries as [string, Tree][])];
    } catch (error) {
      context.problem([...path, index], `${[...path, index].join('.')}: ${(error as Error).message}`);
      return [];
    }
  });
};

const references: Form = (value) => {
  if (!Array.isArray(value)) return value;
  return value.map((item) => (item instanceof Map ? item : new Map<string, Tree>([['source', item]])));
};

const environmentFiles: Form = (value, _path, context) => {
  const items = Array.isArray(value) ? value : value === null ? [] : [value];
  return items.map((item) => {
    const entry = item instanceof Map ? new Map(item) : new Map<string, Tree>([['path', item]]);
    entry.set('path', resolve(String(entry.get('path') ?? ''), context));
    return entry;
  });
};

const resolved: Form = (value, _path, context) => {
  const items = Array.isArray(value) ? value : value === null ? [] : [value];
  return items.map((item) => resolve(String(item), context));
};

const healthcheck: Form = (value, path, context) =>
  applyForms(value, path, context, { test: (test) => (typeof test === 'string' ? ['CMD-SHELL', test] : test) });

const deploy: Form = (value, path, context) => applyForms(value, path, context, LABELLED);

const LABELLED: { readonly [key: string]: Form } = { labels: keyValues };

const SERVICE_FORMS: { readonly [key: string]: Form } = {
  annotations: keyValues,
  command,
  configs: references,
  deploy,
  depends_on: named(() => new Map([['condition', 'service_started']])),
  dns: listed,
  dns_opt: listed,
  dns_search: listed,
  entrypoint: command,
  env_file: environmentFiles,
  environment: keyValues,
  extra_hosts: hosts,
  healthcheck,
  label_file: resolved,
  labels: keyValues,
  networks: named(() => null),
  ports,
  secrets: references,
  sysctls: keyValues,
  tmpfs: listed,
  volumes,
};

function resolve(path: string, context: CanonicalContext): string {
  if (path === '~' || path.startsWith('~/')) return joinPath(context.home, path.slice(2) || '.');
  return joinPath(context.directory, path);
}

function applyForms(value: Tree, path: Path, context: CanonicalContext, forms: { readonly [key: string]: Form }): Tree {
  return mapEntries(value, (key, each) => {
    const form = Object.hasOwn(forms, key) ? forms[key] : undefined;
    if (form === undefined) return each;
    if (each instanceof Tagged) return new Tagged(each.tag, form(each.value, [...path, key], context));
    return form(each, [...path, key], context);
  });
}

function eachEntry(value: Tree, path: Path, change: (entry: Tree, path: Path) => Tree): Tree {
  return mapEntries(value, (key, entry) => change(entry, [...path, key]));
}

function mapEntries<T extends Tree>(value: T, change: (key: string, value: Tree) => Tree): T {
  if (value instanceof Tagged) return new Tagged(value.tag, mapEntries(value.value, change)) as T;
  if (!(value instanceof Map)) return value;
  const entries: TreeMap = value;
  return new Map([...entries].map(([key, each]) => [key, change(key, each)])) as Tree as T;
}
