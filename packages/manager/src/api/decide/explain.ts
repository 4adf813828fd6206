import { dataLeftOn, emptyStartWarning } from '@swarm/shared/domain/empty-start';
import { isPinned } from '@swarm/shared/domain/local-volumes';
import { type Node, type Service, type Task, type TaskOrigin, type Template, taskName } from '@swarm/shared/domain/objects';
import { isLive, isTerminal, isToBeFollowed, isWanted } from '@swarm/shared/domain/task-state';
import type { ExplainedEvent, ExplainedNode, ExplainedTask, ServiceExplanation, TaskExplanation } from '@swarm/shared/engine-api/explain';
import type { NodeVerdict } from '../../seams/placement-preview.ts';
import { adviseService, adviseTask, lastFailure } from './advise.ts';

/** All that an explanation looks at. */
export interface ExplainView {
  readonly service: Pick<Service, 'ID' | 'Spec' | 'UpdateStatus' | 'rebalanceSince' | 'JobStatus'> | undefined;
  readonly template: Template;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly verdicts: readonly NodeVerdict[];
}

/** Tasks that a service's explanation names, and events of its history. */
const MOST_WAITING = 10;
const MOST_EVENTS = 30;

/** Why a task is where it is, or why it does not run. `seat`: all tasks of its slot (or node), itself included. */
export function explainTask(given: ExplainView, task: Task, seat: readonly Task[]): TaskExplanation {
  const view = withWish(given, task);
  return {
    Kind: 'task',
    Task: describe(view, task, seat),
    Service: nameOfService(view),
    Nodes: view.verdicts.map((verdict) => presentVerdict(view, verdict)),
    History: historyOf(view, seat),
  };
}

/** The task itself is none of the others on its node. */
function without(view: ExplainView, { NodeID }: Task): ExplainView {
  const others = view.verdicts.map((verdict) =>
    verdict.nodeID === NodeID ? { ...verdict, ofService: Math.max(0, verdict.ofService - 1) } : verdict,
  );
  return { ...view, verdicts: others };
}

/** One that waits for a certain node gets no other, whatever those would say to others of the service. */
function withWish(view: ExplainView, { origin, NodeID }: Task): ExplainView {
  const wish = origin?.node;
  if (wish === undefined || NodeID !== undefined || (wish.why === 'volume' && !isPinned(view.service?.Spec.Labels))) return view;
  const name = nameOfNode(view, wish.id);
  const refusal =
    wish.why === 'volume'
      ? { filter: 'volume' as const, reason: `the data of its local volumes is on ${name}, and the label swarm.volume=pin keeps it there` }
      : { filter: 'balance' as const, reason: `it is moved to ${name} to even out the nodes` };
  const verdicts = view.verdicts.map((verdict) => (verdict.nodeID === wish.id ? verdict : { ...verdict, fits: false, ...refusal }));
  return { ...view, verdicts };
}

export function explainService(view: ExplainView, tasks: readonly Task[], wanted: number): ServiceExplanation {
  const live = tasks.filter(isLive);
  const running = live.filter((task) => task.Status.State === 'running' && !isOnDownNode(task, view.nodes));
  const waiting = tasks.filter((task) => isToBeFollowed(task) || (isLive(task) && task.Status.State !== 'running')).sort(bySeat);
  return {
    Kind: 'service',
    Service: nameOfService(view),
    Running: running.length,
    Wanted: wanted,
    Why: whyService(view, running.length, wanted, tasks),
    Advice: view.service === undefined ? [] : adviseService(view.service, view.verdicts, tasks),
    Waiting: waiting.slice(0, MOST_WAITING).map((task) =>
      describe(
        withWish(without(view, task), task),
        task,
        tasks.filter((other) => isSameSeat(task, other)),
      ),
    ),
    Nodes: view.verdicts.map((verdict) => presentVerdict(view, verdict)),
    History: historyOf(view, tasks).slice(-MOST_EVENTS),
  };
}

