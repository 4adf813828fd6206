import type { GenericResource } from '@swarm/shared/engine-api/service-spec';

/**
 * Generic resources: what a host says it has beside CPU and memory (GPUs, licences). A node lists a kind either as a
 * number (discrete) or one by one (named); a task reserves a number, and is given names where the node has names.
 * A task may also reserve a certain name; then only a node that has it free fits.
 */
export interface GenericDemand {
  /** One per kind, in order of kind. */
  readonly discrete: readonly { readonly kind: string; readonly count: number }[];
  readonly named: readonly { readonly kind: string; readonly value: string }[];
}

/** What the tasks of a node hold, per kind. */
export interface GenericUse {
  readonly discrete: Map<string, number>;
  readonly named: Map<string, Set<string>>;
}

export const NO_GENERIC: GenericDemand = { discrete: [], named: [] };

export function buildGenericDemand(resources: readonly GenericResource[] | undefined): GenericDemand {
  if (resources === undefined || resources.length === 0) return NO_GENERIC;
  const counts = new Map<string, number>();
  const named: { kind: string; value: string }[] = [];
  for (const { DiscreteResourceSpec: discrete, NamedResourceSpec: name } of resources) {
    if (discrete !== undefined) counts.set(discrete.Kind ?? '', (counts.get(discrete.Kind ?? '') ?? 0) + (discrete.Value ?? 0));
    if (name !== undefined) named.push({ kind: name.Kind ?? '', value: name.Value ?? '' });
  }
  const discrete = [...counts].filter(([, count]) => count > 0).map(([kind, count]) => ({ kind, count }));
  return { discrete: discrete.sort((a, b) => (a.kind < b.kind ? -1 : 1)), named };
}

export function emptyGenericUse(): GenericUse {
  return { discrete: new Map(), named: new Map() };
}

/**
 * What a task with this demand is given on a node that has `total` and whose tasks hold `use`, or undefined when there
 * is not enough. Names are given in the node's own order.
 */
export function claimGeneric(
  demand: GenericDemand,
  total: readonly GenericResource[],
  use: GenericUse | undefined,
): readonly GenericResource[] | undefined {
  const claimed: GenericResource[] = [];
  const taken = new Map<string, Set<string>>();
  const take = (Kind: string, Value: string) => {
    taken.set(Kind, (taken.get(Kind) ?? new Set()).add(Value));
    claimed.push({ NamedResourceSpec: { Kind, Value } });
  };
  const freeNames = (kind: string) =>
    namesOf(kind, total).filter((value) => !use?.named.get(kind)?.has(value) && !taken.get(kind)?.has(value));

  for (const { kind, value } of demand.named) {
    if (!freeNames(kind).includes(value)) return undefined;
    take(kind, value);
  }
  for (const { kind, count } of demand.discrete) {
    if (namesOf(kind, total).length > 0) {
      const free = freeNames(kind);
      if (free.length < count) return undefined;
      for (const value of free.slice(0, count)) take(kind, value);
      continue;
    }
    if (countOf(kind, total) - (use?.discrete.get(kind) ?? 0) < count) return undefined;
    claimed.push({ DiscreteResourceSpec: { Kind: kind, Value: count } });
  }
  return claimed;
}

function namesOf(kind: string, total: readonly GenericResource[]): string[] {
  return total.flatMap(({ NamedResourceSpec: name }) => (name !== undefined && (name.Kind ?? '') === kind ? [name.Value ?? ''] : []));
}

function countOf(kind: string, total: readonly GenericResource[]): number {
  let count = 0;
  for (const { DiscreteResourceSpec: discrete } of total) {
    if (discrete !== undefined && (discrete.Kind ?? '') === kind) count += discrete.Value ?? 0;
  }
  return count;
}

export function occupyGeneric(use: GenericUse, held: readonly GenericResource[]): void {
  for (const { DiscreteResourceSpec: discrete, NamedResourceSpec: name } of held) {
    if (discrete !== undefined) use.discrete.set(discrete.Kind ?? '', (use.discrete.get(discrete.Kind ?? '') ?? 0) + (discrete.Value ?? 0));
    if (name !== undefined) use.named.set(name.Kind ?? '', (use.named.get(name.Kind ?? '') ?? new Set()).add(name.Value ?? ''));
  }
}

export function vacateGeneric(use: GenericUse, held: readonly GenericResource[]): void {
  for (const { DiscreteResourceSpec: discrete, NamedResourceSpec: name } of held) {
    if (discrete !== undefined) use.discrete.set(discrete.Kind ?? '', (use.discrete.get(discrete.Kind ?? '') ?? 0) - (discrete.Value ?? 0));
    if (name !== undefined) use.named.get(name.Kind ?? '')?.delete(name.Value ?? '');
  }
}
