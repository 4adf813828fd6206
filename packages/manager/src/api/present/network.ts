import { VXLAN_OPTION } from '@swarm/shared/domain/network-allocation';
import type { Network } from '@swarm/shared/domain/objects';
import { PREDEFINED_LABEL, type PredefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import { ZERO_TIME } from '@swarm/shared/runtime/clock';

const DEFAULT_DRIVER = 'overlay';

/** A cluster network as `GET /networks` shows it, beside the local engine's own. */
export function presentNetwork(network: Network): object {
  const { Spec, allocation } = network;
  // A range is what addresses are taken from, not what was taken.
  const range = Spec.IPAM?.Config?.[0]?.IPRange;
  const given = allocation?.configs.map((config) => ({ ...config, ...(range && { IPRange: range }) }));
  const configs = given ?? Spec.IPAM?.Config ?? null;
  return {
    Name: Spec.Name,
    Id: network.ID,
    Created: network.CreatedAt,
    Scope: 'swarm',
    Driver: Spec.Driver ?? DEFAULT_DRIVER,
    EnableIPv6: Spec.EnableIPv6 ?? false,
    IPAM: { Driver: Spec.IPAM?.Driver ?? 'default', Options: Spec.IPAM?.Options ?? null, Config: configs },
    Internal: Spec.Internal ?? false,
    Attachable: Spec.Attachable ?? false,
    Ingress: Spec.Ingress ?? false,
    ConfigFrom: { Network: Spec.ConfigFrom?.Network ?? '' },
    ConfigOnly: false,
    Containers: null,
    Options: optionsOf(network),
    // Never an empty map: that is how Docker has it.
    Labels: Object.keys(Spec.Labels ?? {}).length === 0 ? null : Spec.Labels,
  };
}

/** `host` and its like: known in every cluster, never listed, found by `scope=swarm`. */
export function presentPredefined(network: PredefinedNetwork): object {
  return {
    Name: network.Name,
    Id: network.ID,
    Created: ZERO_TIME,
    Scope: 'swarm',
    Driver: network.Driver,
    EnableIPv6: false,
    IPAM: { Driver: '', Options: null, Config: null },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: null,
    Options: null,
    Labels: { [PREDEFINED_LABEL]: 'true' },
  };
}

/** A cluster network as a task's attachment shows it. */
export function presentAttachedNetwork(network: Network): object {
  const { Spec, allocation } = network;
  const driver = Spec.Driver ?? DEFAULT_DRIVER;
  return {
    ID: network.ID,
    Version: network.Version,
    CreatedAt: network.CreatedAt,
    UpdatedAt: network.UpdatedAt,
    Spec: {
      Name: Spec.Name,
      Labels: Spec.Labels ?? {},
      DriverConfiguration: { Name: driver },
      ...(Spec.Attachable === true && { Attachable: true }),
      ...(Spec.Ingress === true && { Ingress: true }),
      ...(Spec.Internal === true && { Internal: true }),
      ...(Spec.EnableIPv6 === true && { IPv6Enabled: true }),
      Scope: 'swarm',
    },
    DriverState: { Name: driver, Options: optionsOf(network) },
    IPAMOptions: { Driver: { Name: 'default' }, Configs: allocation?.configs ?? [] },
  };
}

function optionsOf(network: Network): object | null {
  const { Spec, allocation } = network;
  if (allocation === undefined) return Spec.Options ?? null;
  return { ...Spec.Options, [VXLAN_OPTION]: String(allocation.vni) };
}