function whyService(view: ExplainView, running: number, wanted: number, tasks: readonly Task[]): readonly string[] {
  const { service, nodes } = view;
  const job = jobProgress(service, tasks);
  const why: string[] = [job === undefined ? `${running} of ${wanted} tasks run` : tellJob(job, running)];
  const away = tasks.filter((task) => isLive(task) && isOnDownNode(task, nodes)).length;
  if (away > 0)
    why.push(
      `${away} more ${away === 1 ? 'is' : 'are'} on nodes that are down, and nobody knows whether ${away === 1 ? 'it runs' : 'they run'}`,
    );
  const { UpdateStatus } = service ?? {};
  if (UpdateStatus !== undefined && !/completed$/.test(UpdateStatus.State))
    why.push(`${UpdateStatus.State.replace('_', ' ')}: ${UpdateStatus.Message}`);
  if (wanted === 0 && service?.Spec.Mode.Global !== undefined)
    why.push('no node may have a task of it now; it starts on each that becomes so');
  why.push(...emptyStarts(view, tasks));
  if (service?.rebalanceSince !== undefined) why.push('its tasks are being moved to even out the nodes');
  const isDeserted = !tasks.some((task) => isLive(task) || isToBeFollowed(task));
  if (isDeserted && (job === undefined ? running < wanted : job.completed < job.wanted)) {
    const [last] = tasks.filter((task) => isTerminal(task.Status.State)).sort((a, b) => (a.CreatedAt < b.CreatedAt ? 1 : -1));
    if (last !== undefined) why.push(`nothing follows the last task: ${endOf(last)}; its restart policy allows no other`);
    else why.push('no node may have a task of it');
  }
  return why;
}

interface JobProgress {
  readonly completed: number;
  readonly wanted: number;
}

/** Of its present run; undefined for what is no job. */
function jobProgress(service: ExplainView['service'], tasks: readonly Task[]): JobProgress | undefined {
  const { ReplicatedJob, GlobalJob } = service?.Spec.Mode ?? {};
  if (ReplicatedJob === undefined && GlobalJob === undefined) return undefined;
  const iteration = service?.JobStatus?.JobIteration.Index ?? 0;
  const ofNow = tasks.filter((task) => task.DesiredState !== 'remove' && (task.JobIteration?.Index ?? 0) === iteration);
  const seats = (some: readonly Task[]) => new Set(some.map((task) => task.Slot ?? task.NodeID)).size;
  const completed = seats(ofNow.filter(({ Status }) => Status.State === 'complete'));
  const wanted = GlobalJob === undefined ? (ReplicatedJob?.TotalCompletions ?? ReplicatedJob?.MaxConcurrent ?? 1) : seats(ofNow);
  return { completed, wanted };
}

function tellJob({ completed, wanted }: JobProgress, running: number): string {
  if (completed >= wanted && wanted > 0) return `the job is done: ${completed} of ${wanted} tasks have completed`;
  return `${completed} of ${wanted} tasks of the job have completed, ${running} run`;
}

/** Tasks that live without the data of their volumes: each is a loss, unless somebody wants it so. */
function emptyStarts(view: ExplainView, tasks: readonly Task[]): readonly string[] {
  const lost = tasks.filter((task) => isLive(task) && dataLeftOn(task) !== undefined).sort(bySeat);
  const told = lost
    .slice(0, MOST_WAITING)
    .map((task) => `${nameOfTask(view, task)}: ${emptyStartWarning(nameOfNode(view, dataLeftOn(task) ?? ''))}`);
  return lost.length > told.length ? [...told, `and ${lost.length - told.length} more tasks without their data`] : told;
}

function describe(view: ExplainView, task: Task, seat: readonly Task[]): ExplainedTask {
  return {
    ID: task.ID,
    Name: nameOfTask(view, task),
    State: task.Status.State,
    DesiredState: task.DesiredState,
    ...(task.NodeID !== undefined && { Node: { ID: task.NodeID, Name: nameOfNode(view, task.NodeID) } }),
    Why: isOver(task) ? whyEnded(view, task, seat) : whyLive(view, task, seat),
    Advice: isOver(task) && !isToBeFollowed(task) ? [] : adviseTask({ ...view, serviceName: nameOfService(view).Name, task, seat }),
  };
}

function isOver({ Status, DesiredState }: Task): boolean {
  return isTerminal(Status.State) || !isWanted(DesiredState);
}

function whyEnded(view: ExplainView, task: Task, seat: readonly Task[]): readonly string[] {
  const state = isTerminal(task.Status.State) ? endOf(task) : `is being stopped: desired state ${task.DesiredState}`;
  if (isToBeFollowed(task)) return [state, whatFollows(view, task)];
  const next = seat.filter(isLive).sort((a, b) => (a.CreatedAt < b.CreatedAt ? 1 : -1))[0];
  const after = next === undefined ? 'no other task has taken its place' : `task ${next.ID} has taken its place (${next.Status.State})`;
  return [state, after];
}

