import type { Path, Tree, TreeMap } from '../yaml-tree.ts';
import { type Problem, ServiceReader } from './service-reader.ts';
import { compact, texts } from './tree-parts.ts';

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
  const reader = new ServiceReader(service, path, problem);
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
