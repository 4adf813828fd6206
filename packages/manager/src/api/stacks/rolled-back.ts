import { STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import type { Service, StackRevision } from '@swarm/shared/domain/objects';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { WriteTransaction } from '../../store/store.ts';

/** It went back, or is about to, from what a revision of its stack had made of it. */
export function isRolledBack({ stackRevision, UpdateStatus }: Pick<Service, 'stackRevision' | 'UpdateStatus'>): boolean {
  return stackRevision !== undefined && UpdateStatus?.State.startsWith('rollback') === true;
}

/** The revisions that the service does not follow any more: the one that had changed it, and later ones that ask for the same. */
export function revisionsGivenUp(service: Service, revisions: readonly StackRevision[]): readonly StackRevision[] {
  if (!isRolledBack(service)) return [];
  const asked = (revision: StackRevision) => revision.body.services?.[service.Spec.Name];
  const first = revisions.find(({ number }) => number === service.stackRevision);
  if (first === undefined) return [];
  return revisions.filter((revision) => revision.number >= first.number && deepEqual(asked(revision), asked(first)));
}

/** Before a service is written again, which forgets how its update ended: its stack's history does not. */
export function noteRollback(tx: WriteTransaction, service: Service): void {
  const stack = service.Spec.Labels[STACK_NAMESPACE_LABEL];
  if (stack === undefined || !isRolledBack(service)) return;
  for (const revision of revisionsGivenUp(service, tx.stackRevisions.by('stack', stack))) {
    const noted = new Set(revision.rolledBackServices).add(service.Spec.Name);
    if (noted.size > (revision.rolledBackServices?.length ?? 0))
      tx.stackRevisions.update({ ...revision, rolledBackServices: [...noted].sort() });
  }
}
