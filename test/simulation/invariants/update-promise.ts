import { slotKey } from '@swarm/manager/store/tables';
import { nodeSatisfies } from '@swarm/shared/domain/constraints';
import type { Service, Task } from '@swarm/shared/domain/objects';
import { isLive, isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import { epochMs } from '@swarm/shared/runtime/clock';
import type { MakeInvariant } from './invariant.ts';

/** Docker's default, of `UpdateConfig.Monitor`. */
const DEFAULT_MONITOR_MS = 5_000;
/** Between a decision and its commit. */
const SLACK_MS = 500;

/**
 * What an update takes down, it takes down in turns: of the seats that ran and were stopped for it, at most
 * `Parallelism` do not run again yet. A start-first update stops nothing before its
 * successor has run for as long as it is watched.
 */
export const updatesKeepTheirPromise: MakeInvariant = ({ world, view, broken, coverage }) => {
  /** Per service: the seats that the update has taken down and that do not run yet. */
  const down = new Map<string, Set<string>>();

  function takenDown(service: Service, before: Task, after: Task): void {
    // Only a stop for the sake of the update counts: one whose node is lost, drained or no longer fits has its own reasons.
    if (hasOtherReason(before)) return;
    const seat = slotKey(after);
    const successor = view((tx) => tx.tasks.by('slot', seat)).filter((task) => task.ID !== after.ID && isLive(task));
    const isRollback = /^rollback_(started|paused)$/.test(service.UpdateStatus?.State ?? '');
    const config = isRollback ? service.Spec.RollbackConfig : service.Spec.UpdateConfig;
    if (config?.Order === 'start-first') {
      const isUpdate = successor.some((task) => task.origin?.kind === 'update' && task.specVersion === service.specVersion);
      const runs = successor.some((task) => task.Status.State === 'running');
      const yieldsPort = service.UpdateStatus?.Message.includes('start-first is not possible') === true;
      if (isUpdate && !runs && !yieldsPort && before.templateID !== service.templateID) {
        broken(`the start-first update of ${service.Spec.Name} stopped task ${after.ID}, and none of ${seat} runs`);
      }
      if (isUpdate && runs && !yieldsPort && before.templateID !== service.templateID) {
        // The last seat of a rollback goes in the moment in which it is over: either rule may have been meant.
        const monitors = [service.Spec.UpdateConfig, service.Spec.RollbackConfig].map((each) => each?.Monitor);
        const monitorMs = Math.min(...monitors.map((each) => (each === undefined ? DEFAULT_MONITOR_MS : each / 1e6)));
        const now = world.manager?.store.now() ?? 0;
        const ran = Math.max(
          ...successor.filter(isUp).map(({ runningSince }) => (runningSince === undefined ? 0 : now - epochMs(runningSince))),
        );
        coverage.hit('start-first update hands over');
        if (ran < monitorMs - SLACK_MS) {
          broken(
            `the start-first update of ${service.Spec.Name} stopped task ${after.ID} when the new one had run for ${ran} of ${monitorMs} ms`,
          );
        }
      }
      return;
    }
    // Its renewal began start-first, before somebody wrote the spec anew.
    if (successor.some(isUp)) return;
    if (!successor.some((task) => task.origin?.kind === 'update' && task.specVersion === service.specVersion)) return;
    const seats = down.get(service.ID) ?? new Set();
    down.set(service.ID, seats.add(seat));
    const parallelism = config === undefined ? 1 : (config.Parallelism ?? 0);
    coverage.hit('update takes a seat down');
    const counted = [...seats].filter((each) => !isNodeOut(each));
    if (parallelism > 0 && counted.length > parallelism) {
      broken(
        `the update of ${service.Spec.Name} has ${counted.length} seats down at once (${counted.join(', ')}); its parallelism is ${parallelism}`,
      );
    }
  }

  /**
   * A global service's seat goes down with its node and comes up nowhere else: no update, and above all no rollback of
   * the one that was under way, waits for a node that may never come back, or that somebody has paused meanwhile.
   */
  function isNodeOut(seat: string): boolean {
    return view((tx) =>
      tx.tasks.by('slot', seat).some(({ Slot, NodeID }) => {
        const node = Slot !== undefined || NodeID === undefined ? undefined : tx.nodes.get(NodeID);
        return node?.Status.State === 'down' || node?.Spec.Availability === 'pause';
      }),
    );
  }

  function hasOtherReason(task: Task): boolean {
    return view((tx) => {
      const node = task.NodeID === undefined ? undefined : tx.nodes.get(task.NodeID);
      if (node === undefined || node.Status.State === 'down' || node.Spec.Availability === 'drain') return true;
      return !nodeSatisfies(tx.templates.get(task.templateID)?.spec.Placement, node);
    });
  }

  return {
    promise: 'an update never has more than Parallelism seats down, and start-first none',
    // That a seat is up again may have been written without anybody hearing of it.
    storeOpened: (store) =>
      store.view((tx) => {
        for (const seats of down.values()) {
          for (const seat of seats) if (tx.tasks.by('slot', seat).some(isUp)) seats.delete(seat);
        }
      }),
    committed({ changes }) {
      for (const change of changes) {
        if (change.table === 'services' && change.after === undefined) down.delete(change.id);
        if (change.table !== 'tasks') continue;
        const { before, after } = change;
        const task = after ?? before;
        if (task === undefined) continue;
        const seats = down.get(task.ServiceID);
        // Up again; or it has failed, been withdrawn, reaped or given up: then it is not the update that keeps it down.
        const hasFailed = after !== undefined && isTerminal(after.Status.State) && before !== undefined && isLive(before);
        const isGivenUp = () => !view((tx) => tx.tasks.by('slot', slotKey(task))).some(isLive);
        if (seats?.has(slotKey(task)) && ((after !== undefined && isUp(after)) || hasFailed || isGivenUp())) seats.delete(slotKey(task));
      }
      for (const change of changes) {
        if (change.table !== 'tasks' || change.before === undefined || change.after === undefined) continue;
        const { before, after } = change;
        if (before.Status.State !== 'running' || !isWanted(before.DesiredState) || isWanted(after.DesiredState)) continue;
        if (isTerminal(after.Status.State)) continue;
        const service = view((tx) => tx.services.get(after.ServiceID));
        if (service !== undefined && before.specVersion !== service.specVersion) takenDown(service, before, after);
      }
      for (const change of changes) {
        if (change.table !== 'services' || change.after === undefined || change.before === undefined) continue;
        // Fewer seats are wanted: those that go are no longer down by the update.
        const count = (service: Service) => service.Spec.Mode.Replicated?.Replicas ?? 0;
        if (count(change.after) < count(change.before)) down.delete(change.id);
      }
    },
  };
};

function isUp(task: Task): boolean {
  return task.Status.State === 'running' && isWanted(task.DesiredState);
}
