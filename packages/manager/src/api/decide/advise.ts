import { DEPENDS_ON_LABEL, dependenciesOf } from '@swarm/shared/domain/depends-on';
import type { Service, Task } from '@swarm/shared/domain/objects';
import { isLive, isTerminal, isToBeFollowed } from '@swarm/shared/domain/task-state';
import type { NodeVerdict } from '../../seams/placement-preview.ts';

export interface Plight {
  readonly service: Pick<Service, 'Spec'> | undefined;
  readonly serviceName: string;
  /** What each node says to the task now. */
  readonly verdicts: readonly NodeVerdict[];
  readonly task: Task;
  /** All tasks of its slot (or node), itself included. */
  readonly seat: readonly Task[];
}

/** What somebody can do for a task that should run and does not. Empty: only time helps, or the reason says it already. */
export function adviseTask(plight: Plight): readonly string[] {
  const { task, seat, serviceName } = plight;
  if (task.hold !== undefined) return adviseHold(task.hold, plight);
  if (task.NodeID === undefined) return advisePlace(plight.verdicts, serviceName);
  if (task.Status.State === 'running') return [];
  if (isToBeFollowed(task)) return [`mend what keeps it from starting: swarm service update FLAGS ${serviceName}`];
  switch (lastFailure(task, seat)?.Status.State) {
    case 'failed':
      return [`see what the task before it wrote: swarm service logs ${serviceName}`];
    case 'rejected':
      return [`mend what kept that one from starting: swarm service update FLAGS ${serviceName}`];
    default:
      return [];
  }
}

/** The newest task of its seat that ended, if it was made for the same spec and broke. */
export function lastFailure(task: Task, seat: readonly Task[]): Task | undefined {
  const [last] = seat
    .filter((other) => other !== task && isTerminal(other.Status.State))
    .sort((a, b) => (a.CreatedAt < b.CreatedAt ? 1 : a.CreatedAt > b.CreatedAt ? -1 : a.ID < b.ID ? -1 : 1));
  const hasBroken = last?.Status.State === 'failed' || last?.Status.State === 'rejected';
  return hasBroken && last.templateID === task.templateID ? last : undefined;
}

/** An update that stands still, or a service that nobody starts again, goes on when somebody says so. */
export function adviseService(
  { Spec, UpdateStatus }: Pick<Service, 'Spec' | 'UpdateStatus'>,
  verdicts: readonly NodeVerdict[],
  tasks: readonly Task[],
): readonly string[] {
  const { Name, Mode } = Spec;
  const look = `see what failed: swarm service ps ${Name}, swarm service logs ${Name}`;
  if (UpdateStatus?.State === 'paused')
    return [
      `${look}; then mend it (swarm service update FLAGS ${Name}), try again (without flags), or go back: swarm service rollback ${Name}`,
    ];
  if (UpdateStatus?.State === 'rollback_paused')
    return [`${look}; then mend it (swarm service update FLAGS ${Name}), or try again (without flags)`];
  if (tasks.some((task) => isLive(task) || isToBeFollowed(task))) return [];
  if (Mode.Global !== undefined) return advisePlace(verdicts, Name);
  const isOver = tasks.some(({ Status }) => Status.State === 'failed' || Status.State === 'rejected');
  return isOver && (Mode.Replicated?.Replicas ?? 0) > 0
    ? [`see what it wrote: swarm service logs ${Name}; to start it once more: swarm service update --force ${Name}`]
    : [];
}

/** `hold` names the services that are waited for, and says which of them do not exist. */
function adviseHold(hold: string, { service, serviceName }: Plight): readonly string[] {
  const waitedFor = dependenciesOf(service?.Spec.Labels ?? {})
    .map((dependency) => dependency.service)
    .filter((name) => hold.includes(`service ${name} `) || hold.includes(`service ${name},`));
  const isMissing = (name: string) => hold.includes(`service ${name}, which does not exist`);
  const missing = waitedFor.filter(isMissing);
  const slow = waitedFor.filter((name) => !isMissing(name));
  return [
    ...(missing.length > 0
      ? [`create ${missing.join(' and ')}, or let it wait for nothing: swarm service update --label-rm ${DEPENDS_ON_LABEL} ${serviceName}`]
      : []),
    ...(slow.length > 0
      ? [`it starts by itself then; to see why that takes so long: ${slow.map((name) => `swarm explain ${name}`).join(', ')}`]
      : []),
  ];
}

/** By the filter that refused: what lets tasks pass it. Those that keep most nodes away come first. */
const WAYS: { readonly [Name in NonNullable<NodeVerdict['filter']>]: ((service: string) => string) | undefined } = {
  ready: () =>
    'bring back the nodes that are down (swarm node ls), or let the others take tasks: swarm node update --availability active NODE',
  resources: (service) =>
    `add a node, or reserve less: swarm service update --reserve-cpu N --reserve-memory SIZE ${service}; the same of other services frees room, too`,
  plugin: () => 'install the plugin on the engine of a node',
  network: () => 'mend on a node what it says of its networks',
  constraint: (service) =>
    `label a node (swarm node update --label-add KEY=VALUE NODE), or drop the constraint: swarm service update --constraint-rm EXPRESSION ${service}`,
  platform: () => 'add a node of such a platform, or use an image that is made for the nodes that are there',
  'host-port': (service) => `add a node, run fewer tasks (swarm service scale ${service}=N), or publish the port without mode=host`,
  'max-replicas': (service) => `add a node, or allow more: swarm service update --replicas-max-per-node N ${service}`,
  volume: (service) => `bring that node back, or let it start empty elsewhere: swarm service update --label-rm swarm.volume ${service}`,
  /** The task whose place it shall take runs on where it is. */
  balance: undefined,
};

function advisePlace(verdicts: readonly NodeVerdict[], serviceName: string): readonly string[] {
  if (verdicts.some(({ fits }) => fits)) return [];
  const refused = new Map<NonNullable<NodeVerdict['filter']>, number>();
  for (const { filter } of verdicts) if (filter !== undefined) refused.set(filter, (refused.get(filter) ?? 0) + 1);
  return [...refused]
    .sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1))
    .flatMap(([filter]) => {
      const way = WAYS[filter];
      return way === undefined ? [] : [way(serviceName)];
    });
}
