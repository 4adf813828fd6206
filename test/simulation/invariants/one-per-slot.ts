import type { ReadTransaction } from '@swarm/manager/store/store';
import { slotKey } from '@swarm/manager/store/tables';
import { dependenciesOf } from '@swarm/shared/domain/depends-on';
import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import type { Node, Task } from '@swarm/shared/domain/objects';
import { isLive } from '@swarm/shared/domain/task-state';
import { epochMs } from '@swarm/shared/runtime/clock';
import type { Host } from '../world/host.ts';
import type { MakeInvariant } from './invariant.ts';

/** The longest that a successor waits for the one before it to stop, beyond that one's own grace period. */
const STOP_SLACK_MS = 50_000;
const DEFAULT_GRACE_MS = 10_000;
/** From what the orchestrator has seen to the task that it makes of it. */
const DECIDING_MS = 1_000;

interface KnownTask {
  readonly seat: string;
  readonly origin: string;
  readonly specVersion: number;
  /** When the store learned of it, in the time of the run. */
  readonly madeMs: number;
  /** It was made to start beside the one it renews. */
  readonly startsFirst: boolean;
  /** Renewed when what its service depends on is, though nobody changed the spec. */
  readonly followsAnother: boolean;
  /** It was made to start beside the one it takes over from: off a drained node, at whichever attempt, or to even out the nodes. */
  readonly movesFirst: boolean;
  readonly graceMs: number;
  /** By the manager's clock: how old it was when it was let run. */
  ageWhenLetRunMs: number;
  /** Taken from its node although the node lives: nobody waits for it any more, as in Docker Swarm. */
  isEnforced: boolean;
}

interface Up {
  readonly host: Host;
  readonly nodeID: string;
  readonly containerID: string;
  readonly taskID: string;
}

/**
 * The promise of a seat: while its container can run on a node that the manager hears of, no second one is started.
 * Two exceptions are promised too: an update that starts first, and a container that does not stop in its time.
 */
export const onePerSlot: MakeInvariant = ({ world, view, broken }) => {
  const tasks = new Map<string, KnownTask>();
  const ups = new Map<string, Up[]>();
  /** Until when a node was down, in the time of the run; Infinity while it is. */
  const downUntil = new Map<string, number>();
  /** Likewise, drained. */
  const drainedUntil = new Map<string, number>();

  function learn(task: Task): void {
    const known = tasks.get(task.ID);
    if (known !== undefined) return;
    view((tx) => {
      const service = tx.services.get(task.ServiceID)?.Spec;
      const rollsBack = tx.services.get(task.ServiceID)?.UpdateStatus?.State === 'rollback_started';
      const order = (rollsBack ? service?.RollbackConfig : service?.UpdateConfig)?.Order;
      const grace = tx.templates.get(task.templateID)?.spec.ContainerSpec?.StopGracePeriod;
      tasks.set(task.ID, {
        seat: slotKey(task),
        origin: task.origin?.kind ?? '',
        specVersion: task.specVersion,
        madeMs: world.time.monotonicMs(),
        startsFirst: task.origin?.kind === 'update' && order === 'start-first',
        followsAnother: dependenciesOf(service?.Labels ?? {}).some(({ restart }) => restart),
        movesFirst: task.origin?.replaces !== undefined || (service?.UpdateConfig?.Order === 'start-first' && comesFromDrained(tx, task)),
        graceMs: Math.max(DEFAULT_GRACE_MS, (grace ?? 0) / 1e6),
        ageWhenLetRunMs: 0,
        isEnforced: false,
      });
    });
  }

  function noteNode(nodeID: string, node: Node | undefined): void {
    for (const [until, holds] of [
      [downUntil, node?.Status.State === 'down'],
      [drainedUntil, node?.Spec.Availability === 'drain'],
    ] as const) {
      if (holds) until.set(nodeID, Number.POSITIVE_INFINITY);
      else if (until.get(nodeID) === Number.POSITIVE_INFINITY) until.set(nodeID, world.time.monotonicMs());
    }
  }

  /** Another task of its seat runs on a drained node and is to stay until this one, or one that follows it, runs well. */
  function comesFromDrained(tx: ReadTransaction, task: Task): boolean {
    const since = world.time.monotonicMs() - DECIDING_MS;
    return tx.tasks.by('slot', slotKey(task)).some((other) => {
      if (other.ID === task.ID || !isLive(other) || other.Status.State !== 'running') return false;
      return (drainedUntil.get(other.NodeID ?? '') ?? Number.NEGATIVE_INFINITY) >= since;
    });
  }

  /** Why `a` may start while `b` is up; undefined when it may not. */
  function excuse(a: Up, b: Up): string | undefined {
    const [mine, other] = [tasks.get(a.taskID), tasks.get(b.taskID)];
    if (mine === undefined || other === undefined) return 'a task of before this run';
    const wasAway = (up: Up, since: number) =>
      view((tx) => tx.nodes.get(up.nodeID) === undefined) || (downUntil.get(up.nodeID) ?? -1) >= since;
    if (wasAway(b, mine.madeMs) || wasAway(a, other.madeMs)) return 'the manager could not hear of one of them';
    const isRenewal = mine.specVersion !== other.specVersion || mine.followsAnother || other.followsAnother;
    if ((mine.startsFirst || other.startsFirst) && isRenewal) return 'the update starts first';
    if (mine.movesFirst) return 'it takes over from one that goes when it runs';
    if (mine.ageWhenLetRunMs >= other.graceMs + STOP_SLACK_MS) return 'it has waited long enough';
    if (other.isEnforced) return 'the one before was taken from its node by the constraint enforcer';
    return undefined;
  }

  return {
    promise: "never two live containers of a slot on reachable nodes beyond the update's promise",
    storeOpened: (store) =>
      store.view((tx) => {
        for (const node of tx.nodes.all()) noteNode(node.ID, node);
        for (const task of tx.tasks.all()) learn(task);
      }),
    committed({ changes }) {
      for (const change of changes) {
        if (change.table === 'nodes') noteNode(change.id, change.after);
        if (change.table !== 'tasks' || change.after === undefined) continue;
        learn(change.after);
        const known = tasks.get(change.id);
        const { before, after } = change;
        if (known === undefined) continue;
        if (before?.DesiredState === 'ready' && after.DesiredState === 'running') {
          known.ageWhenLetRunMs = epochMs(after.UpdatedAt) - epochMs(after.CreatedAt);
        }
        if (after.Status.State === 'rejected' && after.Status.Message === 'task rejected by constraint enforcer') known.isEnforced = true;
      }
    },
    containerStarted(host, containerID) {
      const container = host.engine.containers().find(({ id }) => id === containerID);
      const taskID = container?.labels[CONTAINER_LABELS.taskID] ?? '';
      const nodeID = container?.labels[CONTAINER_LABELS.nodeID] ?? '';
      const seat = tasks.get(taskID)?.seat;
      if (seat === undefined) return;
      const started: Up = { host, nodeID, containerID, taskID };
      const others = (ups.get(seat) ?? []).filter(
        (up) =>
          up.containerID !== containerID &&
          up.host.engine.containers().some(({ id, status }) => id === up.containerID && status === 'running'),
      );
      for (const other of others) {
        if (other.host === host && other.taskID === taskID) broken(`task ${taskID} has two containers up on ${host.name}`);
        else if (excuse(started, other) === undefined) {
          broken(
            `${host.name} started task ${taskID} (${tasks.get(taskID)?.origin}) while task ${other.taskID} of the same seat ${seat} is up on ${other.host.name}`,
          );
        }
      }
      ups.set(seat, [...others, started]);
    },
  };
};
