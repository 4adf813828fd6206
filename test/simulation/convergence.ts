import type { ReadTransaction } from '@swarm/manager/store/store';
import { slotKey } from '@swarm/manager/store/tables';
import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { isPinned } from '@swarm/shared/domain/local-volumes';
import type { Node, Service, Task } from '@swarm/shared/domain/objects';
import { isOver } from '@swarm/shared/domain/permitted-moves';
import { isLive, isTerminal } from '@swarm/shared/domain/task-state';
import { epochMs } from '@swarm/shared/runtime/clock';
import type { ContainerState } from '@swarm/worker/engine/engine';
import { explainNetworks, explainPlaces, waitsForAddress } from './convergence-networks.ts';
import { mayWait } from './invariants/dependencies.ts';
import { explainRoom, explainStay, holds } from './invariants/placement.ts';
import { imageOf } from './plot/operations.ts';
import type { Host } from './world/host.ts';
import type { World } from './world/world.ts';

/**
 * What keeps the cluster from being as its users want it, in sentences; empty when it is. Looks at what counts: the
 * containers that run, against the specs. Written plainly, without the product's decisions.
 */
export function explainUnrest(world: World): readonly string[] {
  const { manager } = world;
  if (manager === undefined) return ['no manager runs'];
  return manager.store.view((tx) => {
    const containers = runningContainers(world);
    return [
      ...tx.nodes
        .all()
        .filter(({ Status }) => Status.State !== 'ready')
        .map(({ ID, Status }) => `node ${ID} is ${Status.State}`),
      ...tx.nodes.all().flatMap((node) => explainDamping(node, manager.store.now())),
      ...tx.services.all().flatMap((service) => explainService(tx, service, containers)),
      ...explainNetworks(world, tx),
      ...tx.tasks.all().flatMap((task) => explainLeftover(tx, task)),
      ...[...containers].flatMap(([taskID, { container, host }]) => explainContainer(tx, taskID, container, host.name)),
      ...world.hosts.flatMap((host) =>
        [...host.payloads.held()]
          .filter((taskID) => !containers.has(taskID))
          .map((taskID) => `the secrets of task ${taskID} lie on ${host.name}, and no container of it runs`),
      ),
      ...world.hosts.flatMap((host) =>
        host.engine
          .containers()
          .filter(({ labels }) => tx.tasks.get(labels[CONTAINER_LABELS.taskID] ?? '') === undefined)
          .map(({ name }) => `container ${name} of ${host.name} belongs to no task`),
      ),
    ];
  });
}

/** What is to end ends; a node takes tasks again when its time is over. */
const DAMPING_SLACK_MS = 15_000;

function explainDamping({ ID, damped }: Node, nowMs: number): readonly string[] {
  return damped !== undefined && epochMs(damped.until) < nowMs - DAMPING_SLACK_MS
    ? [`node ${ID} takes no tasks, though its time is over`]
    : [];
}

interface Running {
  readonly container: ContainerState;
  readonly host: Host;
  readonly image: string;
}

function runningContainers(world: World): ReadonlyMap<string, Running> {
  const found = new Map<string, Running>();
  for (const host of world.hosts) {
    const { engine } = host;
    for (const container of engine.containers()) {
      if (container.status !== 'running') continue;
      const image = String(engine.requestOf(container.id)?.body.Image);
      found.set(container.labels[CONTAINER_LABELS.taskID] ?? '', { container, image, host });
    }
  }
  return found;
}

function explainLeftover(tx: ReadTransaction, task: Task): readonly string[] {
  if (isLive(task) && tx.services.get(task.ServiceID) === undefined)
    return [`task ${task.ID} shall be ${task.DesiredState}, and its service is gone`];
  return isLive(task) || isOver(task) ? [] : [`task ${task.ID} shall be ${task.DesiredState} and is ${task.Status.State}`];
}

function explainContainer(tx: ReadTransaction, taskID: string, container: ContainerState, host: string): readonly string[] {
  const task = tx.tasks.get(taskID);
  if (task === undefined || !isLive(task)) return [`container ${container.name} runs on ${host}, and its task is not wanted`];
  return [];
}

