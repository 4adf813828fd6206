import { defined } from '../absent.ts';
import type { ComposeFile, ComposeNetwork, ComposePayload, ComposeVolume } from '../model.ts';
import { joinPath } from '../paths.ts';
import type { Path, TreeMap } from '../yaml-tree.ts';
import { type DecodeContext, ServiceDecoder } from './decode-service.ts';
import { extensionsOf } from './ignored.ts';
import { flag, keyValues, listOfMaps, mapping, options, text } from './values.ts';

/** Turns a tree whose shape has been checked into the model: short forms become long ones, paths absolute. */
export function decodeFile(tree: TreeMap, context: DecodeContext): ComposeFile {
  const section = <T>(name: string, decode: (value: TreeMap, path: Path, key: string) => T) =>
    new Map([...mapping(tree.get(name))].map(([key, value]) => [key, decode(mapping(value), [name, key], key)] as const));
  return {
    services: section('services', (value, path, key) => new ServiceDecoder(value, path, context).decode(key)),
    networks: section('networks', (value, path, key) => decodeNetwork(value, path, key, context)),
    volumes: section('volumes', (value, path, key) => decodeVolume(value, path, key, context)),
    secrets: section('secrets', (value, path, key) => decodePayload(value, path, key, 'secret', context)),
    configs: section('configs', (value, path, key) => decodePayload(value, path, key, 'config', context)),
    extensions: new Map([...tree].filter(([key]) => key.startsWith('x-'))),
  };
}

function decodeNetwork(tree: TreeMap, path: Path, key: string, context: DecodeContext): ComposeNetwork {
  const { external, name } = externalName(tree, path, key, 'network', context);
  const ipam = mapping(tree.get('ipam'));
  return defined<ComposeNetwork>({
    name,
    driver: text(tree.get('driver')),
    driverOpts: options(tree.get('driver_opts')),
    ipam: tree.has('ipam')
      ? defined<{ driver?: string; subnets: string[] }>({
          driver: text(ipam.get('driver')),
          subnets: (listOfMaps(ipam.get('config')) ?? []).map((item) => text(item.get('subnet')) ?? ''),
        })
      : undefined,
    external,
    internal: flag(tree.get('internal')),
    attachable: flag(tree.get('attachable')),
    labels: keyValues(tree.get('labels')),
  });
}

function decodeVolume(tree: TreeMap, path: Path, key: string, context: DecodeContext): ComposeVolume {
  const { external, name } = externalName(tree, path, key, 'volume', context);
  if (external) {
    for (const other of ['driver', 'driver_opts', 'labels']) {
      if (tree.has(other))
        context.problem([...path, other], `conflicting parameters "external" and "${other}" specified for volume "${key}"`);
    }
  }
  return defined<ComposeVolume>({
    name,
    driver: text(tree.get('driver')),
    driverOpts: options(tree.get('driver_opts')),
    external,
    labels: keyValues(tree.get('labels')),
    clusterSpec: tree.get('x-cluster-spec'),
  });
}

function decodePayload(tree: TreeMap, path: Path, key: string, kind: string, context: DecodeContext): ComposePayload {
  const { external, name } = externalName(tree, path, key, kind, context);
  const file = text(tree.get('file'));
  const driver = text(tree.get('driver'));
  if (driver !== undefined && file !== undefined && !external)
    context.problem([...path, 'driver'], `${kind} ${key}: "driver" and "file" cannot be used together`);
  return defined<ComposePayload>({
    name,
    file: driver === undefined || external ? joinPath(context.directory, file ?? '') : undefined,
    external,
    labels: keyValues(tree.get('labels')),
    driver,
    driverOpts: options(tree.get('driver_opts')),
    templateDriver: text(tree.get('template_driver')),
    extensions: extensionsOf(tree),
  });
}

/** `external: true`, or the deprecated `external: {name}`; the name is the key where none is given. */
function externalName(
  tree: TreeMap,
  path: Path,
  key: string,
  kind: string,
  context: DecodeContext,
): { external: boolean; name: string | undefined } {
  const external = tree.get('external');
  const name = text(tree.get('name'));
  if (!(external instanceof Map)) return external === true ? { external: true, name: name || key } : { external: false, name };
  const given = text(external.get('name'));
  if (given !== undefined && name !== undefined)
    context.problem([...path, 'external'], `${kind} ${key}: "external.name" and "name" conflict; only use "name"`);
  return { external: true, name: given || name || key };
}
