import type { Service, StackRevision } from '@swarm/shared/domain/objects';
import type { StackBody, StackRevisionSummary } from '@swarm/shared/engine-api/stack-spec';
import { ApiError, failedPrecondition } from '@swarm/shared/errors/api-error';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import { asID } from '@swarm/shared/runtime/ids';
import type { ReadTransaction } from '../../store/store.ts';
import type { WriteContext } from '../write-service.ts';
import { revisionsGivenUp } from './rolled-back.ts';

/** Revisions that are kept of a stack; older ones go. */
export const MAX_REVISIONS = 10;

/** The number of the revision that a deploy makes, or repeats: the same body once more is the same revision. */
export function nextRevision(tx: ReadTransaction, stack: string, body: StackBody): number {
  const [newest] = revisionsOf(tx, stack);
  if (newest === undefined) return 1;
  return deepEqual(newest.body, body) ? newest.number : newest.number + 1;
}

/** Keeps what a stack was deployed as. `number`: as `nextRevision` gave it. */
export function recordRevision(
  { tx, random }: WriteContext,
  stack: string,
  number: number,
  body: StackBody,
  rolledBackTo: number | undefined,
): void {
  const known = revisionsOf(tx, stack);
  const [newest] = known;
  if (newest?.number === number) {
    // It is tried once more: what became of it before does not hold any longer.
    const { rolledBackServices, ...tried } = newest;
    if (rolledBackServices !== undefined) tx.stackRevisions.update(tried);
    return;
  }
  for (const { ID } of known.slice(MAX_REVISIONS - 1)) tx.stackRevisions.remove(ID);
  tx.stackRevisions.create({ ID: asID(random.id()), stack, number, body, ...(rolledBackTo !== undefined && { rolledBackTo }) });
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

/** `revisions`: newest first. `services`: those of the stack, which know whether their newest update was rolled back. */
export function summarizeRevisions(revisions: readonly StackRevision[], services: readonly Service[]): readonly StackRevisionSummary[] {
  const givenUp = new Map<StackRevision, Set<string>>(revisions.map((revision) => [revision, new Set(revision.rolledBackServices)]));
  for (const service of services) {
    for (const revision of revisionsGivenUp(service, revisions)) givenUp.get(revision)?.add(service.Spec.Name);
  }
  return revisions.map((revision, index) => ({
    number: revision.number,
    createdAt: revision.CreatedAt,
    ...(revision.rolledBackTo !== undefined && { rolledBackTo: revision.rolledBackTo }),
    ...rolledBackBy(revision, revisions),
    ...(givenUp.get(revision)?.size && { rolledBackServices: [...(givenUp.get(revision) ?? [])].sort() }),
    services: Object.fromEntries(
      Object.entries(revision.body.services ?? {}).map(([name, spec]) => [name, spec.TaskTemplate?.ContainerSpec?.Image ?? '']),
    ),
    changes: changesSince(revisions[index + 1]?.body, revision.body),
  }));
}

/** By the first later revision that went to one before it, unless one after that went forward to it again. */
function rolledBackBy({ number }: StackRevision, revisions: readonly StackRevision[]): Pick<StackRevisionSummary, 'rolledBackBy'> {
  const later = revisions.filter((other) => other.number > number && other.rolledBackTo !== undefined);
  const back = later.findLast((other) => (other.rolledBackTo ?? number) < number);
  if (back === undefined || later.some((other) => other.number > back.number && other.rolledBackTo === number)) return {};
  return { rolledBackBy: back.number };
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