function explainService(tx: ReadTransaction, service: Service, containers: ReadonlyMap<string, Running>): readonly string[] {
  const { Name, Mode } = service.Spec;
  const tasks = tx.tasks.by('service', service.ID);
  const seats = new Map<string, Task[]>();
  for (const task of tasks) {
    if (task.DesiredState === 'remove') continue;
    const seat = seats.get(slotKey(task));
    if (seat === undefined) seats.set(slotKey(task), [task]);
    else seat.push(task);
  }
  const reasons: string[] = [];
  for (const [key, seat] of seats) reasons.push(...explainHistory(tx, service, key, seat));
  if (Mode.ReplicatedJob !== undefined || Mode.GlobalJob !== undefined) return [...reasons, ...explainJob(tx, service, tasks)];
  if (Mode.Replicated !== undefined && seats.size !== (Mode.Replicated.Replicas ?? 1)) {
    reasons.push(`${Name} has ${seats.size} seats, and wants ${Mode.Replicated.Replicas}`);
  }
  if (Mode.Global !== undefined) {
    for (const node of tx.nodes.all()) {
      const key = slotKey({ ServiceID: service.ID, NodeID: node.ID });
      if (!seats.has(key) && roomFor(tx, service, [node.ID])) reasons.push(`${Name} has no task on ${node.ID}`);
    }
  }
  const state = service.UpdateStatus?.State;
  const isHeldUp = mayWait(tx, service);
  const isStuck = isHeldUp || [...seats.values()].some((seat) => seat.some((task) => isLive(task) && waitsInVain(tx, service, task)));
  if (!isStuck && (state === 'updating' || state === 'rollback_started')) reasons.push(`the update of ${Name} is ${state}`);
  const isPaused = state === 'paused' || state === 'rollback_paused' || isStuck;
  if (service.rebalanceSince !== undefined && !isPaused) reasons.push(`${Name} is being evened out`);
  for (const [key, seat] of seats) reasons.push(...explainSeat(tx, service, key, seat, containers, isPaused));
  return reasons;
}

function explainSeat(
  tx: ReadTransaction,
  service: Service,
  key: string,
  seat: readonly Task[],
  containers: ReadonlyMap<string, Running>,
  isPaused: boolean,
): readonly string[] {
  const where = `${service.Spec.Name} at ${key}`;
  const live = seat.filter(isLive);
  // A renewal that fits nowhere beside the task it renews leaves that one as it is.
  const started = live.length > 1 ? live.filter((task) => !waitsInVain(tx, service, task)) : live;
  if (started.length > 1) return [`${where} has ${started.length} live tasks`];
  const [task] = started;
  if (task === undefined) {
    if (live.length > 0 || hasGivenUp(service, seat)) return [];
    // The history of a node that a global service has no task on.
    const [{ NodeID, Slot } = {}] = seat;
    return Slot === undefined && !roomFor(tx, service, [NodeID ?? '']) ? [] : [`${where} has no live task`];
  }
  if (['new', 'pending', 'assigned'].includes(task.Status.State)) {
    return waitsInVain(tx, service, task)
      ? []
      : [`${where} waits for a node (${task.hold ?? task.Status.Err ?? 'nobody says why'}), and there is room`];
  }
  if (task.Status.State !== 'running' || task.DesiredState !== 'running')
    return [`${where} is ${task.Status.State}, shall be ${task.DesiredState}`];
  const misfit = explainStay(tx, task);
  if (misfit !== undefined) return [`${where} runs on a node where it may not be: ${misfit}`];
  const running = containers.get(task.ID);
  if (running === undefined) return [`${where} is said to run, and its container does not`];
  const isRight = running.image === imageOf(service.Spec) || isPaused || couldNotRenew(service, seat);
  if (!isRight) return [`${where} runs ${running.image} in place of ${imageOf(service.Spec)}`];
  return task.templateID === service.templateID ? explainPlaces(tx, service, task, running.host) : [];
}

/** What is over is kept as history, and no more of it than was asked for: a crash loop costs bounded memory. */
function explainHistory(tx: ReadTransaction, service: Service, key: string, seat: readonly Task[]): readonly string[] {
  const limit = tx.clusters.all()[0]?.Spec.Orchestration?.TaskHistoryRetentionLimit ?? 5;
  const attempts = service.Spec.TaskTemplate.RestartPolicy?.MaxAttempts ?? 0;
  const most = Math.max(2, attempts > 0 ? attempts + 1 : limit);
  const over = seat.filter((task) => !isLive(task) && isOver(task)).length;
  return over > most ? [`${service.Spec.Name} at ${key} keeps ${over} tasks that are over, and ${most} are the most`] : [];
}

