import type { Dependency, DependencyCondition } from '@swarm/shared/domain/depends-on';
import type { Node, Task } from '@swarm/shared/domain/objects';
import { compareStates, isLive, isToBeFollowed } from '@swarm/shared/domain/task-state';
import { purposeOfNode } from './global.ts';
import { isJob } from './restart.ts';
import { byAge, endedByItself, hasStopped, isClean } from './standing.ts';
import type { ServiceFacts, World } from './view.ts';

/** One thing that a service waits for, as it is now. */
export interface DependencyView {
  readonly rule: Dependency;
  /** Undefined: there is no such service. */
  readonly facts: ServiceFacts | undefined;
  readonly tasks: readonly Task[];
  /** All nodes; only asked for when the dependency runs on each. */
  readonly nodes: () => readonly Node[];
}

/** What a service's dependencies mean for its tasks. */
export interface Waiting {
  /** Why its first and its renewed tasks are held back now; absent when nothing is missing. */
  readonly waits?: string;
  /** RFC 3339. Tasks made before it are outdated: a dependency that asks for it was renewed then. */
  readonly outdatedBefore?: string;
}

/**
 * A service that has run once is not hostage to its dependencies: they hold back the first task of a seat and the
 * renewal of tasks, never a restart or a move. Only tasks of the dependency's present spec count, so that the order
 * holds in a re-deploy too.
 */
export function decideWaiting(dependencies: readonly DependencyView[], world: World): Waiting {
  const reasons = dependencies.map((dependency) => explainWait(dependency, world)).filter((reason) => reason !== undefined);
  const renewals = dependencies
    .flatMap(({ rule, facts, tasks }) => (rule.restart && facts !== undefined ? tasks.filter((task) => isRenewed(task, facts, world)) : []))
    .map((task) => task.CreatedAt)
    .sort();
  const outdatedBefore = renewals.at(-1);
  return {
    ...(reasons.length > 0 && { waits: `waiting for ${reasons.join(' and ')}` }),
    ...(outdatedBefore !== undefined && { outdatedBefore }),
  };
}

/** A renewal that never ran (its program is missing, say) has changed nothing for anybody. */
function isRenewed(task: Task, facts: ServiceFacts, world: World): boolean {
  return task.origin?.kind === 'update' && task.runningSince !== undefined && isClean(task, facts, world);
}

const WISHES: Readonly<Record<DependencyCondition, string>> = {
  service_started: 'to be started',
  service_healthy: 'to be healthy',
  service_completed_successfully: 'to complete successfully',
};

function explainWait({ rule, facts, tasks, nodes }: DependencyView, world: World): string | undefined {
  if (facts === undefined) return rule.required ? `service ${rule.service}, which does not exist` : undefined;
  const { Mode } = facts.service.Spec;
  const iteration = facts.service.JobStatus?.JobIteration.Index ?? 0;
  const current = tasks.filter(
    (task) =>
      task.DesiredState !== 'remove' &&
      isClean(task, facts, world) &&
      (!isJob(facts.service) || (task.JobIteration?.Index ?? 0) === iteration),
  );
  const places = new Set<string | number | undefined>(
    current.filter((task) => hasReached(task, rule.condition, world)).map((task) => task.Slot ?? task.NodeID),
  );
  const isPerNode = Mode.Global !== undefined || Mode.GlobalJob !== undefined;
  const wantedNodes = isPerNode ? nodes().filter((node) => shallHaveTask(node, facts)) : undefined;
  const wanted =
    wantedNodes?.length ?? Mode.Replicated?.Replicas ?? Mode.ReplicatedJob?.TotalCompletions ?? Mode.ReplicatedJob?.MaxConcurrent ?? 1;
  const reached = wantedNodes?.filter(({ ID }) => places.has(ID)).length ?? places.size;
  if (reached >= wanted) return undefined;
  const givenUp = explainEnd(tasks);
  if (givenUp !== undefined && !rule.required) return undefined;
  const more = [
    ...(givenUp === undefined ? [] : [givenUp]),
    ...(facts.service.UpdateStatus?.State === 'paused' ? ['its update is paused'] : []),
  ];
  return `service ${rule.service} ${WISHES[rule.condition]} (${[`${reached} of ${wanted}`, ...more].join('; ')})`;
}

/** A manager that has just started has heard of no node yet: that is no reason to let anybody start who waits. */
function shallHaveTask(node: Node, { template }: ServiceFacts): boolean {
  const heard: Node = node.Status.State === 'unknown' ? { ...node, Status: { ...node.Status, State: 'ready' } } : node;
  return purposeOfNode(heard, template) === 'fill';
}

/**
 * A task with a health check runs only once it is healthy, so running is healthy. What was last heard of a node that is
 * down says nothing of now.
 */
function hasReached(task: Task, condition: DependencyCondition, world: World): boolean {
  const { State } = task.Status;
  switch (condition) {
    case 'service_started':
      return State === 'complete' || (!hasStopped(task, world) && compareStates(State, 'starting') >= 0);
    case 'service_healthy':
      return State === 'running' && task.DesiredState === 'running' && !hasStopped(task, world);
    case 'service_completed_successfully':
      return State === 'complete';
  }
}

/** Nothing of it lives or is to come, and the last that was there did not end well: nobody starts it again. */
function explainEnd(tasks: readonly Task[]): string | undefined {
  const [last] = tasks.filter((task) => task.DesiredState !== 'remove' && endedByItself(task)).sort(byAge);
  if (last === undefined || last.Status.State === 'complete' || tasks.some((task) => isLive(task) || isToBeFollowed(task)))
    return undefined;
  return `its last task ${last.Status.State}: ${last.Status.Err ?? last.Status.Message ?? 'no reason given'}`;
}