function whatFollows({ template }: ExplainView, { origin }: Task): string {
  const failures = (origin?.failuresInRow ?? 0) + 1;
  const when = origin?.notBefore === undefined ? 'soon' : `at ${origin.notBefore}`;
  const pause = failures > 1 ? ` (${failures} failures in a row: the pause grows)` : '';
  const isLimited = (template.spec.RestartPolicy?.MaxAttempts ?? 0) > 0;
  return `another task follows it ${when}${pause}${isLimited ? ', if its restart policy allows one more attempt' : ''}`;
}

function endOf({ Status }: Task): string {
  const code = Status.ContainerStatus?.ExitCode;
  const details = [Status.Err, code === undefined || code === 0 ? undefined : `exit code ${code}`].filter(
    (part) => part !== undefined && part !== '',
  );
  return details.length === 0 ? Status.State : `${Status.State}: ${details.join(', ')}`;
}

function whyLive(view: ExplainView, task: Task, seat: readonly Task[]): readonly string[] {
  const why =
    task.Status.State === 'running'
      ? [`runs since ${task.runningSince ?? task.Status.Timestamp}`]
      : [whyNotRunning(view, task, seat), ...whatFailed(task, seat)];
  if (task.NodeID !== undefined) why.push(...whyThere(view, task, task.NodeID));
  if (task.origin?.replaces !== undefined)
    why.push(`takes the place of task ${task.origin.replaces}, which goes once this one has run well`);
  return why;
}

/** How the newest of those before it ended, when that was not as it should. */
function whatFailed(task: Task, seat: readonly Task[]): readonly string[] {
  const last = lastFailure(task, seat);
  return last === undefined
    ? []
    : [
        `the task before it ${last.Status.State === 'rejected' ? 'was ' : ''}${endOf(last)}${last.NodeID === task.NodeID ? '' : ' on another node'}`,
      ];
}

function whyNotRunning(view: ExplainView, task: Task, seat: readonly Task[]): string {
  const { Status, origin } = task;
  if (task.hold !== undefined) return `is held back: ${task.hold}`;
  if (task.NodeID === undefined || Status.State === 'pending' || Status.State === 'new') {
    if (Status.Err !== undefined && Status.Err !== '') return `has no place: ${Status.Err}`;
    return Status.State === 'new' ? 'waits for its addresses and ports' : 'waits for the scheduler to look at it';
  }
  const node = nameOfNode(view, task.NodeID);
  if (task.DesiredState === 'ready') {
    const stopping = seat.find((other) => other !== task && !isWanted(other.DesiredState) && !isTerminal(other.Status.State));
    if (stopping !== undefined) return `is prepared on ${node} and waits for task ${stopping.ID} to stop`;
    const failures = origin?.failuresInRow ?? 0;
    const cause = failures > 1 ? ` (${failures} failures in a row: the pause grows)` : '';
    const prepared = Status.State === 'ready' ? 'is prepared' : 'is being prepared';
    return `${prepared} on ${node} and waits for its turn${origin?.notBefore === undefined ? '' : ` at ${origin.notBefore}`}${cause}`;
  }
  const check = view.template.spec.ContainerSpec?.Healthcheck?.Test ?? [];
  const isChecked = (Status.ContainerStatus?.PID ?? 0) > 0 || (check.length > 0 && check[0] !== 'NONE');
  if (Status.State === 'starting' && isChecked) return `is starting on ${node}: its health check has not passed yet`;
  const words = [Status.Message, Status.Err].filter((part) => part !== undefined && part !== '' && part !== Status.State).join(': ');
  return `is ${Status.State} on ${node}${words === '' ? '' : ` (${words})`}`;
}

