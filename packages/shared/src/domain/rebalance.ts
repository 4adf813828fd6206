import { localVolumesOf } from './local-volumes.ts';
import type { Node, Service, Task, Template } from './objects.ts';
import { isLive } from './task-state.ts';
import { isUpToDate } from './task-template.ts';

/** On a service: `true` evens out the nodes whenever one comes back or joins. */
export const REBALANCE_LABEL = 'swarm.rebalance';

export function wantsRebalance({ Spec }: Pick<Service, 'Spec'>): boolean {
  return Spec.Labels[REBALANCE_LABEL]?.trim().toLowerCase() === 'true';
}

/** What of a service may be moved now. `busy`: nothing now, perhaps later. `never`: such a service is not moved at all. */
export type Movability =
  | { readonly kind: 'movable'; readonly tasks: readonly Task[] }
  | { readonly kind: 'busy' | 'never'; readonly reason: string };

export interface MovabilityView {
  readonly service: Pick<Service, 'Spec' | 'UpdateStatus' | 'templateID'>;
  readonly tasks: readonly Task[];
  readonly nodes: { get(id: string): Node | undefined };
  readonly templates: { get(id: string): Template | undefined };
}

/**
 * Only tasks that run well, one to a slot, on nodes that are up and keep their tasks. Never one whose data would stay
 * behind, or in whose place no other one would come.
 */
export function decideMovability({ service, tasks, nodes, templates }: MovabilityView): Movability {
  const { Mode, TaskTemplate } = service.Spec;
  if (Mode.Replicated === undefined) return { kind: 'never', reason: 'only replicated services are moved' };
  if (localVolumesOf(TaskTemplate).length > 0)
    return { kind: 'never', reason: 'its tasks have local volumes, whose data would stay behind' };
  if (TaskTemplate.RestartPolicy?.Condition === 'none') return { kind: 'never', reason: 'its restart condition is "none"' };
  const state = service.UpdateStatus?.State ?? 'completed';
  if (!/completed$/.test(state)) return { kind: 'busy', reason: `an update of it is not over (${state})` };
  const live = tasks.filter(isLive);
  const bySlot = Map.groupBy(live, (task) => task.Slot);
  if ([...bySlot.values()].some((seat) => seat.length > 1))
    return { kind: 'busy', reason: 'a task of it is being moved or taken over already' };
  const current = templates.get(service.templateID);
  return { kind: 'movable', tasks: live.filter((task) => isWell(task, nodes) && isCurrent(task, current, { nodes, templates })) };
}

function isWell(task: Task, nodes: MovabilityView['nodes']): boolean {
  const node = task.NodeID === undefined ? undefined : nodes.get(task.NodeID);
  if (node?.Status.State !== 'ready' || node.Spec.Availability === 'drain') return false;
  return task.Status.State === 'running' && task.DesiredState === 'running';
}

/** A change of the service's labels (to opt in, say) makes a new template and no new task: what it does is compared. */
function isCurrent(task: Task, current: Template | undefined, { nodes, templates }: Pick<MovabilityView, 'nodes' | 'templates'>): boolean {
  const made = templates.get(task.templateID);
  return made !== undefined && current !== undefined && isUpToDate(made, current, nodes.get(task.NodeID ?? ''));
}
