import { nodeSatisfies } from '@swarm/shared/domain/constraints';
import type { Node, Service, Task, Template } from '@swarm/shared/domain/objects';
import { isLive } from '@swarm/shared/domain/task-state';
import { isUpToDate } from '@swarm/shared/domain/task-template';
import type { PlannedTask, StackAction } from '@swarm/shared/engine-api/stack-spec';

/** A service as a deploy would leave it, and what is there of it now. */
export interface ForecastView {
  readonly action: StackAction;
  readonly service: Service;
  readonly template: Template;
  readonly tasks: readonly Task[];
  readonly templates: { get(id: string): Template | undefined };
  readonly nodes: readonly Node[];
}

export interface Forecast {
  /** Those of `replace` and `start` still look for a node, in this order; global ones know theirs. */
  readonly tasks: readonly PlannedTask[];
  /** Of new tasks that may go anywhere. */
  readonly count: number;
  /** Of new tasks that have their node. */
  readonly nodeIDs: readonly string[];
  /** Tasks that will have left when the new ones come. */
  readonly leaving: readonly Task[];
}

type Draft = Omit<PlannedTask, 'service'>;

/** Which of a service's tasks would be replaced, started and stopped: what the orchestrator will do, in the end. */
export function forecastService(view: ForecastView): Forecast {
  const { action, service, nodes } = view;
  const live = view.tasks.filter(isLive).sort((a, b) => (a.Slot ?? 0) - (b.Slot ?? 0) || (a.ID < b.ID ? -1 : 1));
  const names = new Map(nodes.map((node) => [String(node.ID), node.Description?.Hostname ?? node.ID]));
  const describe = (task: Task, what: PlannedTask['action']): Draft => ({
    action: what,
    ...(task.Slot !== undefined && { slot: task.Slot }),
    ...(task.NodeID !== undefined && { from: names.get(task.NodeID) ?? task.NodeID }),
  });
  const finish = (tasks: readonly Draft[], count: number, nodeIDs: readonly string[], leaving: readonly Task[]): Forecast => ({
    tasks: tasks.map((task) => ({ service: service.Spec.Name, ...task })),
    count,
    nodeIDs,
    leaving,
  });
  if (action === 'removed')
    return finish(
      live.map((task) => describe(task, 'stop')),
      0,
      [],
      live,
    );
  if (action === 'unchanged') return finish([], 0, [], []);
  const { Mode } = service.Spec;
  const isOutdated = (task: Task) => {
    const made = view.templates.get(task.templateID);
    const node = nodes.find(({ ID }) => ID === task.NodeID);
    return made === undefined || !isUpToDate(made, view.template, node);
  };
  if (Mode.Global !== undefined || Mode.GlobalJob !== undefined) {
    const eligible = nodes.filter((node) => takesTasks(node) && nodeSatisfies(view.template.spec.Placement, node));
    const on = new Map(live.map((task) => [task.NodeID, task]));
    const stopped = live.filter((task) => !eligible.some(({ ID }) => ID === task.NodeID));
    const fresh = eligible.flatMap((node): { readonly node: Node; readonly draft: Draft; readonly old?: Task }[] => {
      const old = on.get(node.ID);
      if (old === undefined) return [{ node, draft: { action: 'start' } }];
      return isOutdated(old) || Mode.GlobalJob !== undefined ? [{ node, draft: describe(old, 'replace'), old }] : [];
    });
    return finish(
      [...fresh.map(({ draft }) => draft), ...stopped.map((task) => describe(task, 'stop'))],
      0,
      fresh.map(({ node }) => node.ID),
      [...stopped, ...fresh.flatMap(({ old }) => (old === undefined ? [] : [old]))],
    );
  }
  if (Mode.ReplicatedJob !== undefined) {
    const { MaxConcurrent = 1, TotalCompletions = MaxConcurrent } = Mode.ReplicatedJob;
    const count = Math.min(MaxConcurrent, TotalCompletions);
    const stops = live.map((task) => describe(task, 'stop'));
    return finish([...Array.from({ length: count }, (): Draft => ({ action: 'start' })), ...stops], count, [], live);
  }
  const wanted = Mode.Replicated?.Replicas ?? 1;
  const seats = [...new Set(live.map((task) => task.Slot))];
  const kept = new Set(seats.slice(0, wanted));
  const stopped = live.filter((task) => !kept.has(task.Slot));
  const replaced = live.filter((task) => kept.has(task.Slot) && isOutdated(task));
  const started = Math.max(0, wanted - seats.length);
  return finish(
    [
      ...replaced.map((task) => describe(task, 'replace')),
      ...Array.from({ length: started }, (): Draft => ({ action: 'start' })),
      ...stopped.map((task) => describe(task, 'stop')),
    ],
    replaced.length + started,
    [],
    [...replaced, ...stopped],
  );
}

function takesTasks(node: Node): boolean {
  return node.Status.State === 'ready' && node.Spec.Availability === 'active';
}
