import type { EndpointSpec, PortConfig, UpdateConfig } from '../engine-api/service-spec.ts';
import { byCodeUnit, defined, filled } from './absent.ts';
import type { ComposeFileReference, ComposeResources, ComposeService, ComposeUpdate } from './model.ts';

/** Parts of a service that convert on their own: nothing of them can be wrong any more. */

export function fileTarget(reference: ComposeFileReference, Name: string) {
  return { Name, UID: reference.uid || '0', GID: reference.gid || '0', Mode: reference.mode ?? 0o444 };
}

export function environment(variables: ReadonlyMap<string, string | null>): string[] {
  return [...variables].map(([key, value]) => (value === null ? key : `${key}=${value}`)).sort(byCodeUnit);
}

/** `host:ip` as `ip host`, brackets of IPv6 addresses gone. */
export function hosts(entries: readonly string[]): string[] {
  return entries.map((entry) => {
    const at = entry.indexOf(':');
    return `${entry.slice(at + 1).replace(/^\[(.*)\]$/, '$1')} ${entry.slice(0, at)}`;
  });
}

export function resources(from: ComposeResources) {
  return defined<{
    NanoCPUs?: number;
    MemoryBytes?: number;
    Pids?: number;
    GenericResources?: { DiscreteResourceSpec: { Kind: string; Value: number } }[];
  }>({
    NanoCPUs: from.nanoCPUs || undefined,
    MemoryBytes: from.memoryBytes || undefined,
    Pids: from.pids || undefined,
    GenericResources: filled(from.genericResources?.map(({ kind, value }) => ({ DiscreteResourceSpec: { Kind: kind, Value: value } }))),
  });
}

export function updateConfig(update: ComposeUpdate | undefined): UpdateConfig | undefined {
  if (update === undefined) return undefined;
  return defined<UpdateConfig>({
    Parallelism: update.parallelism ?? 1,
    Delay: update.delay || undefined,
    FailureAction: (update.failureAction || undefined) as UpdateConfig['FailureAction'],
    Monitor: update.monitor || undefined,
    MaxFailureRatio: update.maxFailureRatio ?? 0,
    Order: (update.order ?? '') as UpdateConfig['Order'],
  });
}

export function endpointSpec(service: ComposeService): EndpointSpec {
  const ports: PortConfig[] = [...(service.ports ?? [])].sort((a, b) => (a.PublishedPort ?? 0) - (b.PublishedPort ?? 0));
  return defined<EndpointSpec>({
    Mode: (service.deploy.endpointMode?.toLowerCase() || undefined) as EndpointSpec['Mode'],
    Ports: filled(ports),
  });
}

/** Upper case with prefix, no duplicates, sorted; `ALL` swallows the rest; what is added is not dropped. */
export function capabilities(add: readonly string[], drop: readonly string[]): { add: string[]; drop: string[] } {
  const normal = (names: readonly string[]) => {
    const set = new Set(
      names.map((name) => name.trim().toUpperCase()).map((name) => (name === 'ALL' || name.startsWith('CAP_') ? name : `CAP_${name}`)),
    );
    return set.has('ALL') ? new Set(['ALL']) : set;
  };
  const added = normal(add);
  const dropped = normal(drop);
  for (const name of added) dropped.delete(name);
  return { add: [...added].sort(byCodeUnit), drop: [...dropped].sort(byCodeUnit) };
}
