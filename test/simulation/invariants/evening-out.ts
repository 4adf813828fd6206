import type { ReadTransaction } from '@swarm/manager/store/store';
import { slotKey } from '@swarm/manager/store/tables';
import { localVolumesOf } from '@swarm/shared/domain/local-volumes';
import type { Service, Task } from '@swarm/shared/domain/objects';
import { isLive, isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import { epochMs } from '@swarm/shared/runtime/clock';
import type { MakeInvariant } from './invariant.ts';
import { causeOf } from './no-needless-move.ts';
import { QuietNodes } from './quiet-nodes.ts';

/** Docker's default, of `UpdateConfig.Monitor`. */
const DEFAULT_MONITOR_MS = 5_000;
/** Between a decision and its commit. */
const SLACK_MS = 500;
const MOMENT_MS = 2_000;

/**
 * Tasks that are well are moved to even out the nodes with care: one of a service at a time, only where somebody asked,
 * never away from data, from a fuller node to an emptier one, and the old one goes when the new one has stood the test.
 */
export const movesAreGentle: MakeInvariant = ({ world, view, broken, coverage }) => {
  const quiet = new QuietNodes(world);

  function judgeMove(tx: ReadTransaction, task: Task, moved: Task | undefined, to: string): string | undefined {
    const service = tx.services.get(task.ServiceID);
    if (service === undefined || moved?.NodeID === undefined) return 'what it replaces has no place';
    if (service.rebalanceSince === undefined) return 'nobody asked for it';
    if (localVolumesOf(service.Spec.TaskTemplate).length > 0) return 'it has local volumes, whose data would stay behind';
    const tasks = tx.tasks.by('service', service.ID).filter((each) => each.ID !== task.ID && isLive(each));
    const under = tasks.find(({ origin }) => tasks.some(({ ID }) => ID === origin?.replaces));
    if (under !== undefined) return `task ${under.ID} of the same service is being moved still`;
    // With spread preferences what counts is the branch.
    if ((service.Spec.TaskTemplate.Placement?.Preferences ?? []).length > 0) return undefined;
    if (!quiet.isQuiet(moved.NodeID, MOMENT_MS) || !quiet.isQuiet(to, MOMENT_MS)) return undefined;
    const on = (nodeID: string) => tasks.filter(({ NodeID }) => NodeID === nodeID).length;
    const [from, there] = [on(moved.NodeID), on(to)];
    return from > there ? undefined : `${moved.NodeID} has ${from} tasks of the service, and ${to} has ${there}`;
  }

  function judgeEnd(tx: ReadTransaction, task: Task, service: Service): string | undefined {
    const heir = tx.tasks.by('slot', slotKey(task)).find(({ origin }) => origin?.replaces === task.ID);
    if (heir === undefined || !isLive(heir) || causeOf(tx, task) !== 'another one runs') return undefined;
    coverage.hit('task evened out');
    const monitor = service.Spec.UpdateConfig?.Monitor;
    const monitorMs = monitor === undefined ? DEFAULT_MONITOR_MS : monitor / 1e6;
    const ranMs = heir.runningSince === undefined ? 0 : (world.manager?.store.now() ?? 0) - epochMs(heir.runningSince);
    return ranMs < monitorMs - SLACK_MS ? `its successor ${heir.ID} had run for ${ranMs} of ${monitorMs} ms` : undefined;
  }

  return {
    promise: 'evening out the nodes hurts no service',
    committed(commit, writer) {
      for (const { table, before, after } of commit.changes) {
        if (table !== 'tasks' || after === undefined || writer !== 'orchestrator') continue;
        const { origin } = after;
        if (before === undefined && origin?.replaces !== undefined) {
          const { replaces, node } = origin;
          coverage.hit('task moved to even out the nodes');
          const reason = view((tx) => judgeMove(tx, after, tx.tasks.get(replaces), node?.id ?? ''));
          if (reason !== undefined) broken(`task ${replaces} is moved to ${node?.id} by ${after.ID}: ${reason}`);
        }
        if (before?.Status.State !== 'running' || !isWanted(before.DesiredState) || isWanted(after.DesiredState)) continue;
        if (isTerminal(after.Status.State)) continue;
        const reason = view((tx) => {
          const service = tx.services.get(after.ServiceID);
          return service === undefined ? undefined : judgeEnd(tx, before, service);
        });
        if (reason !== undefined) broken(`task ${after.ID} was moved away and stopped: ${reason}`);
      }
      quiet.follow(commit);
    },
  };
};
