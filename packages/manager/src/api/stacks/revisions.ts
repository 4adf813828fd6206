import type { StackRevision } from '@swarm/shared/domain/objects';
import type { StackBody, StackRevisionSummary } from '@swarm/shared/engine-api/stack-spec';
import { ApiError, failedPrecondition } from '@swarm/shared/errors/api-error';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import { asID } from '@swarm/shared/runtime/ids';
import type { ReadTransaction } from '../../store/store.ts';
import type { WriteContext } from '../write-service.ts';

/** Revisions that are kept of a stack; older ones go. */
export const MAX_REVISIONS = 10;

/** Keeps what a stack was deployed as, unless it is what it was before. Gives the revision's number. */
export function recordRevision({ tx, random }: WriteContext, stack: string, body: StackBody, rolledBackTo: number | undefined): number {
  const known = revisionsOf(tx, stack);
  const [newest] = known;
  if (newest !== undefined && deepEqual(newest.body, body)) return newest.number;
  for (const { ID } of known.slice(MAX_REVISIONS - 1)) tx.stackRevisions.remove(ID);
  const number = (newest?.number ?? 0) + 1;
  tx.stackRevisions.create({ ID: asID(random.id()), stack, number, body, ...(rolledBackTo !== undefined && { rolledBackTo }) });
  return number;
}

/** Newest first. */
export function revisionsOf(tx: ReadTransaction, stack: string): readonly StackRevision[] {
  return [...tx.stackRevisions.by('stack', stack)].sort((a, b) => b.number - a.number);
}

/** @throws ApiError 404 for a revision that is not kept, 400 when there is nothing to go back to */
export function revisionToGoBackTo(tx: ReadTransaction, stack: string, number: number | undefined): StackRevision {
  const known = revisionsOf(tx, stack);
  const kept = known.map((revision) => revision.number).join(', ');
  if (known.length === 0)
    throw new ApiError('not-found', `no revisions of stack ${stack} are kept: it was not deployed by swarm stack deploy, or was removed`);
  if (number === undefined) {
    const before = known[1];
    if (before === undefined) throw failedPrecondition(`stack ${stack} has only revision ${kept}: there is none before it to go back to`);
    return before;
  }
  const found = known.find((revision) => revision.number === number);
  if (found === undefined) throw new ApiError('not-found', `stack ${stack} has no revision ${number}; kept are ${kept}`);
  return found;
}

export function summarizeRevisions(revisions: readonly StackRevision[]): readonly StackRevisionSummary[] {
  return revisions.map((revision, index) => ({
    number: revision.number,
    createdAt: revision.CreatedAt,
    ...(revision.rolledBackTo !== undefined && { rolledBackTo: revision.rolledBackTo }),
    services: Object.fromEntries(
      Object.entries(revision.body.services ?? {}).map(([name, spec]) => [name, spec.TaskTemplate?.ContainerSpec?.Image ?? '']),
    ),
    changes: changesSince(revisions[index + 1]?.body, revision.body),
  }));
}

const KINDS = { network: 'networks', secret: 'secrets', config: 'configs', service: 'services' } as const;

/** By name only: what changed in an object is not told, so that no data is. */
function changesSince(before: StackBody | undefined, after: StackBody): readonly string[] {
  return Object.entries(KINDS).flatMap(([kind, key]) => {
    const old: { readonly [name: string]: unknown } = before?.[key] ?? {};
    const now: { readonly [name: string]: unknown } = after[key] ?? {};
    return [...new Set([...Object.keys(old), ...Object.keys(now)])].sort().flatMap((name) => {
      if (deepEqual(old[name], now[name])) return [];
      return [`${kind} ${name} ${old[name] === undefined ? 'added' : now[name] === undefined ? 'dropped' : 'changed'}`];
    });
  });
}
