import type { TSchema } from '@swarm/shared/schema/type';

/**
 * One spelling for each meaning: what Docker's manager leaves out of its answers (empty lists and maps, zero, false,
 * the empty string) is left out when a spec is admitted. So two clients that mean the same store the same, and a
 * re-deploy by another client restarts nothing. Empty objects mean something and stay.
 */
export function canonicalSpec<T>(schema: TSchema, value: T): T {
  return (canonical(schema, value, '') ?? {}) as T;
}

/** Fields whose zero is a value of its own, or which the Engine API always writes. */
const ZERO_IS_A_VALUE = new Set([
  'Delay',
  'EnableIPv4',
  'ForceUpdate',
  'GID',
  'Hard',
  'Init',
  'MaxAttempts',
  'MaxConcurrent',
  'MaxFailureRatio',
  'Parallelism',
  'Replicas',
  'Soft',
  'SpreadDescriptor',
  'StopGracePeriod',
  'TotalCompletions',
  'UID',
  'Value',
  'Window',
]);

function canonical(shape: TSchema, value: unknown, key: string): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map((item) => canonicalItem(shape.items ?? {}, item));
  if (typeof value === 'object' && value !== null) {
    if (shape.additionalProperties !== undefined) return Object.keys(value).length === 0 ? undefined : value;
    const entries = Object.entries(value).map(([name, item]) => [name, canonical(shape.properties?.[name] ?? {}, item, name)] as const);
    return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
  }
  if ((value === 0 || value === '' || value === false) && !ZERO_IS_A_VALUE.has(key)) return undefined;
  return value;
}

/** Items of a list keep their place, whatever they are. */
function canonicalItem(shape: TSchema, item: unknown): unknown {
  return typeof item === 'object' && item !== null && !Array.isArray(item) ? canonical(shape, item, '') : item;
}
