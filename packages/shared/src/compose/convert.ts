import { ROTATES_LABEL } from '../domain/labels.ts';
import type { ConfigSpec, NetworkSpec, SecretSpec } from '../engine-api/payload-specs.ts';
import { byCodeUnit, defined } from './absent.ts';
import { type ConvertContext, PREDEFINED_NETWORKS, record, stackLabels } from './convert-context.ts';
import { ServiceConverter } from './convert-service.ts';
import type { StackSpec } from './load-stack.ts';
import type { ComposeFile, ComposeNetwork } from './model.ts';
import { nameVersions, payloadBytes } from './rotation.ts';

/** The model of one or more merged files as the objects that `docker stack deploy` would post. */
export function convertStack(given: ComposeFile, context: ConvertContext): StackSpec {
  const { stackName } = context;
  const file = nameVersions(given, context);
  const used = new Set(
    [...file.services.values()].flatMap((service) => (service.networks.size === 0 ? ['default'] : [...service.networks.keys()])),
  );
  const networks: Record<string, NetworkSpec> = {};
  const externalNetworks: string[] = [];
  for (const key of [...used].sort(byCodeUnit)) {
    const network: ComposeNetwork = file.networks.get(key) ?? { driverOpts: new Map(), external: false, labels: new Map() };
    const name = network.name || `${stackName}_${key}`;
    if (network.external) externalNetworks.push(name);
    else if (file.networks.has(key) || key === 'default') networks[name] = convertNetwork(name, network, stackName);
  }
  const secrets = payloads(file, 'secrets', context) as Record<string, SecretSpec>;
  const configs = payloads(file, 'configs', context);
  const services = [...file.services.values()].map((service) => {
    const path = ['services', service.name];
    return [`${stackName}_${service.name}`, new ServiceConverter(service, file, context, path).convert()] as const;
  });
  return {
    name: stackName,
    networks,
    secrets,
    configs,
    services: Object.fromEntries(services.sort(([a], [b]) => byCodeUnit(a, b))),
    external: {
      networks: externalNetworks.filter((name) => !PREDEFINED_NETWORKS.has(name) && name !== 'container').sort(byCodeUnit),
      secrets: externals(file, 'secrets'),
      configs: externals(file, 'configs'),
    },
  };
}

function externals(file: ComposeFile, kind: 'secrets' | 'configs'): string[] {
  const referenced = new Set([...file.services.values()].flatMap((service) => (service[kind] ?? []).map((reference) => reference.source)));
  return [...file[kind]]
    .filter(([key, payload]) => payload.external && referenced.has(key))
    .map(([key, payload]) => payload.name ?? key)
    .sort(byCodeUnit);
}

type IPAMConfig = NonNullable<NonNullable<NetworkSpec['IPAM']>['Config']>[number];

function convertNetwork(name: string, network: ComposeNetwork, stackName: string): NetworkSpec {
  const { ipam } = network;
  return defined<NetworkSpec>({
    Name: name,
    Driver: network.driver || 'overlay',
    IPAM:
      ipam !== undefined && (ipam.driver || ipam.subnets.length > 0)
        ? defined<NonNullable<NetworkSpec['IPAM']>>({
            Driver: ipam.driver || undefined,
            Config:
              ipam.configs?.map((config) =>
                defined<IPAMConfig>({ Subnet: config.subnet, IPRange: config.ipRange, Gateway: config.gateway }),
              ) ?? ipam.subnets.map((Subnet) => ({ Subnet })),
          })
        : undefined,
    Internal: network.internal || undefined,
    Attachable: network.attachable || undefined,
    Options: network.driverOpts.size > 0 ? record(network.driverOpts) : undefined,
    Labels: stackLabels(stackName, network.labels),
  });
}

function payloads(file: ComposeFile, kind: 'secrets' | 'configs', context: ConvertContext): Record<string, SecretSpec & ConfigSpec> {
  const result: Record<string, SecretSpec & ConfigSpec> = {};
  for (const [key, payload] of [...file[kind]].sort(([a], [b]) => byCodeUnit(a, b))) {
    if (payload.external) continue;
    const name = payload.name || `${context.stackName}_${key}`;
    const versionOf = payload.versionOf === undefined ? {} : { [ROTATES_LABEL]: payload.versionOf };
    const base = { Name: name, Labels: { ...stackLabels(context.stackName, payload.labels), ...versionOf } };
    const templating = payload.templateDriver ? { Templating: { Name: payload.templateDriver } } : {};
    if (payload.driver) {
      const options = payload.driverOpts.size > 0 ? { Options: record(payload.driverOpts) } : {};
      result[name] = { ...base, Driver: { Name: payload.driver, ...options }, ...templating };
      continue;
    }
    const bytes = payloadBytes(payload, context.readFile);
    if (bytes === undefined) context.problem([kind, key, 'file'], `open ${payload.file}: no such file or directory`);
    else result[name] = { ...base, Data: base64(bytes), ...templating };
  }
  return result;
}

function base64(bytes: Uint8Array): string {
  return bytes.toBase64();
}
