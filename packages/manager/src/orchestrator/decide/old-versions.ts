import { ROTATES_LABEL, STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import type { Config, Secret } from '@swarm/shared/domain/objects';

/**
 * The versions of rotating configs or secrets that can go: replaced by a newer one of the same name in the same stack, and
 * named by nothing any more. The newest stays even when nothing uses it: it is what the stack says.
 */
export function decideOldVersions<Payload extends Config | Secret>(
  payloads: readonly Payload[],
  isUsed: (payload: Payload) => boolean,
): readonly Payload[] {
  const newest = new Map<string, Payload>();
  for (const payload of payloads) {
    const key = keyOf(payload);
    const known = newest.get(key);
    if (known === undefined || isNewer(payload, known)) newest.set(key, payload);
  }
  return payloads.filter((payload) => newest.get(keyOf(payload)) !== payload && !isUsed(payload));
}

function keyOf({ Spec }: Config | Secret): string {
  return `${Spec.Labels?.[STACK_NAMESPACE_LABEL] ?? ''}/${Spec.Labels?.[ROTATES_LABEL] ?? ''}`;
}

function isNewer(a: Config | Secret, b: Config | Secret): boolean {
  return a.CreatedAt === b.CreatedAt ? a.ID > b.ID : a.CreatedAt > b.CreatedAt;
}