function whyThere(view: ExplainView, task: Task, nodeID: string): readonly string[] {
  const leftOn = dataLeftOn(task);
  const node = view.nodes.get(nodeID);
  const why: string[] = [];
  if (view.template.global) why.push('is there because a global service has one task on each node that fits');
  else if (task.origin?.node?.id === nodeID) {
    why.push(
      task.origin.node.why === 'volume' ? 'is there because the data of its local volumes is' : 'was moved there to even out the nodes',
    );
  } else {
    const verdict = view.verdicts.find((one) => one.nodeID === nodeID);
    const others =
      verdict === undefined
        ? ''
        : `; now it has ${verdict.ofService} other ${verdict.ofService === 1 ? 'task' : 'tasks'} of the service, and the nodes that fit have ${spread(view)}`;
    why.push(`is there because the node ranked best when it was placed${others}`);
  }
  if (leftOn !== undefined) why.push(emptyStartWarning(nameOfNode(view, leftOn)));
  if (node === undefined) why.push('its node was removed from the cluster');
  else if (node.Status.State === 'down') why.push('its node is down: it stays wanted until another one runs in its place');
  else if (node.Spec.Availability === 'drain') why.push('its node is drained: it goes once another one runs in its place');
  return why;
}

function spread({ verdicts }: ExplainView): string {
  const counts = verdicts.filter((verdict) => verdict.fits).map((verdict) => verdict.ofService);
  return counts.length === 0
    ? 'none: no node fits'
    : counts.length === 1
      ? String(counts[0])
      : `${Math.min(...counts)} to ${Math.max(...counts)}`;
}

function presentVerdict(view: ExplainView, { nodeID, fits, filter, reason, ofService, active }: NodeVerdict): ExplainedNode {
  return {
    ID: nodeID,
    Name: nameOfNode(view, nodeID),
    Fits: fits,
    ...(filter !== undefined && { Filter: filter }),
    ...(reason !== undefined && { Reason: reason }),
    ServiceTasks: ofService,
    Tasks: active,
  };
}

const ORIGINS = {
  new: 'its slot was empty',
  restart: 'the one before it had ended',
  update: 'the service had changed',
  move: 'the one before it lost its node, or was to leave it',
} as const;

function whyMade({ kind, node }: TaskOrigin): string {
  return kind === 'move' && node?.why === 'balance' ? 'the one before it is moved to even out the nodes' : ORIGINS[kind];
}

/** What is known of the tasks, oldest first; what is reaped is forgotten. */
function historyOf(view: ExplainView, tasks: readonly Task[]): readonly ExplainedEvent[] {
  const events = tasks.flatMap((task): ExplainedEvent[] => {
    const at = (Time: string, Text: string): ExplainedEvent => ({ Time, TaskID: task.ID, Text });
    const where = task.NodeID === undefined ? '' : ` on ${nameOfNode(view, task.NodeID)}`;
    const failures = task.origin?.failuresInRow ?? 0;
    const after = failures > 1 ? ` (after ${failures} failures in a row)` : '';
    const made = task.origin === undefined ? 'made' : `made: ${whyMade(task.origin)}${after}`;
    const isTold = task.Status.State === 'new' || task.Status.State === 'running';
    const state = isTerminal(task.Status.State) ? endOf(task) : [task.Status.State, task.Status.Err].filter(Boolean).join(': ');
    return [
      at(task.CreatedAt, made),
      ...(task.runningSince === undefined ? [] : [at(task.runningSince, `running${where}`)]),
      ...(isTold ? [] : [at(task.Status.Timestamp, `${state}${where}`)]),
      ...(!isWanted(task.DesiredState) && !isTerminal(task.Status.State) ? [at(task.UpdatedAt, `asked to stop${where}`)] : []),
    ];
  });
  return events.sort((a, b) => (a.Time === b.Time ? (a.TaskID < b.TaskID ? -1 : 1) : a.Time < b.Time ? -1 : 1));
}

function nameOfService({ service, template }: ExplainView) {
  return { ID: template.serviceID, Name: service?.Spec.Name ?? template.serviceName };
}

function nameOfTask({ template }: ExplainView, task: Task): string {
  return taskName(template.serviceName, task, template.global);
}

function nameOfNode({ nodes }: ExplainView, nodeID: string): string {
  return nodes.get(nodeID)?.Description?.Hostname ?? nodeID;
}

function isOnDownNode({ NodeID, Status }: Task, nodes: ExplainView['nodes']): boolean {
  return Status.State === 'running' && NodeID !== undefined && nodes.get(NodeID)?.Status.State === 'down';
}

function isSameSeat(a: Task, b: Task): boolean {
  return a.Slot === undefined ? b.NodeID === a.NodeID : a.Slot === b.Slot;
}

function bySeat(a: Task, b: Task): number {
  return (a.Slot ?? 0) - (b.Slot ?? 0) || (a.ID < b.ID ? -1 : 1);
}
