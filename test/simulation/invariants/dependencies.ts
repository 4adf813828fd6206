import type { ReadTransaction } from '@swarm/manager/store/store';
import { slotKey } from '@swarm/manager/store/tables';
import { type DependencyCondition, dependenciesOf } from '@swarm/shared/domain/depends-on';
import type { Service, StoredObject, Task, Template } from '@swarm/shared/domain/objects';
import { isLive, isWanted } from '@swarm/shared/domain/task-state';
import { epochMs } from '@swarm/shared/runtime/clock';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Writer } from '../world/witness.ts';
import type { MakeInvariant } from './invariant.ts';

/** A decision may rest on what was so when it was made, and is a moment old. */
const MOMENT_MS = 10_000;

/**
 * The first task of a seat, and one that renews another, get a node only when what their service depends on is there.
 * Judged when a task is let go: made without a hold, or freed of it.
 */
export const dependenciesComeFirst: MakeInvariant = ({ world, view, broken, coverage }) => {
  /** When services were removed, in the time of the run. */
  const goneSince = new Map<string, number>();

  function check(before: Task | undefined, after: Task, writer: Writer): void {
    if (writer === 'scheduler' && after.hold !== undefined && before?.NodeID !== after.NodeID) {
      broken(`task ${after.ID} got the node ${after.NodeID} although it is held back: ${after.hold}`);
    }
    if (before?.hold === undefined && after.hold !== undefined) coverage.hit('task held back');
    const isLetGo = after.hold === undefined && (before === undefined ? isHeldKind(after) : before.hold !== undefined);
    if (!isLetGo || !isWanted(after.DesiredState)) return;
    const reason = view((tx) => {
      const service = tx.services.get(after.ServiceID);
      return service === undefined ? undefined : explainSurelyMissing(tx, service, isFresh);
    });
    if (reason !== undefined) broken(`task ${after.ID} of ${after.ServiceID} may start, and ${reason}`);
    else if (before?.hold !== undefined) coverage.hit('held task let go');
  }

  const isFresh = (of: StoredObject<string> | string): boolean => {
    if (typeof of === 'string') return world.time.monotonicMs() - (goneSince.get(of) ?? Number.NEGATIVE_INFINITY) < MOMENT_MS;
    return epochMs(of.UpdatedAt) > (world.manager?.store.now() ?? 0) - MOMENT_MS;
  };

  return {
    promise: 'a service that depends on another starts after it',
    committed({ changes }, writer) {
      for (const { table, before, after } of changes) {
        if (table === 'services' && after === undefined && before !== undefined) goneSince.set(before.Spec.Name, world.time.monotonicMs());
      }
      for (const { table, before, after } of changes) if (table === 'tasks' && after !== undefined) check(before, after, writer);
    },
  };
};

/**
 * What a service depends on and is not there for sure, in a sentence. What is fresh counts as there: it may have been
 * when somebody looked.
 */
function explainSurelyMissing(tx: ReadTransaction, service: Service, isFresh: (of: StoredObject<string> | string) => boolean) {
  if (isFresh(service)) return undefined;
  for (const { service: name, condition, required } of dependenciesOf(service.Spec.Labels)) {
    const other = tx.services.by('name', name.toLowerCase())[0];
    // What is optional is waited for until it has failed for good: nobody is sure of that here.
    if (!required || isFresh(name)) continue;
    if (other === undefined) return `the service ${name} that it depends on does not exist`;
    const { Replicated, ReplicatedJob } = other.Spec.Mode;
    const isAnyFresh = [other, ...tx.tasks.by('service', other.ID)].some(isFresh);
    const wanted = isAnyFresh ? 0 : (Replicated?.Replicas ?? ReplicatedJob?.TotalCompletions ?? 0);
    const there = countThere(tx, other, condition, isMuchAsAsked);
    if (there < wanted) return `${there} of ${wanted} tasks of ${name}, which it depends on, are there (${condition})`;
  }
  return undefined;
}

/** Whether a service may wait for what it depends on: something of that is not there, or not as it is to be. */
export function mayWait(tx: ReadTransaction, service: Service): boolean {
  return dependenciesOf(service.Spec.Labels).some(({ service: name, condition, required }) => {
    const other = tx.services.by('name', name.toLowerCase())[0];
    if (other === undefined) return required;
    const { Replicated, ReplicatedJob } = other.Spec.Mode;
    const nodes = tx.nodes.all().filter(({ Spec, Status }) => Spec.Availability === 'active' && Status.State === 'ready').length;
    const wanted = Replicated?.Replicas ?? ReplicatedJob?.TotalCompletions ?? nodes;
    const isUnderWay = /^(updating|paused|rollback_started|rollback_paused)$/.test(other.UpdateStatus?.State ?? '');
    // Also when somebody posted the same spec again, which clears the status: a renewal that finds no room is still to come.
    const isRenewing = tx.tasks
      .by('service', other.ID)
      .some((task) => isLive(task) && task.Status.State === 'pending' && task.origin?.kind === 'update');
    return isUnderWay || isRenewing || countThere(tx, other, condition, isAsAsked) < wanted;
  });
}

type Likeness = (made: Template | undefined, wanted: Template | undefined) => boolean;

function countThere(tx: ReadTransaction, service: Service, condition: DependencyCondition, isLike: Likeness): number {
  const wanted = tx.templates.get(service.templateID);
  const tasks = tx.tasks.by('service', service.ID).filter((task) => isLike(tx.templates.get(task.templateID), wanted));
  return new Set(tasks.filter((task) => isThere(task, service, condition)).map(slotKey)).size;
}

/** Made as the service is now, but for where it may run. A seat whose renewal was given up has one that is not. */
const isAsAsked: Likeness = (made, wanted) => deepEqual(workOf(made), workOf(wanted));

/** At least: who waits for more than this would wait for what nobody sees. */
const isMuchAsAsked: Likeness = (made, wanted) =>
  deepEqual(made?.spec.ContainerSpec, wanted?.spec.ContainerSpec) && made?.spec.ForceUpdate === wanted?.spec.ForceUpdate;

function workOf(template: Template | undefined): object {
  const { Constraints: _, ...Placement } = template?.spec.Placement ?? {};
  return { ...template?.spec, Placement, endpoint: template?.endpoint };
}

function isThere(task: Task, service: Service, condition: DependencyCondition): boolean {
  const isOfRun = (task.JobIteration?.Index ?? 0) === (service.JobStatus?.JobIteration.Index ?? 0);
  if (!isOfRun || task.DesiredState === 'remove') return false;
  const { State } = task.Status;
  switch (condition) {
    case 'service_started':
      return ['starting', 'running', 'complete'].includes(State);
    case 'service_healthy':
      return State === 'running' && task.DesiredState === 'running';
    case 'service_completed_successfully':
      return State === 'complete';
  }
}

/** What stands in for a task that has run is never held back. */
function isHeldKind({ origin }: Task): boolean {
  return origin?.kind === 'new' || origin?.kind === 'update';
}
