import { slotKey } from '@swarm/manager/store/tables';
import { isPinned, localVolumesOf } from '@swarm/shared/domain/local-volumes';
import type { Task, Template } from '@swarm/shared/domain/objects';
import type { MakeInvariant } from './invariant.ts';
import { explainRoom, holds } from './placement.ts';
import { QuietNodes } from './quiet-nodes.ts';

/** A decision may rest on what was so when it was made. */
const MOMENT_MS = 10_000;

/**
 * The data of a local volume is on the node where its slot ran. A task of the slot goes back there when it can; when
 * it is pinned it goes nowhere else.
 */
export const tasksGoToTheirData: MakeInvariant = ({ world, view, broken, coverage }) => {
  /** By seat, the nodes where a task of it has run, the newest last. */
  const ran = new Map<string, Set<string>>();
  /** Tasks made before any of their slot had run: what they wish was written down without data. */
  const early = new Set<string>();
  const quiet = new QuietNodes(world);

  function note(task: Task): void {
    if (task.Slot === undefined || task.NodeID === undefined || task.Status.State !== 'running' || !hasVolumes(task)) return;
    const nodes = ran.get(slotKey(task)) ?? new Set();
    nodes.delete(task.NodeID);
    ran.set(slotKey(task), nodes.add(task.NodeID));
  }

  function hasVolumes({ templateID }: Task): boolean {
    const spec = view((tx) => tx.templates.get(templateID))?.spec;
    return spec !== undefined && localVolumesOf(spec).length > 0;
  }

  function judge(task: Task): void {
    const known = task.Slot === undefined || early.has(task.ID) || !hasVolumes(task) ? undefined : ran.get(slotKey(task));
    const data = [...(known ?? [])].at(-1);
    if (known === undefined || data === undefined || task.NodeID === undefined) return;
    if (known.has(task.NodeID)) {
      coverage.hit('task sent to its data');
      return;
    }
    coverage.hit('task sent away from its data');
    const [service, template] = view((tx) => [tx.services.get(task.ServiceID), tx.templates.get(task.templateID)]);
    if (isPinned(service?.Spec.Labels) && !isFresh(service?.UpdatedAt)) {
      broken(`task ${task.ID} went to ${task.NodeID}; it is pinned to its data, which is on ${data}`);
      return;
    }
    // When two of a slot ran at once, as one that came back and the one that took over do, either may have the data.
    if (template === undefined || ![...known].every((nodeID) => hadRoom(task, template, nodeID))) return;
    broken(`task ${task.ID} went to ${task.NodeID}; its data is on ${data}, which had room for it`);
  }

  function hadRoom(task: Task, template: Template, nodeID: string): boolean {
    if (!quiet.isQuiet(nodeID, MOMENT_MS)) return false;
    return view((tx) => {
      const node = tx.nodes.get(nodeID);
      return node !== undefined && explainRoom(tx, template, task, node, tx.tasks.by('node', nodeID).filter(holds)) === undefined;
    });
  }

  function isFresh(updatedAt: string | undefined): boolean {
    return updatedAt === undefined || Date.parse(updatedAt) > (world.manager?.store.now() ?? 0) - MOMENT_MS;
  }

  return {
    promise: 'a task goes to the data of its local volumes',
    storeOpened: (store) => store.view((tx) => tx.tasks.all().forEach(note)),
    committed(commit, writer) {
      for (const { table, before, after } of commit.changes) {
        if (table !== 'tasks' || after === undefined) continue;
        if (before === undefined && !ran.has(slotKey(after))) early.add(after.ID);
        if (writer === 'scheduler' && before?.NodeID === undefined && after.NodeID !== undefined) judge(after);
        if (writer === 'scheduler' && /^waits for node/.test(after.Status.Err ?? '')) coverage.hit('pinned task waits for its data');
        note(after);
      }
      quiet.follow(commit);
    },
  };
};
