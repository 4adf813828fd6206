import { localVolumesOf } from '@swarm/shared/domain/local-volumes';
import type { Service, Task } from '@swarm/shared/domain/objects';
import { isLive } from '@swarm/shared/domain/task-state';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { NodeID } from '@swarm/shared/runtime/ids';
import { byAge, hasStopped, isRunning } from './standing.ts';
import type { World } from './view.ts';

type VolumeNodes = NonNullable<Service['volumeNodes']>;

const NOTHING: VolumeNodes = {};

/** Slots above are not remembered: nobody keeps data in so many. */
const MOST_SLOTS = 1000;

/**
 * By slot, which node has the data of the slot's local volumes: where its task runs now; failing that, what is known
 * from before; failing that, where its newest task has run. Undefined when the service has no such volumes.
 */
export function decideVolumeNodes(service: Service, tasks: readonly Task[], world: World): VolumeNodes | undefined {
  if (localVolumesOf(service.Spec.TaskTemplate).length === 0) return undefined;
  const known = service.volumeNodes ?? NOTHING;
  const found: Record<string, NodeID> = { ...known };
  const bySlot = Map.groupBy(tasks, (task) => task.Slot);
  for (const [slot, ofSlot] of [...bySlot].sort(([a = 0], [b = 0]) => a - b)) {
    if (slot === undefined || slot > MOST_SLOTS) continue;
    const nodeID = nodeOfSlot(ofSlot, known[slot], world);
    if (nodeID !== undefined) found[slot] = nodeID;
  }
  return deepEqual(found, known) ? known : found;
}

function nodeOfSlot(tasks: readonly Task[], known: NodeID | undefined, world: World): NodeID | undefined {
  const running = tasks.filter((task) => isLive(task) && isRunning(task) && task.NodeID !== undefined && !hasStopped(task, world));
  if (running.length > 0) return running.some((task) => task.NodeID === known) ? known : [...running].sort(byAge).at(-1)?.NodeID;
  if (known !== undefined) return known;
  return tasks.filter((task) => task.runningSince !== undefined && task.NodeID !== undefined).sort(byAge)[0]?.NodeID;
}
