import type { Task } from '@swarm/shared/domain/objects';
import { type Clock, delay } from '@swarm/shared/runtime/clock';
import type { Store } from '../store/store.ts';
import type { PlacementPicture, PreviewPlacement } from './placement-preview.ts';

/** Tasks that are looked at before others get a turn. */
const TASKS_PER_TURN = 2_000;

export interface PictureDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly previewPlacement: PreviewPlacement;
}

/** The cluster as it will be when the tasks that leave have left. */
export async function drawPicture(
  { store, clock, previewPlacement }: PictureDeps,
  leaving: { has(taskID: string): boolean },
): Promise<PlacementPicture> {
  const picture = previewPlacement((id) => store.view((tx) => tx.networks.get(id)?.Spec));
  const tasks: readonly Task[] = store.view((tx) => {
    for (const node of tx.nodes.all()) picture.addNode(node);
    return tx.tasks.all();
  });
  const never = new AbortController().signal;
  for (let from = 0; from < tasks.length; from += TASKS_PER_TURN) {
    if (from > 0) await delay(clock, 0, never);
    store.view((tx) => {
      for (const task of tasks.slice(from, from + TASKS_PER_TURN)) {
        const template = tx.templates.get(task.templateID);
        if (template !== undefined && !leaving.has(task.ID)) picture.addTask(task, template);
      }
    });
  }
  return picture;
}
