import type { ComposeFile, ComposeNetwork, ComposePayload, ComposeVolume, Options } from '../model.ts';
import type { TreeMap } from '../yaml-tree.ts';
import { compareKeys, emitYaml } from './emit-yaml.ts';
import { extensions, fields, optionsTree, sortedTree } from './fields.ts';
import { serviceTree } from './print-service.ts';

/** The merged files as `docker stack config` prints them. `version` is absent where the files are of the Compose Specification. */
export function printConfig(file: ComposeFile, version: string | undefined): string {
  return emitYaml(
    fields([
      ['version', version],
      ['services', section(file.services, serviceTree) ?? new Map()],
      ['networks', section(file.networks, networkTree)],
      ['volumes', section(file.volumes, volumeTree)],
      ['secrets', section(file.secrets, payloadTree)],
      ['configs', section(file.configs, payloadTree)],
      ...extensions(file.extensions),
    ]),
  );
}

function section<T>(entries: ReadonlyMap<string, T>, print: (entry: T) => TreeMap): TreeMap | undefined {
  if (entries.size === 0) return undefined;
  return new Map([...entries].sort(([a], [b]) => compareKeys(a, b)).map(([key, entry]) => [key, print(entry)]));
}

function driverOptions(options: Options): TreeMap | undefined {
  return options.size === 0 ? undefined : optionsTree(options);
}

function networkTree(network: ComposeNetwork): TreeMap {
  const { ipam } = network;
  const subnets =
    ipam?.configs?.map((config) =>
      fields([
        ['subnet', config.subnet],
        ['ip_range', config.ipRange],
        ['gateway', config.gateway],
      ]),
    ) ?? ipam?.subnets.map((subnet) => fields([['subnet', subnet || undefined]]));
  const pool = fields([
    ['driver', ipam?.driver || undefined],
    ['config', subnets !== undefined && subnets.length > 0 ? subnets : undefined],
  ]);
  return fields([
    ['name', network.name || undefined],
    ['driver', network.driver || undefined],
    ['driver_opts', driverOptions(network.driverOpts)],
    ['ipam', pool.size === 0 ? undefined : pool],
    ['external', network.external || undefined],
    ['internal', network.internal || undefined],
    ['attachable', network.attachable || undefined],
    ['labels', driverOptions(network.labels)],
  ]);
}

function volumeTree(volume: ComposeVolume): TreeMap {
  return fields([
    ['name', volume.name || undefined],
    ['driver', volume.driver || undefined],
    ['driver_opts', driverOptions(volume.driverOpts)],
    ['external', volume.external || undefined],
    ['labels', driverOptions(volume.labels)],
    ['x-cluster-spec', volume.clusterSpec === undefined ? undefined : sortedTree(volume.clusterSpec)],
  ]);
}

function payloadTree(payload: ComposePayload): TreeMap {
  return fields([
    ['name', payload.name || undefined],
    ['file', payload.variable === undefined && payload.content === undefined && !payload.external ? payload.file || undefined : undefined],
    ['content', payload.variable === undefined ? payload.content : undefined],
    ['environment', payload.variable],
    ['external', payload.external || undefined],
    ['labels', driverOptions(payload.labels)],
    ...extensions(payload.extensions),
    ['driver', payload.driver || undefined],
    ['driver_opts', driverOptions(payload.driverOpts)],
    ['template_driver', payload.templateDriver || undefined],
  ]);
}