/** It waits for a node, an address, or for what its service depends on, and says why; and it is so. */
function waitsInVain(tx: ReadTransaction, service: Service, task: Task): boolean {
  if (waitsForAddress(tx, service, task)) return true;
  // Also while it has no address yet: an update that waits for what the service depends on has not come to it.
  if (task.hold !== undefined) return mayWait(tx, service);
  if (task.Status.State !== 'pending') return false;
  if (task.Status.Err === undefined) return false;
  const isGlobal = service.Spec.Mode.Global !== undefined;
  const data = task.origin?.node?.why === 'volume' && isPinned(service.Spec.Labels) ? task.origin.node.id : undefined;
  if (data !== undefined) return !roomFor(tx, service, [data]);
  return !roomFor(tx, service, isGlobal ? [task.NodeID ?? ''] : tx.nodes.all().map(({ ID }) => ID));
}

/** A start-first update tried, and may not try again: then the old task stays. */
function couldNotRenew(service: Service, seat: readonly Task[]): boolean {
  const { Condition = 'any', MaxAttempts = 0 } = service.Spec.TaskTemplate.RestartPolicy ?? {};
  const tried = seat.some((task) => task.templateID === service.templateID && isTerminal(task.Status.State));
  return tried && service.Spec.UpdateConfig?.Order === 'start-first' && (Condition === 'none' || MaxAttempts > 0);
}

/** The policy allows no further attempt. */
function hasGivenUp(service: Service, seat: readonly Task[]): boolean {
  const policy = service.Spec.TaskTemplate.RestartPolicy;
  const { Condition = 'any', MaxAttempts = 0 } = policy ?? {};
  if (!seat.some((task) => isTerminal(task.Status.State))) return false;
  if (Condition === 'none' || MaxAttempts > 0) return true;
  const completed = seat.some((task) => task.Status.State === 'complete');
  return Condition === 'on-failure' && completed;
}

function roomFor(tx: ReadTransaction, service: Service, nodeIDs: readonly string[]): boolean {
  const template = tx.templates.get(service.templateID);
  if (template === undefined) throw new Error(`service ${service.ID} has no template`);
  return nodeIDs.some((id) => {
    const node = tx.nodes.get(id);
    if (node === undefined) return false;
    return explainRoom(tx, template, { ServiceID: service.ID }, node, tx.tasks.by('node', id).filter(holds)) === undefined;
  });
}

/** Slots of a job whose attempts are used up. */
function lostCauses(service: Service, tasks: readonly Task[]): number {
  const slots = Map.groupBy(tasks, slotKey);
  const isLost = (seat: readonly Task[]) =>
    hasGivenUp(service, seat) && !seat.some((task) => isLive(task) || task.Status.State === 'complete');
  return [...slots.values()].filter(isLost).length;
}

function explainJob(tx: ReadTransaction, service: Service, tasks: readonly Task[]): readonly string[] {
  const { Name, Mode } = service.Spec;
  const iteration = service.JobStatus?.JobIteration.Index ?? 0;
  const ofNow = tasks.filter((task) => (task.JobIteration?.Index ?? 0) === iteration);
  const complete = new Set(ofNow.filter(({ Status }) => Status.State === 'complete').map(slotKey)).size;
  if (ofNow.some((task) => isLive(task) && task.Status.State !== 'pending' && !waitsForAddress(tx, service, task)))
    return [`the job ${Name} is at work`];
  if (ofNow.some((task) => isLive(task) && waitsForAddress(tx, service, task))) return [];
  const wanted = Mode.ReplicatedJob?.TotalCompletions ?? 0;
  if (
    Mode.ReplicatedJob !== undefined &&
    complete + lostCauses(service, ofNow) < wanted &&
    !mayWait(tx, service) &&
    roomFor(
      tx,
      service,
      tx.nodes.all().map(({ ID }) => ID),
    )
  ) {
    return [`the job ${Name} is ${complete} times complete, and wants ${wanted}`];
  }
  return [];
}
